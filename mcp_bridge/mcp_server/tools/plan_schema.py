# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a plan for whoever writes one from the list of tools alone: made from the models, short, with examples.

The whole schema stays ``schema://ParameterPlan``; this one leaves out what an example says better: patterns, long
lists of words, and bounds that nobody comes near by mistake.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from mcp_bridge.models import ParameterPlan, Rollout

PLAN_EXAMPLES: dict[str, Any] = {
    "iface": "eth0",
    "validate": {"targets": {"tcp": ["db1:5432"]}, "objectives": {"loss_pct": 1, "max_regression_pct": 20}},
}
CHANGE_EXAMPLES: dict[str, Any] = {
    "sysctl": {"net.core.somaxconn": 4096, "net.ipv4.tcp_rmem": "4096 131072 33554432"},
    "qdisc": {"type": "fq_codel", "params": {"target_us": 5000}},
    "shaper": {"egress_mbit": 90, "ingress_mbit": 450},
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
    "rate_limits": [{"rate": "50/second", "burst": 100, "protocol": "tcp", "port": 443, "per_source": True}],
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 20, "ceil_mbit": 90, "priority": 0, "match": [{"dscp": "ef"}]},
        {"classid": "1:20", "rate_mbit": 70, "ceil_mbit": 90, "leaf": {"type": "fq_codel"}},
    ],
    "default_class": "1:20",
    "dscp": [{"match": {"proto": "udp", "dports": "3478-3481"}, "dscp": "ef"}],
    "connection_tracking": {"max_connections": 262144, "tcp_timeout_established": 86400},
    "offloads": {"gro": True, "lro": False},
    "mtu": 1400,
    "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 8080, "to_addr": "192.0.2.10", "to_port": 80}],
    "ingress": {"qdisc": {"type": "cake"}},
    "nic": {"rings": {"rx": "max"}, "txqueuelen": 10000},
    "steering": {"rps_cpus": "0-3"},
    "routes": [{"dst": "default", "initcwnd": 20}],
    "netem": {"delay_ms": 40, "loss_pct": 0.5, "duration_s": 300},
}
"""An example of each kind of change, the commonest kinds first; the schema has them in this order."""

WORDS_MAX = 16  # of a list of words; an example says more than a longer one
DEPTH = 3  # levels below a change that are spelled out
BOUND_MAX = 32  # nobody comes near a higher bound by mistake, and the refusal names it
FIELDS_MAX = 4  # that are spelled out where an object must have none of them; more are named alone
PARAMETERS_MAX = 4  # of a kind of qdisc that are named
KEPT = ("type", "const", "required")


ONE_AT_A_TIME = threading.Lock()
"""Held while a schema is made: Python 3.11's ast.parse, which reads the docstrings, fails in two threads at once."""


@cache
def rollout_schema() -> dict[str, Any]:
    """Return the schema of a rollout as an argument, each field with what it means in a sentence."""
    with ONE_AT_A_TIME:
        whole = Rollout.model_json_schema()
    told = {}
    for name, field in whole["properties"].items():
        told[name] = _with_example(_short(field, whole.get("$defs", {})), _first_sentence(field), None)
    return {"type": "object", "properties": told}


@cache
def plan_schema() -> dict[str, Any]:
    """Return the schema of a plan as an argument."""
    with ONE_AT_A_TIME:
        whole = ParameterPlan.model_json_schema()
    kinds = whole["$defs"]
    fields = whole["properties"]
    changes = kinds["Changes"]["properties"]
    told = {
        name: _with_example(_short(changes[name], kinds), changes[name], CHANGE_EXAMPLES.get(name))
        for name in (
            *(name for name in CHANGE_EXAMPLES if name in changes),
            *sorted(changes.keys() - CHANGE_EXAMPLES.keys()),
        )
    }
    first = ("iface", "changes", "profile")
    properties = {
        name: _with_example(_short(fields[name], kinds), _first_sentence(fields[name]), PLAN_EXAMPLES.get(name))
        for name in (*first, *(name for name in fields if name not in first))
    }
    properties["changes"] = {"type": "object", "properties": told, "additionalProperties": False}
    return {"type": "object", "properties": properties, "required": whole["required"], "additionalProperties": False}


def _named(fields: Iterable[str]) -> dict[str, Any]:
    """Return an object by the names of its fields alone."""
    return {"type": "object", "description": f"Fields: {' '.join(fields)}"}


def _first_sentence(field: Mapping[str, Any]) -> dict[str, str]:
    """Return a field's description without what the whole schema says besides."""
    return {"description": " ".join(field.get("description", "").split()).partition(". ")[0]}


def _with_example(short: dict[str, Any], whole: Mapping[str, Any], example: Any) -> dict[str, Any]:
    told = [part["description"] for part in (whole, short) if "description" in part]
    found = {**short, "description": " ".join(told)} if told else dict(short)
    return found if example is None else {**found, "examples": [example]}


def _short(schema: Mapping[str, Any], kinds: Mapping[str, Any], depth: int = DEPTH) -> dict[str, Any]:
    """Return a schema without titles, descriptions, patterns and null, with references written out."""
    if "$ref" in schema:
        return _short(kinds[schema["$ref"].rpartition("/")[2]], kinds, depth)
    if "discriminator" in schema:
        return _by_type(schema, kinds, spelled_out=depth == DEPTH)
    options = [part for part in schema.get("anyOf", schema.get("oneOf", [])) if part != {"type": "null"}]
    if len(options) == 1:
        return _short(options[0], kinds, depth)
    if options:
        return _one_of([_short(option, kinds, depth) for option in options])
    found = {key: schema[key] for key in KEPT if key in schema}
    if "enum" in schema:
        words = list(dict.fromkeys(map(_in_lower_case, schema["enum"])))
        found = {"enum": words} if len(words) <= WORDS_MAX else {"type": schema["type"]}
    if schema.get("maximum", BOUND_MAX + 1) <= BOUND_MAX:
        found |= {key: schema[key] for key in ("minimum", "maximum") if key in schema}
    fields = schema.get("properties", {})
    if fields and "required" not in schema and (len(fields) > FIELDS_MAX or not depth or "htb_classes" in fields):
        return _named(fields)
    if depth and fields:
        found["properties"] = {name: _short(part, kinds, depth - 1) for name, part in fields.items()}
    if depth and "items" in schema:
        found["items"] = _short(schema["items"], kinds, depth - 1)
    return found


def _one_of(options: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what may be one thing or another: a branch for each, since many clients know no list of types.

    A number that may be text as well is told as text alone, which is accepted of every number. What an object has in
    it then is in the field's description.
    """
    branches = [
        {"type": "object"} if option.get("type") == "object" else option
        for option in options
        if option.get("type") != "integer"
    ]
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def _in_lower_case(value: Any) -> Any:
    """Return a word as it is told; case does not count where a schema has both."""
    return value.lower() if isinstance(value, str) else value


def _by_type(schema: Mapping[str, Any], kinds: Mapping[str, Any], *, spelled_out: bool) -> dict[str, Any]:
    """Return what has a type and parameters of that type: the types, and once the names of each one's parameters."""
    if not spelled_out:  # a leaf, of which the qdisc of the interface tells all
        return {"type": "object", "properties": {"type": {"type": "string"}}, "required": ["type"]}
    names = {kind: reference.rpartition("/")[2] for kind, reference in schema["discriminator"]["mapping"].items()}
    parameters = {kind: _parameters(kinds[name], kinds) for kind, name in names.items()}
    text = "; ".join(f"{kind}: {' '.join(found)}" for kind, found in parameters.items() if found)
    below = {field for name in names.values() for field in kinds[name]["properties"]} - {"type", "params"}
    return {
        "type": "object",
        "properties": {
            "type": {"enum": list(names)},
            "params": {"type": "object", "description": text},
            **{field: {"type": "object"} for field in sorted(below)},
        },
        "required": ["type"],
    }


def _parameters(kind: Mapping[str, Any], kinds: Mapping[str, Any]) -> list[str]:
    reference = kind["properties"].get("params", {}).get("$ref")
    names = list(kinds[reference.rpartition("/")[2]].get("properties", {})) if reference else []
    return [*names[:PARAMETERS_MAX], "..."] if len(names) > PARAMETERS_MAX else names

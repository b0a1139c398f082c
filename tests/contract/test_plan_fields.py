# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A target's table of a plan's shape says what the controller's schema says, and no plan of ours is refused by it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plan import fields as table
from ansible_collections.netopt.linux.plugins.module_utils._plan.check import check_structure
from ansible_collections.netopt.linux.plugins.module_utils._plan.form import one_form
from ansible_collections.netopt.linux.plugins.modules import netopt_apply
from mcp_bridge.models import ParameterPlan
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.bridge.plan_strategies import CHANGES

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ParameterPlan.model_json_schema()
KINDS = {"string": table.TEXT, "integer": table.WHOLE, "number": table.NUMBER, "boolean": table.FLAG}


def of_schema(node: Mapping[str, Any]) -> Any:
    """Return what a JSON schema permits, in the form of ``of_table``."""
    match node:
        case {"$ref": ref}:
            found = of_schema(SCHEMA["$defs"][ref.rpartition("/")[2]])
        case {"discriminator": {"mapping": mapping}}:
            found = ("by type", {name: of_schema({"$ref": ref}) for name, ref in mapping.items()})
        case {"anyOf": several} | {"oneOf": several}:
            found = one_or_several([of_schema(one) for one in several if one.get("type") != "null"])
        case {"const": word}:
            found = ("words", [word])
        case {"enum": words}:
            found = ("words", sorted(words))
        case {"type": "array", "items": item}:
            found = ("list", of_schema(item))
        case {"type": "object", "properties": fields, "additionalProperties": False}:
            required = node.get("required", [])
            found = (
                "record",
                {name: (of_schema(one), name in required, takes_null(one)) for name, one in fields.items()},
            )
        case {"type": "object", "additionalProperties": value}:
            found = ("map", of_schema(value))
        case {"type": kind}:
            found = KINDS[kind]
    return found


def takes_null(node: Mapping[str, Any]) -> bool:
    """Return whether a JSON schema permits null."""
    return any(one.get("type") == "null" for one in node.get("anyOf", ()))


def of_table(shape: Any) -> Any:
    """Return a shape of the table as plain data."""
    match shape:
        case table.ByType(records):
            found: Any = ("by type", {name: of_table(record) for name, record in records.items()})
        case table.Either(shapes):
            found = one_or_several([of_table(one) for one in shapes])
        case table.Words(words):
            found = ("words", sorted(words))
        case table.ListOf(item):
            found = ("list", of_table(item))
        case table.MapOf(value):
            found = ("map", of_table(value))
        case table.Record(fields):
            parts = {name: (of_table(field.shape), field.required, field.null) for name, field in fields.items()}
            found = ("record", parts)
        case kind:
            found = kind
    return found


def one_or_several(found: list[Any]) -> Any:
    """Return the only alternative, or all in an order of their own."""
    return found[0] if len(found) == 1 else ("either", sorted(found, key=repr))


def test_the_table_says_what_the_schema_says() -> None:
    """Fields, kinds, words, what is required and where null may stand are the same, at every level."""
    assert of_table(table.PLAN) == of_schema(SCHEMA)


def test_the_table_has_the_aliases_of_the_models() -> None:
    """A second name of a field is known by both, and no other one."""
    found = {}
    for name, field in ParameterPlan.model_fields.items():
        if isinstance(field.validation_alias, AliasChoices):
            first, *others = field.validation_alias.choices
            found.update(dict.fromkeys(others, first))
        else:
            assert field.validation_alias is None, name
    assert table.PLAN.aliases == found == {"validation": "validate"}


def example(shape: Any) -> Any:
    """Return a value of a shape, with every key that there is."""
    match shape:
        case table.Either(shapes):
            found = example(shapes[-1])
        case table.ByType(records):
            found = example(records.get("tbf") or next(iter(records.values())))
        case table.Words(words):
            found = words[0]
        case table.ListOf(item):
            found = [example(item)]
        case table.MapOf(value):
            found = {"net.core.somaxconn": example(value)}
        case table.Record(fields):
            found = {name: example(field.shape) for name, field in fields.items()}
        case kind:
            found = {table.TEXT: "text", table.WHOLE: 1, table.NUMBER: 1.5, table.FLAG: True}[kind]
    return found


def full_plans() -> Iterator[dict[str, Any]]:
    """Yield plans that have every key between them: one for each kind of qdisc, one for each model of loss."""
    for name, record in table._ROOT.records.items():
        plan = example(table.PLAN)
        plan["changes"]["qdisc"] = example(record)
        if name in table._LEAF.records:
            plan["changes"]["htb_classes"][0]["leaf"] = example(record)
        yield plan
    for record in table._NETEM["loss_model"].shape.records.values():
        plan = example(table.PLAN)
        plan["changes"]["netem"]["loss_model"] = example(record)
        plan["changes"]["qdisc"] = {"type": "mq", "per_queue": example(table._QUEUE.records["htb"])}
        yield plan


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of everything in a plan."""
    yield path
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in below:
        yield from places(item, (*path, key))


def written(path: tuple[str | int, ...]) -> str:
    """Return a path as reports write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def at(plan: Any, path: tuple[str | int, ...]) -> Any:
    """Return what lies at a path."""
    for part in path:
        plan = plan[part]
    return plan


EVERYWHERE = {written(path): (plan, path) for plan in full_plans() for path in places(plan)}


@pytest.mark.parametrize(("plan", "path"), EVERYWHERE.values(), ids=EVERYWHERE)
def test_refused_at_its_place(plan: dict[str, Any], path: tuple[str | int, ...]) -> None:
    """Everywhere in a plan an unknown key, and a value that is of no kind at all, is refused with its path."""
    check_structure(plan)
    value = at(plan, path)
    if isinstance(value, dict) and path[-1:] not in {("sysctl",), ("offloads",)}:
        changed = copy.deepcopy(plan)
        at(changed, path)["no_such_key"] = None
        assert refused(changed) == written((*path, "no_such_key"))
    for wrong in ([[]], {"no": []}, float("nan"), not isinstance(value, bool) or "text"):
        changed = copy.deepcopy(plan)
        if path:
            at(changed, path[:-1])[path[-1]] = wrong
        else:
            changed = wrong
        assert refused(changed).startswith(written(path)), wrong


def refused(plan: Any) -> str:
    """Return the path at which a plan is refused."""
    with pytest.raises(NetoptError) as caught:
        check_structure(plan)
    error = caught.value
    assert error.stage == "plan"
    assert error.wanted
    assert error.hint
    assert str(error.key) in error.message or error.key == "plan"
    return str(error.key)


def documents() -> Iterator[tuple[str, Any]]:
    """Yield all JSON and YAML of this project that may have plans in it, by where it is."""
    for folder in ("examples", "docs", "benchmarks", "molecule", "ansible_collections"):
        for path in sorted((ROOT / folder).rglob("*")):
            where = str(path.relative_to(ROOT))
            if path.suffix in {".json", ".yml", ".yaml"}:
                yield from ((where, one) for one in yaml.safe_load_all(path.read_text(encoding="utf-8")))
            elif path.suffix == ".md":
                for language, text in re.findall(r"```(json|ya?ml)\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
                    found = [json.loads(text)] if language == "json" else yaml.safe_load_all(text)
                    yield from ((where, one) for one in found)
    yield "netopt_apply", yaml.safe_load(netopt_apply.EXAMPLES)
    for profile in load_policy().profiles.values():
        yield "profiles", {"iface": "auto", "profile": profile.name, "changes": profile.changes}


def plans(value: Any) -> Iterator[dict[str, Any]]:
    """Yield the plans in a document."""
    if isinstance(value, dict) and "iface" in value and "changes" in value:
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from plans(item)


OURS = [(where, plan) for where, document in documents() for plan in plans(document)]


def test_plans_are_found() -> None:
    """There are examples, profiles of the policy, plans in the documentation and in the collection's own tests."""
    found = {where.split("/")[0] for where, _plan in OURS}
    assert {"examples", "docs", "profiles", "benchmarks", "molecule", "ansible_collections", "netopt_apply"} <= found


@pytest.mark.parametrize("plan", [plan for _where, plan in OURS], ids=[where for where, _plan in OURS])
def test_plans_of_ours_pass(plan: dict[str, Any]) -> None:
    """Whatever we show as a plan has the shape of one, as it is written and in its normal form."""
    check_structure(plan)
    normal = validate(plan, load_policy()).normalized_plan
    if normal is not None:
        check_structure(normal.dump())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(changes=CHANGES, name=st.sampled_from(["validate", "validation"]))
def test_what_the_controller_hands_over_passes(changes: dict[str, Any], name: str) -> None:
    """The normal form of any plan passes and stays as it is, whichever name ``validate`` has; null takes away."""
    plan = {"iface": ["eth0"], "changes": changes, "validate": {"targets": {"ping": ["192.0.2.1"]}}}
    normal = validate(plan, load_policy()).normalized_plan
    assume(normal is not None)
    data = normal.dump()  # type: ignore[union-attr]  # assumed above
    check_structure(data)
    check_structure(json.loads(json.dumps(data)))
    assert json.dumps(one_form(data)) == json.dumps(data)
    before = copy.deepcopy(data)
    data[name] = data.pop("validate")
    changes_and_nulls = {**dict.fromkeys(table._CHANGES), **data["changes"]}
    data["changes"] = {"sysctl": None, "offloads": None, **data["changes"]}
    check_structure(data)
    assert one_form(data) == before
    data["changes"] = changes_and_nulls
    check_structure(data)
    away = dict.fromkeys(set(table._CHANGES) - set(before["changes"]) - {"sysctl", "offloads"})
    assert one_form(data) == {**before, "changes": {**before["changes"], **away}}
    named = {**data, "name": "web"}
    check_structure(named)
    set_ = {field: value for field, value in before["changes"].items() if value is not None}
    assert one_form(named) == {**before, "name": "web", "changes": set_}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules' options and the plan's fields agree: whoever knows one knows the other."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._link import mtu as link_mtu
from ansible_collections.netopt.linux.plugins.module_utils._modules.apply import OF_THE_CONTROLLER
from ansible_collections.netopt.linux.plugins.module_utils._plan.dscp import code_point, with_numbers
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import subsystem as sysctl_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import OF_PLANS, PlanRequest, Request
from ansible_collections.netopt.linux.plugins.plugin_utils._plan_variables import OF_A_CHANGE, OF_A_HOST, OF_A_PLAN
from mcp_bridge.models.changes import Changes
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

COLLECTION = Path(__file__).resolve().parents[2] / "ansible_collections/netopt/linux"
SCHEMA = Changes.model_json_schema(mode="validation")
OWN = {
    "netopt_tc": {"state", "iface"},
    "netopt_nft": {"state", "iface"},
    "netopt_link": {"iface"},
    "netopt_route": {"iface"},
}
ANSIBLE_TYPES = {
    "str": {"string"},
    "int": {"integer"},
    "float": {"number", "integer"},
    "bool": {"boolean"},
    "list": {"array"},
    "dict": {"object"},
}
# the playbook remove takes plans away; the others no variable may say
NOT_OF_VARIABLES = {"remove", "from_variables", "check_policy", "without_bounds"}
KEPT_BY_SYSCTL = {
    "connection_tracking": {"max_connections": 1000, "tcp_timeout_established": 600, "tcp_timeout_close_wait": 30},
    "steering": {"rfs_entries": 32768},
}

OF_A_PLAN_IN_FORCE = {"shaper": {"adapt"}}  # a unit that runs on is a plan's, which is what stops it again


def options(module: str) -> dict[str, Any]:
    """Return the documented options of a module."""
    found = importlib.import_module(f"ansible_collections.netopt.linux.plugins.modules.{module}")
    documented: dict[str, Any] = yaml.safe_load(found.DOCUMENTATION)["options"]
    return documented


def variants(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the alternatives of a JSON schema, references followed, ``null`` left out."""
    if "$ref" in schema:
        yield from variants(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    elif "anyOf" in schema or "oneOf" in schema:
        for one in schema.get("anyOf") or schema["oneOf"]:
            yield from variants(one)
    elif schema.get("type") != "null":
        yield dict(schema)


def words(schema: Mapping[str, Any]) -> list[str]:
    """Return the words that a schema permits, none where it permits any."""
    return [
        word
        for one in variants(schema)
        for word in (one.get("enum") or ([one["const"]] if "const" in one else []))
        if isinstance(word, str)
    ]


def disagreements(option: Mapping[str, Any], schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Yield what an option and a field of the plan do not agree on, with everything below them."""
    found = list(variants(schema))
    types = {one.get("type", "string" if words(one) else "object") for one in found}
    if not types & ANSIBLE_TYPES[option["type"]]:
        yield f"{path}: {option['type']} in the module, {sorted(types)} in the plan"
    # where numbers are taken as well an option has no list of words; which there are of code points is tested below
    named = [] if "integer" in types else words(schema)
    if sorted(option.get("choices", [])) != sorted(named):
        yield f"{path}: choices {option.get('choices')} in the module, {words(schema)} in the plan"
    default = schema.get("default")
    if default not in (None, option.get("default")):
        yield f"{path}: default {option.get('default')} in the module, {default} in the plan"
    if option["type"] == "list":
        items = next((one["items"] for one in found if one.get("type") == "array"), {})
        if option.get("elements") == "dict":
            yield from below(option, list(variants(items)), f"{path}[]")
    elif "suboptions" in option:
        yield from below(option, [one for one in found if one.get("type") == "object"], path)


def below(option: Mapping[str, Any], models: list[dict[str, Any]], path: str) -> Iterator[str]:
    """Yield what suboptions and the fields of a model, or of several by kind, do not agree on."""
    named = option.get("suboptions", {})
    fields_of: dict[str, list[dict[str, Any]]] = {}
    for model in models:
        for name, schema in model.get("properties", {}).items():
            fields_of.setdefault(name, []).append(schema)
    for name in (*KEPT_BY_SYSCTL.get(path, ()), *OF_A_PLAN_IN_FORCE.get(path, ())):
        fields_of.pop(name)
    if set(named) != set(fields_of):
        yield f"{path}: {sorted(named)} in the module, {sorted(fields_of)} in the plan"
        return
    for name, suboption in named.items():
        schema = fields_of[name][0] if len(fields_of[name]) == 1 else {"oneOf": fields_of[name]}
        required = all(name in model.get("required", []) for model in models)
        if bool(suboption.get("required")) != required and "default" not in suboption:
            yield f"{path}.{name}: required {suboption.get('required', False)} in the module, {required} in the plan"
        yield from disagreements(suboption, schema, f"{path}.{name}")


@pytest.mark.parametrize("module", OWN)
def test_options_and_fields_agree(module: str) -> None:
    """Every option is a field of ``changes`` with the same words, types, defaults and parts."""
    found = {name: option for name, option in options(module).items() if name not in OWN[module]}
    assert set(found) <= set(SCHEMA["properties"])
    lines = [line for name, option in found.items() for line in disagreements(option, SCHEMA["properties"][name], name)]
    assert lines == []


def test_every_field_has_a_module() -> None:
    """What a plan can say, the single modules can say between them."""
    said = {name for module, own in OWN.items() for name in set(options(module)) - own} | {"sysctl"}
    assert said == set(SCHEMA["properties"])


@pytest.mark.parametrize(
    ("field", "name", "value"), [(field, *each) for field, names in KEPT_BY_SYSCTL.items() for each in names.items()]
)
def test_sizes_and_timeouts_are_sysctl_keys(field: str, name: str, value: int) -> None:
    """What the modules do not know of ``connection_tracking`` and ``steering`` is kept by kernel parameters."""
    assert str(value) in sysctl_subsystem.intent({field: {name: value}}).values.values()


def test_apply_takes_what_the_transaction_takes() -> None:
    """``netopt_apply`` has one option for each part of a request and of its plans; check mode is Ansible's own."""
    asked_of_the_host = set(options("netopt_apply")) - OF_THE_CONTROLLER
    of_one = {field.name for field in fields(PlanRequest)}
    assert of_one | {"judged", "plans", "remove"} == OF_PLANS
    assert asked_of_the_host == {field.name for field in fields(Request)} - {"check"} | OF_PLANS


def test_variables_say_what_the_controller_prepares() -> None:
    """Every variable that the planner gives, and every other option of ``netopt_apply``, reaches the module."""
    read = {*OF_A_PLAN, *OF_A_CHANGE, *OF_A_HOST}
    assert read == set(options("netopt_apply")) - NOT_OF_VARIABLES
    plan = {"iface": "eth0", "changes": {"mtu": 1400}}
    prepared = {name.removeprefix("netopt_") for name in check(plan, load_policy()).target_inputs.extra_vars()}
    assert prepared <= set(OF_A_PLAN)


def test_no_variable_leaves_the_policy_out() -> None:
    """The role itself says that the policy is asked."""
    tasks = yaml.safe_load((COLLECTION / "roles/optimize/tasks/main.yml").read_text(encoding="utf-8"))
    assert tasks[0]["netopt.linux.netopt_apply"] == {
        name: name != "without_bounds" for name in NOT_OF_VARIABLES - {"remove"}
    }


def test_validate_gives_what_apply_takes() -> None:
    """What ``netopt_validate`` returns on the controller is named as the options that it is for."""
    module = importlib.import_module("ansible_collections.netopt.linux.plugins.modules.netopt_validate")
    plan = {"iface": "eth0", "changes": {"mtu": 1400}}
    prepared = {name.removeprefix("netopt_") for name in check(plan, load_policy()).target_inputs.extra_vars()}
    assert prepared - {"plans"} <= set(
        yaml.safe_load(module.RETURN)
    )  # a plan of the inventory's list counts for nothing


@pytest.mark.parametrize("word", ["AF41", "af41", "EF", "46", 46, "CS_1", "64", "-1", "nothing", True])
def test_a_code_point_is_written_as_in_a_plan(word: object) -> None:
    """The modules take and refuse the same words, for the same number."""
    plan = {"iface": "eth0", "changes": {"dscp": [{"match": {"proto": "udp"}, "dscp": word}]}}
    normal = validate(plan, load_policy()).normalized_plan
    assert code_point(word) == (normal.dump()["changes"]["dscp"][0]["dscp"] if normal else None)


@pytest.mark.parametrize("module", ["netopt_nft", "netopt_tc"])
def test_modules_take_names_of_code_points(module: str) -> None:
    """An option for a code point is text, which Ansible makes of a number as well."""
    found = importlib.import_module(f"ansible_collections.netopt.linux.plugins.modules.{module}").ARGUMENT_SPEC
    parts = found["dscp"]["options"] if module == "netopt_nft" else found["htb_classes"]["options"]["match"]["options"]
    assert parts["dscp"]["type"] == "str"
    entry = {"dscp": [{"match": {}, "dscp": "AF41"}], "htb_classes": [{"classid": "1:1", "match": [{"dscp": "ef"}]}]}
    numbers = with_numbers(entry)
    assert (numbers["dscp"][0]["dscp"], numbers["htb_classes"][0]["match"][0]["dscp"]) == (34, 46)
    with pytest.raises(NetoptError, match=r"dscp\[0\]\.dscp is 'AF44', wanted a number"):
        with_numbers({"dscp": [{"dscp": "AF44"}]})


def test_there_is_one_range_of_the_mtu() -> None:
    """What a host says of an MTU is within what the policy says."""
    span = load_policy().limits.ranges["mtu"]
    assert (span.min, span.max) == (link_mtu.MTU_LEAST, link_mtu.MTU_MOST)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is taken for a plan gets an answer, and never a traceback."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import validate
from mcp_bridge.validator.input_limits import DEPTH_MAX, TEXT_MAX, VALUES_MAX
from tests.bridge.plan_strategies import ANY_JSON, PLANS
from tests.bridge.validator.test_validate import plan


def nested(depth: int) -> dict[str, Any]:
    """Return objects inside of each other."""
    inner: dict[str, Any] = {}
    for _ in range(depth):
        inner = {"changes": inner}
    return inner


PATHOLOGICAL: list[tuple[str, Any, str]] = [
    ("no object", [1], "must be an object"),
    ("nothing", None, "must be an object"),
    ("text", '{"iface": "eth0"}', "must be an object"),
    ("deep", nested(100_000), f"deeper than {DEPTH_MAX}"),
    ("long text", {"iface": "x" * 10_000_000}, f"longer than {TEXT_MAX}"),
    ("long key", {"x" * 10_000_000: 1}, "key is longer"),
    ("a million entries", {"iface": ["eth0"] * 1_000_000}, f"more than {VALUES_MAX}"),
    ("huge number", plan(mtu=10**5000), "does not fit"),
    ("key that is no text", {1: 2}, "Every key must be text"),
    ("lone surrogate", plan(default_class="\ud800"), "not valid Unicode"),
    ("lone surrogate in a key", {"\ud800": 1}, "not valid Unicode"),
]


@pytest.mark.parametrize(("name", "data", "message"), PATHOLOGICAL, ids=[case[0] for case in PATHOLOGICAL])
def test_pathological_input(policy: Policy, name: str, data: Any, message: str) -> None:
    """What no plan needs is refused with one clear sentence."""
    del name
    result = validate(data, policy)

    assert not result.ok
    assert len(result.issues) == 1
    assert message in result.issues[0].message
    assert len(result.model_dump_json()) < 2000


def test_circular_input(policy: Policy) -> None:
    """An object that holds itself ends as too deep."""
    data: dict[str, Any] = {}
    data["changes"] = data
    assert "deeper" in validate(data, policy).issues[0].message


@settings(max_examples=300, deadline=None)
@given(ANY_JSON)
def test_any_json_gives_an_answer(data: Any) -> None:
    """No input raises."""
    assert isinstance(validate(data, load_policy()).model_dump_json(), str)


FIELD_NAMES = sorted(
    {"iface", "profile", "changes", "validate", "validation", "rationale"}
    | {
        "sysctl",
        "qdisc",
        "shaper",
        "netem",
        "htb_classes",
        "default_class",
        "dscp",
        "connection_limits",
        "rate_limits",
    }
    | {
        "connection_tracking",
        "nat_rules",
        "offloads",
        "mtu",
        "type",
        "params",
        "match",
        "targets",
        "objectives",
        "leaf",
        "rate",
    }
)
NEAR_PLANS = st.recursive(
    ANY_JSON,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELD_NAMES), inner, max_size=5),
    max_leaves=30,
)


@pytest.mark.long
@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELD_NAMES), NEAR_PLANS))
def test_nearly_plans_give_an_answer(data: dict[str, Any]) -> None:
    """Input with the right names and the wrong values does not raise either, and is refused only with a reason."""
    result = validate(data, load_policy())
    assert result.ok or any(issue.severity == "error" for issue in result.issues)


@st.composite
def broken_plans(draw: st.DrawFn) -> dict[str, Any]:
    """Return a valid plan with one value anywhere in it replaced."""
    data = copy.deepcopy(draw(PLANS))
    places: list[tuple[Any, Any]] = []
    waiting: list[Any] = [data]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        places.extend((node, key) for key in keys)
        waiting.extend(node[key] for key in keys if isinstance(node[key], dict | list))
    node, key = draw(st.sampled_from(places))
    node[key] = draw(ANY_JSON)
    return data


@settings(max_examples=300, deadline=None)
@given(broken_plans())
def test_broken_plans_give_an_answer(data: dict[str, Any]) -> None:
    """One wrong value anywhere never raises."""
    result = validate(data, load_policy())
    assert result.ok == (result.normalized_plan is not None)


@settings(max_examples=200, deadline=None)
@given(PLANS)
def test_valid_plans_are_accepted(data: dict[str, Any]) -> None:
    """Plans in all their spellings are accepted."""
    result = validate(data, load_policy())
    assert result.ok, result.issues

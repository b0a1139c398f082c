# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the validator says about plans: everything at once, with paths and hints, and never a traceback."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_bridge.models import ParameterPlan, ValidationResult
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import validate
from mcp_bridge.validator.input_limits import DEPTH_MAX, TEXT_MAX, VALUES_MAX
from mcp_bridge.validator.validate import ISSUES_MAX
from tests.bridge.plan_strategies import ANY_JSON, PLANS

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


def example(name: str) -> dict[str, Any]:
    """Return one of the examples."""
    data: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return data


def errors(result: ValidationResult) -> dict[str, str]:
    """Return the messages of errors by path."""
    return {issue.path: issue.message for issue in result.issues if issue.severity == "error"}


def plan(**changes: Any) -> dict[str, Any]:
    """Return a plan with these changes."""
    return {"iface": "eth0", "changes": changes}


@pytest.mark.parametrize(
    ("name", "warned"),
    [
        ("gaming", ["changes.sysctl.net.ipv4.tcp_low_latency", "changes.connection_limits[0]"]),
        ("server-protection", ["changes.rate_limits[0]"]),
    ],
)
def test_valid_examples(policy: Policy, name: str, warned: list[str]) -> None:
    """The good examples are valid; what is doubtful about them is a warning."""
    result = validate(example(name), policy)

    assert result.ok
    assert {issue.severity for issue in result.issues} == {"warning"}
    assert set(warned) <= {issue.path for issue in result.issues}
    assert result.normalized_plan is not None


def test_too_large_example(policy: Policy) -> None:
    """The bad example is refused in the words of the interface."""
    result = validate(example("too-large"), policy)

    assert not result.ok
    assert errors(result) == {"changes.sysctl.net.core.rmem_max": "Value exceeds maximum allowed: 2147483647"}
    assert result.normalized_plan is None


FINDINGS: list[tuple[dict[str, Any], str, str, str | None]] = [
    ({}, "iface", "This key is required", "iface"),
    ({"iface": "eth0"}, "changes", "The plan changes nothing", "profile"),
    ({"iface": "eth0", "changes": {"sysctl": {}, "offloads": {}}}, "changes", "The plan changes nothing", None),
    ({"iface": "eth0", "changes": {"sysctl": None, "offloads": None}}, "changes", "The plan changes nothing", None),
    (
        {"name": "web", "iface": "eth0", "changes": {"mtu": None, "dscp": []}},
        "changes",
        "The plan changes nothing",
        None,
    ),
    (
        plan(sysctl={"net/core/somaxconn": None, "net.core.somaxconn": 9999}),
        "changes.sysctl.net.core.somaxconn",
        "The key stands here twice",
        "Keep one",
    ),
    (plan(sysctl={"net.{iface}.x": None}), "changes.sysctl.net.{iface}.x", "{iface} stands where", "as sysctl does"),
    ({"iface": "eth0", "profile": "gamin"}, "profile", "There is no such profile", "gaming"),
    ({"iface": "eth0", "profil": "gaming"}, "profil", "Unknown key", "Did you mean profile?"),
    (plan(sysctls={}), "changes.sysctls", "Unknown key", "Did you mean sysctl?"),
    (plan(qdisc={"type": "fq", "params": {"limt": 5}}), "changes.qdisc.params.limt", "Unknown key", "limit"),
    (plan(qdisc={"type": "fqcodel"}), "changes.qdisc.type", "Value must be one of", "fq_codel"),
    (plan(qdisc={"params": {}}), "changes.qdisc.type", "This key is required", None),
    (plan(qdisc="fq"), "changes.qdisc", "", None),
    (plan(sysctl={"net.core.rmem_mx": 1}), "changes.sysctl.net.core.rmem_mx", "No card", "net.core.rmem_max"),
    (plan(sysctl={"kernel.panic": 1}), "changes.sysctl.kernel.panic", "No card", None),
    (plan(sysctl={"net/core/rmem_max": 1}), "changes.sysctl.net/core/rmem_max", "below minimum", "2304"),
    (
        plan(sysctl={"net/core/rmem_max": 4096, "net.core.rmem_max": 4096}),
        "changes.sysctl.net.core.rmem_max",
        "stands here twice, as net/core/rmem_max as well",
        "Keep one",
    ),
    (plan(sysctl={"net.core.{iface}.x": 1}), "changes.sysctl.net.core.{iface}.x", "where an interface has keys", None),
    (
        plan(sysctl={"vm.min_free_kbytes": 1}),
        "changes.sysctl.vm.min_free_kbytes",
        "No card",
        "policy card vm.min",
    ),
    (
        plan(sysctl={"kernel.core_pattern": "x"}),
        "changes.sysctl.kernel.core_pattern",
        "names a program",
        "Leave it out",
    ),
    (plan(sysctl={"net.ipv4.route.flush": 1}), "changes.sysctl.net.ipv4.route.flush", "an action", "Leave it out"),
    (plan(sysctl={"dev.raid.speed_limit_max": 1}), "changes.sysctl.dev.raid.speed_limit_max", "No card", "net., vm."),
    (
        plan(sysctl={"net.ipv4.conf.all.rp_filter": 3}),
        "changes.sysctl.net.ipv4.conf.all.rp_filter",
        "maximum",
        "0 to 2",
    ),
    (
        plan(sysctl={"net.ipv4.ip_local_reserved_ports": "a-b"}),
        "changes.sysctl.net.ipv4.ip_local_reserved_ports",
        "Value must match",
        "of the form",
    ),
    (
        plan(sysctl={"net.ipv4.tcp_allowed_congestion_control": "bbr fast"}),
        "changes.sysctl.net.ipv4.tcp_allowed_congestion_control",
        "fast is not one of the words allowed",
        None,
    ),
    (plan(sysctl={"net.core.rmem_max": True}), "changes.sysctl.net.core.rmem_max", "text or a whole number", None),
    (
        plan(sysctl={"net.core.rmem_max": 1}),
        "changes.sysctl.net.core.rmem_max",
        "Value is below minimum allowed: ",
        None,
    ),
    (plan(sysctl={"net.core.rmem_max": "1_000_000"}), "changes.sysctl.net.core.rmem_max", "plain decimal", None),
    (plan(sysctl={"net.core.rmem_max": "many"}), "changes.sysctl.net.core.rmem_max", "whole number", "Allowed"),
    (plan(sysctl={"net.ipv4.tcp_rmem": "4096 131072"}), "changes.sysctl.net.ipv4.tcp_rmem", "3 whole numbers", None),
    (
        plan(sysctl={"net.ipv4.tcp_rmem": "4096 6291456 131072"}),
        "changes.sysctl.net.ipv4.tcp_rmem",
        "must not decrease",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.ip_local_port_range": "60000 30000"}),
        "changes.sysctl.net.ipv4.ip_local_port_range",
        "must not decrease",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.tcp_congestion_control": "bbrr"}),
        "changes.sysctl.net.ipv4.tcp_congestion_control",
        "not one of those allowed",
        "bbr",
    ),
    (plan(sysctl={"net.ipv4.tcp_syncookies": 9}), "changes.sysctl.net.ipv4.tcp_syncookies", "exceeds maximum", None),
    (plan(mtu=1), "changes.mtu", "Value is below minimum allowed: ", "Allowed"),
    (plan(mtu=10**30), "changes.mtu", "Value exceeds maximum allowed: ", None),
    (plan(mtu=float("nan")), "changes.mtu", "Value must be a finite number", None),
    (plan(mtu=True), "changes.mtu", "Value must be a number, not true", None),
    (
        plan(shaper={"egress_mbit": 400_001}),
        "changes.shaper.egress_mbit",
        "Value exceeds maximum allowed: 400000",
        None,
    ),
    (plan(shaper={"egress_mbit": float("inf")}), "changes.shaper.egress_mbit", "Value must be a finite number", None),
    (plan(netem={"loss_pct": 101}), "changes.netem.loss_pct", "Value exceeds maximum allowed", None),
    (
        plan(netem={"loss_pct": 1, "duration_s": 86400}),
        "changes.netem.duration_s",
        "Value exceeds maximum allowed",
        None,
    ),
    (plan(rate_limits=[{"rate": "5/fortnight"}]), "changes.rate_limits[0].rate", "Not a rate", None),
    (plan(dscp=[{"match": {}, "dscp": "XX"}]), "changes.dscp[0].dscp", "Not a DSCP", None),
    (plan(offloads={"warp": True}), "changes.offloads.warp", "Unknown key", None),
    (plan(htb_classes=[{"classid": "1:1"}]), "changes.htb_classes[0].rate_mbit", "This key is required", None),
    (
        plan(qdisc={"type": "htb"}, htb_classes=[{"classid": "1:1", "rate_mbit": 1}, {"classid": "1", "rate_mbit": 1}]),
        "changes.htb_classes[1].classid",
        "The class is defined twice",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[
                {"classid": "1:1", "rate_mbit": 1, "parent": "1:2"},
                {"classid": "1:2", "rate_mbit": 1, "parent": "1:1"},
            ],
        ),
        "changes.htb_classes[0].parent",
        "its own ancestor",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[{"classid": "1:1", "rate_mbit": 1}]
            + [{"classid": f"1:{n}", "rate_mbit": 1, "parent": f"1:{n - 1}"} for n in range(2, 10)],
        ),
        "changes.htb_classes[8].parent",
        "Nested deeper",
        None,
    ),
    (
        plan(qdisc={"type": "fq_codel"}, shaper={"egress_mbit": 5}, htb_classes=[{"classid": "1:1", "rate_mbit": 1}]),
        "changes.htb_classes[0].classid",
        "belongs to the shaper",
        None,
    ),
    (
        plan(
            htb_classes=[{"classid": "1:1", "rate_mbit": 5, "match": [{"sports": "1-65534", "dports": "1-65534"}] * 2}]
        ),
        "changes.htb_classes[0].match",
        "filters",
        None,
    ),
    (
        plan(
            htb_classes=[{"classid": "1:1", "rate_mbit": 5}, {"classid": "1:2", "rate_mbit": 5, "parent": "1:1"}],
            default_class="1:1",
        ),
        "changes.default_class",
        "has classes below it",
        None,
    ),
    (
        plan(
            htb_classes=[
                {"classid": "1:1", "rate_mbit": 5, "match": [{"proto": "tcp"}]},
                {"classid": "1:2", "rate_mbit": 5, "parent": "1:1"},
            ],
        ),
        "changes.htb_classes[0].match",
        "has classes below it",
        None,
    ),
    (
        plan(sysctl={"net.core.rps_sock_flow_entries": 1000}, steering={"rfs_entries": 1000}),
        "changes.sysctl.net.core.rps_sock_flow_entries",
        "changes.steering.rfs_entries sets another value: 1024",
        None,
    ),
    (
        plan(sysctl={"net.ipv4.tcp_fastopen": 99}),
        "changes.sysctl.net.ipv4.tcp_fastopen",
        "Value has bits that mean nothing (0x60)",
        None,
    ),
    (plan(nic={"rings": {"rx": 99999}}), "changes.nic.rings.rx", "Value exceeds maximum allowed: 65536", None),
    (plan(nic={"rings": {"tx": "mx"}}), "changes.nic.rings.tx", "nor max", None),
    (plan(nic={"ring": {}}), "changes.nic.ring", "Unknown key", "rings"),
    (plan(steering={"xps_cpus": "0-"}), "changes.steering.xps_cpus", "Not CPUs", None),
    (plan(offloads={"gr": True}), "changes.offloads.gr", "did you mean gro?", None),
    (
        plan(
            sysctl={"net.netfilter.nf_conntrack_max": 100_000},
            connection_tracking={"max_connections": 200_000},
        ),
        "changes.sysctl.net.netfilter.nf_conntrack_max",
        "sets another value",
        None,
    ),
    (
        plan(
            qdisc={"type": "htb"},
            htb_classes=[{"classid": "1:1", "rate_mbit": 1, "leaf": {"type": "fq", "params": {"limit": 10**7 + 1}}}],
        ),
        "changes.htb_classes[0].leaf.params.limit",
        "Value exceeds maximum allowed",
        None,
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validate": {"targets": {"ping": ["a", "-f"]}}},
        "validate.targets.ping[1]",
        "Not a host name",
        None,
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validation": {"duration_s": 3000}},
        "validation.duration_s",
        "Value exceeds maximum allowed: 600",
        None,
    ),
    *(
        (
            {"iface": "eth0", "profile": "gaming", "validate": {"targets": targets, "objectives": objectives}},
            f"validate.objectives.{next(iter(objectives))}",
            "There is nothing to measure this to",
            hint,
        )
        for targets, objectives, hint in (
            ({}, {"loss_pct": 1}, "Give validate.targets.tcp or validate.targets.ping"),
            ({"iperf": "a"}, {"latency_p95_ms": 1}, "Give validate.targets.tcp or validate.targets.ping"),
            ({"ping": ["a"]}, {"throughput_mbps": 1}, "Give validate.targets.iperf."),
            ({"ping": []}, {"max_regression_pct": 1}, "validate.targets.iperf"),
        )
    ),
    (
        {"iface": "eth0", "profile": "gaming", "validate": {"targets": {"ping": ["a"] * 9, "tcp": ["a:1"] * 9}}},
        "validate.targets",
        "18 targets in all",
        None,
    ),
    (
        {
            "iface": "eth0",
            "profile": "gaming",
            "validate": {"targets": {"iperf": "a"}, "objectives": {"throughput_mbps": 5}, "duration_s": 4},
        },
        "validate.duration_s",
        "Too short to judge throughput",
        "at least 5 seconds",
    ),
    ({"iface": ["eth0"] * 2, "profile": "gaming"}, "iface", "listed twice", None),
    ({"iface": [f"e{n}" for n in range(40)], "profile": "gaming"}, "iface", "more than the", None),
    ({"iface": "eth0", "profile": "gaming", "rationale": ["x" * 4090]}, "rationale[0]", "Value exceeds maximum", None),
]


@pytest.mark.parametrize(
    ("data", "path", "message", "hint"), FINDINGS, ids=lambda part: part if isinstance(part, str) else ""
)
def test_findings(policy: Policy, data: dict[str, Any], path: str, message: str, hint: str | None) -> None:
    """Each mistake is named once, where it is, with a hint."""
    before = copy.deepcopy(data)
    result = validate(data, policy)

    assert not result.ok
    assert result.normalized_plan is None
    found = [issue for issue in result.issues if issue.path == path]
    assert len(found) == 1, result.issues
    assert found[0].severity == "error"
    assert message in found[0].message
    assert (hint or "") in (found[0].hint or "")
    assert repr(data) == repr(before)


@pytest.mark.parametrize(("algorithm", "hint"), [("cubik", "Did you mean cubic?"), ("nosuch", None)])
def test_known_values_are_listed_once(policy: Policy, algorithm: str, hint: str | None) -> None:
    """The message has all of them, the hint the nearest, and nothing where none is near."""
    (issue,) = validate(plan(routes=[{"dst": "default", "congctl": algorithm}]), policy).issues
    assert issue.message.count("cubic") == 1
    assert issue.hint == hint


def test_everything_at_once(policy: Policy) -> None:
    """Mistakes of structure do not hide mistakes of policy, and indexes are those of the plan as it was given."""
    data = {
        "iface": "eth0/1",
        "surprise": 1,
        "profile": "gamin",
        "changes": {
            "sysctl": {"net.core.rmem_max": "999999999999", "net.core.wmem_max": 1.5, "net.core.unknown": 1},
            "mtu": "big",
            "qdisc": {"type": "htb", "params": {"r2q": 0}},
            "htb_classes": [
                {"classid": "9:9", "rate_mbit": 1},
                {"classid": "1:20", "rate_mbit": 5, "ceil_mbit": 2},
                {"rate_mbit": 1},
                {"classid": "1:20", "rate_mbit": 999_999},
                {"classid": "1:30", "rate_mbit": 5, "match": [{"proto": "tpc"}, {"dports": 0}]},
            ],
            "default_class": "1:99",
        },
        "rationale": 5,
    }
    found = errors(validate(data, policy))

    assert set(found) == {
        "iface",
        "surprise",
        "profile",
        "changes.sysctl.net.core.rmem_max",
        "changes.sysctl.net.core.wmem_max",
        "changes.sysctl.net.core.unknown",
        "changes.mtu",
        "changes.qdisc.params.r2q",
        "changes.htb_classes[0].classid",
        "changes.htb_classes[1].ceil_mbit",
        "changes.htb_classes[2].classid",
        "changes.htb_classes[3].rate_mbit",
        "changes.htb_classes[4].match[0].proto",
        "changes.htb_classes[4].match[1].dports",
        "rationale",
    }


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


def test_many_issues_are_cut(policy: Policy) -> None:
    """Thousands of mistakes give the first of them and the number of the others."""
    result = validate(plan(sysctl={f"net.core.k{number}": 1 for number in range(5000)}), policy)

    assert len(result.issues) == ISSUES_MAX + 1
    assert "more issues are not shown" in result.issues[-1].message


def test_warnings_do_not_clear_ok(policy: Policy) -> None:
    """A plan with warnings alone is accepted, errors are listed first otherwise."""
    data = plan(sysctl={"net.ipv4.tcp_low_latency": 1, "net.core.rmem_max": 1})
    severities = [issue.severity for issue in validate(data, policy).issues]
    assert severities == ["error", "warning"]
    assert validate(plan(sysctl={"net.ipv4.tcp_low_latency": 1}), policy).ok


def test_takes_a_model(policy: Policy) -> None:
    """A plan that is a model already is judged in the same way."""
    data = example("gaming")
    assert validate(ParameterPlan.model_validate(data), policy) == validate(data, policy)


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

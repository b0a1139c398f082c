# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The models carry every field of the interface, under its published name, and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import BaseModel, ValidationError

from mcp_bridge.models import SCHEMAS, ChangeReport, Changes, HostReport, ParameterPlan, RenderedPlan, ValidateSpec
from mcp_bridge.models.changes import Ingress
from mcp_bridge.models.impairment import Netem
from mcp_bridge.models.qdisc import Qdisc
from mcp_bridge.models.report import HostError, HostStatus
from mcp_bridge.models.traffic import Adapt, HtbClass, Shaper
from mcp_bridge.models.validation import Issue, ValidationResult
from mcp_bridge.policy import load_policy
from mcp_bridge.validator.validate import validate

EXAMPLES = Path(__file__).parents[3] / "examples"

CHANGES_FIELDS = (
    "sysctl qdisc shaper ingress netem htb_classes default_class dscp connection_limits rate_limits connection_tracking"
    " nat_rules offloads mtu nic steering routes"
)

FIELDS: list[tuple[type[BaseModel], str]] = [
    (ParameterPlan, "name iface profile link changes validate rationale"),
    (
        Changes,
        CHANGES_FIELDS,
    ),
    (Shaper, "egress_mbit ingress_mbit ceil_mbit overhead_bytes mpu linklayer adapt"),
    (
        Adapt,
        "reflectors egress_min_mbit egress_max_mbit ingress_min_mbit ingress_max_mbit delay_ms interval_ms",
    ),
    (Ingress, "qdisc htb_classes default_class"),
    (
        Netem,
        (
            "delay_ms delay_jitter_ms delay_correlation_pct distribution loss_pct loss_correlation_pct loss_model"
            " duplicate_pct duplicate_correlation_pct corrupt_pct corrupt_correlation_pct reorder_pct"
            " reorder_correlation_pct rate_mbit limit duration_s direction match classes"
        ),
    ),
    (HtbClass, "classid parent rate_mbit ceil_mbit priority burst cburst quantum leaf match"),
    (ValidateSpec, "targets objectives duration_s"),
    (RenderedPlan, "sysctl_cmds tc_script nft_script ethtool_cmds ip_link_cmds plan digest warnings"),
    (ValidationResult, "ok issues normalized_plan"),
    (Issue, "path message severity hint"),
    (
        ChangeReport,
        "applied dry_run commands_preview errors checkpoint_id notes run_id plan_digest hosts rollout started finished",
    ),
    (HostReport, "status changed diff operations skipped warnings checkpoint_id measurements error"),
    (HostError, "stage key wanted before after message hint"),
]

WHOLE: dict[str, Any] = {
    "iface": ["eth0", "eth1"],
    "profile": "server",
    "changes": {
        "sysctl": {"net.core.rmem_max": "16777216"},
        "qdisc": {"type": "htb", "params": {"default": "1:20", "r2q": 10}},
        "shaper": {"egress_mbit": 100, "ingress_mbit": 50.5, "ceil_mbit": 200},
        "netem": {"delay_ms": 10, "delay_jitter_ms": 2, "loss_pct": 0.5, "limit": 1000, "duration_s": 60},
        "htb_classes": [
            {
                "classid": "1:10",
                "parent": "1:",
                "rate_mbit": 10,
                "ceil_mbit": 20,
                "priority": 1,
                "burst": 15360,
                "leaf": {"type": "fq_codel", "params": {"target_us": 5000}},
                "match": [{"proto": "udp", "dports": ["53", "1000-2000"], "fwmark": 1, "dscp": 46}],
            }
        ],
        "default_class": "1:10",
        "dscp": [{"match": {"src": "192.0.2.0/24", "sports": ["80"], "proto": "tcp"}, "dscp": 46}],
        "connection_limits": [{"protocol": "tcp", "port": 80, "limit": 100, "mask": 24, "action": "drop"}],
        "rate_limits": [{"rate": "1000/second", "burst": 50, "per_source": True, "per": "packets"}],
        "connection_tracking": {"max_connections": 1000, "accept_established": True, "drop_invalid": False},
        "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "192.0.2.9", "to_port": 8080}],
        "offloads": {"gro": True, "lro": False},
        "mtu": 1500,
    },
    "validate": {
        "targets": {"ping": ["192.0.2.1"], "tcp": ["db:5432"], "iperf": "db"},
        "objectives": {"latency_p95_ms": 20, "loss_pct": 0.01},
        "duration_s": 5,
    },
    "rationale": ["because"],
}

STRUCTURALLY_WRONG = [
    {"shaper": {}},
    {"shaper": {"ingress_mbit": 5, "ceil_mbit": 6}},
    {"netem": {}},
    {"netem": {"limit": 5}},
    {"netem": {"delay_jitter_ms": 5}},
    {"netem": {"reorder_pct": 5}},
    {"qdisc": {"type": "red"}},
    {"qdisc": {"type": "fq", "params": {"target_us": 5}}},
    {"qdisc": {"type": "fq", "params": {"buckets": 1000}}},
    {"qdisc": {"type": "tbf", "params": {"rate_mbit": 5, "burst_bytes": 1500}}},
    {"qdisc": {"type": "tbf", "params": {"rate_mbit": 5, "burst_bytes": 1500, "latency_ms": 5, "limit_bytes": 5}}},
    {"qdisc": {"type": "tbf", "params": {"rate_mbit": 5, "burst_bytes": 1500, "latency_ms": 5, "peakrate_mbit": 5}}},
    {"qdisc": {"type": "pfifo_fast", "params": {"limit": 5}}},
    {"htb_classes": [{"classid": "1:1", "rate_mbit": 5, "leaf": {"type": "htb"}}]},
    {"htb_classes": [{"classid": "1:1", "rate_mbit": 5, "match": [{}]}]},
    {"htb_classes": [{"classid": "1:1", "rate_mbit": 5, "match": [{"proto": "icmp", "dports": 5}]}]},
    {"dscp": [{"match": {"src": "192.0.2.0/24", "dst": "2001:db8::/32"}, "dscp": 0}]},
    {"dscp": [{"match": {"src": "192.0.2.0/24", "proto": "icmpv6"}, "dscp": 0}]},
    {"rate_limits": [{"rate": "5/second", "protocol": "icmp", "port": 5}]},
    {"nat_rules": [{"type": "masquerade", "to_addr": "192.0.2.1"}]},
    {"nat_rules": [{"type": "snat"}]},
    {"nat_rules": [{"type": "dnat", "to_addr": "192.0.2.1", "port": 5}]},
    {"nat_rules": [{"type": "dnat", "to_addr": "192.0.2.1", "dst": "2001:db8::/32"}]},
    {"connection_limits": [{"protocol": "tcp", "port": 80, "limit": 5, "mask": 0}]},
    {"connection_limits": [{"protocol": "icmp", "port": 80, "limit": 5}]},
    {"connection_limits": [{"protocol": "tcp", "port": 80, "ports": [81], "limit": 5}]},
    {"connection_limits": [{"protocol": "tcp", "ports": [], "limit": 5}]},
    {"rate_limits": [{"rate": "5/second", "port": 80, "ports": [81]}]},
    {"rate_limits": [{"rate": "5/second", "protocol": "icmp", "ports": [5]}]},
    {"offloads": {"warp": True}},
    {"offloads": {"gro": True, "generic-receive-offload": True}},
    {"nic": {"rings": {"rx": "most"}}},
    {"nic": {"rings": {"rx": -1}}},
    {"nic": {"coalesce": {"rx_usecs": "max"}}},
    {"nic": {"wings": {}}},
    {"steering": {"rps_cpus": "3-1"}},
    {"steering": {"rps_cpus": "some"}},
    {"mtu": True},
    {"routes": [{"dst": "default"}]},
    {"routes": [{"initcwnd": 9}]},
    {"routes": [{"dst": "elsewhere", "initcwnd": 9}]},
    {"routes": [{"dst": "10.0.0.1/8", "initcwnd": 9}]},
    {"routes": [{"dst": "default", "initcwnd": 0}]},
    {"routes": [{"dst": "default", "initcwnd": True}]},
    {"routes": [{"dst": "default", "congctl": "b b r"}]},
    {"routes": [{"dst": "10.0.0.0/8", "initcwnd": 9}, {"dst": " 10.0.0.0/8", "initrwnd": 9}]},
    {"unknown": 1},
]


@pytest.mark.parametrize(("model", "names"), FIELDS)
def test_fields(model: type[BaseModel], names: str) -> None:
    """A model has exactly the published fields."""
    assert sorted(model.model_json_schema()["properties"]) == sorted(names.split())


def test_qdisc_types() -> None:
    """Every qdisc of the interface has a model."""
    types = {get_args(model.model_fields["type"].annotation)[0] for model in get_args(get_args(Qdisc)[0])}
    assert types == {"fq", "fq_codel", "cake", "htb", "pfifo_fast", "pfifo", "bfifo", "sfq", "tbf"}


def test_host_statuses() -> None:
    """A host ends in one of the published states."""
    published = "applied unchanged would_change failed rolled_back rollback_failed unreachable skipped"
    assert set(get_args(HostStatus)) == set(published.split())


def test_whole_plan_round_trip() -> None:
    """A plan in canonical spelling comes out as it went in, through JSON as well."""
    plan = ParameterPlan.model_validate(WHOLE)

    dumped = plan.dump()
    defaults = {"per": "packets", "per_source": True}
    assert dumped["changes"]["rate_limits"][0].items() >= defaults.items()
    assert dumped == WHOLE
    assert json.loads(json.dumps(dumped)) == WHOLE
    assert ParameterPlan.model_validate_json(plan.model_dump_json(by_alias=True)) == plan
    assert '"egress_mbit": 100,' in json.dumps(dumped)  # a whole number, not 100.0: the digest depends on it


def test_validate_has_two_names() -> None:
    """``validation`` is accepted for ``validate``; both together are not."""
    spec = {"duration_s": 5}
    one = ParameterPlan.model_validate({"iface": "eth0", "validate": spec})
    other = ParameterPlan.model_validate({"iface": "eth0", "validation": spec})

    assert one == other
    assert "validate" in other.dump()
    with pytest.raises(ValidationError):
        ParameterPlan.model_validate({"iface": "eth0", "validate": spec, "validation": spec})


def test_rationale_may_be_one_text() -> None:
    """A single remark is a list of one."""
    assert ParameterPlan.model_validate({"iface": "eth0", "rationale": "why"}).rationale == ["why"]


@pytest.mark.parametrize("changes", STRUCTURALLY_WRONG)
def test_structure_is_checked(changes: dict[str, Any]) -> None:
    """What cannot be carried out as it stands is refused by the model already."""
    with pytest.raises(ValidationError):
        ParameterPlan.model_validate({"iface": "eth0", "changes": changes})


def test_defaults_of_limits() -> None:
    """A connection limit counts single addresses and rejects, unless told otherwise."""
    changes = Changes.model_validate({"connection_limits": [{"protocol": "TCP", "port": 80, "limit": 5}]})
    assert changes.dump() == {
        "connection_limits": [{"protocol": "tcp", "port": 80, "limit": 5, "mask": 32, "action": "reject"}]
    }


def test_errors_do_not_quote_the_input() -> None:
    """An error text does not repeat what a client sent."""
    with pytest.raises(ValidationError) as caught:
        ParameterPlan.model_validate({"iface": "eth0", "changes": {"mtu": "secret-word"}})
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_json(name: str) -> None:
    """Every published model has a JSON schema, for what goes in and for what comes out."""
    for mode in ("validation", "serialization"):
        schema = SCHEMAS[name].model_json_schema(mode=mode)
        assert json.loads(json.dumps(schema))["type"] == "object"
        assert schema["additionalProperties"] is False


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.json")), ids=lambda file: file.stem)
def test_examples_parse(file: Path) -> None:
    """The examples are plans; only the policy may refuse one."""
    assert ParameterPlan.model_validate_json(file.read_text(encoding="utf-8")).iface in {"eth0", "auto"}


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yml")), ids=lambda file: file.stem)
def test_named_examples_parse(file: Path) -> None:
    """The examples of plans side by side have names, and the policy has no errors for them."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for each in document.get("netopt_plans", [document]):
        assert ParameterPlan.model_validate(each).name
        assert validate(each, load_policy()).ok


def test_reports_of_the_target_fit() -> None:
    """What the module on the target reports fits the model."""
    report = {
        "status": "rolled_back",
        "changed": False,
        "diff": [{"subsystem": "tc", "key": "eth0 qdisc root", "before": "fq", "after": None}],
        "operations": [{"command": "tc qdisc del dev eth0 root", "ok": False, "stderr": "no"}],
        "skipped": [{"key": "net.x", "reason": "absent"}],
        "warnings": [],
        "checkpoint_id": "c1",
        "measurements": {"before": {"latency_p95_ms": 1.5}, "after": None},
        "error": {"stage": "apply", "message": "no", "key": None},
    }
    whole = {"applied": False, "dry_run": False, "run_id": "r", "hosts": {"h": report}, "started": datetime.now(UTC)}
    assert ChangeReport.model_validate(whole).hosts["h"].status == "rolled_back"

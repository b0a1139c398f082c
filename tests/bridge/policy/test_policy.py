# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shipped policy: what it holds, how it is loaded, and that it agrees with the plan's models."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transaction.adapt_profile import adapt
from mcp_bridge.collection.dscp import DSCP_NAMES
from mcp_bridge.collection.feature_names import KERNEL_NAMES, SHORT_NAMES
from mcp_bridge.models.changes import Changes
from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.policy.fragments import values
from mcp_bridge.policy.limits import Limits, Range
from mcp_bridge.policy.loader import policy_directory
from mcp_bridge.validator import validate

CONTRACT_CARDS = {
    "sysctl.tcp_congestion_control",
    "sysctl.tcp_low_latency",
    "sysctl.tcp_fastopen",
    "sysctl.tcp_timestamps",
    "sysctl.tcp_window_scaling",
    "sysctl.tcp_rmem",
    "sysctl.tcp_wmem",
    "sysctl.core_rmem_max",
    "sysctl.core_wmem_max",
    "sysctl.tcp_fin_timeout",
    "sysctl.tcp_max_syn_backlog",
    "sysctl.tcp_syncookies",
    "sysctl.netdev_budget",
    "sysctl.ip_local_port_range",
    "sysctl.default_qdisc",
    "sysctl.ip_forward",
    "tc.qdisc_type",
    "tc.htb_rate",
    "tc.htb_ceil",
    "tc.htb_priority",
    "tc.default_class",
    "tc.netem_delay",
    "tc.netem_loss",
    "iptables.connection_limiting",
    "iptables.connection_tracking",
    "iptables.connection_tracking_size",
    "iptables.rate_limiting",
    "iptables.qos_marking",
    "iptables.nat",
}
OBJECTIVES = {
    "gaming": {"latency_p95_ms": 20, "jitter_ms": 5, "loss_pct": 0.01},
    "streaming": {"latency_p95_ms": 100, "loss_pct": 0.1},
    "video_calls": {"latency_p95_ms": 150, "jitter_ms": 20, "loss_pct": 0.1},
    "bulk_transfer": {"latency_p95_ms": 200, "loss_pct": 0.5},
    "server": {"latency_p95_ms": 50, "loss_pct": 0.1},
}
SERVER_CONNECTIONS = 10_000


@pytest.fixture(scope="module")
def policy() -> Policy:
    """Return the shipped policy."""
    return load_policy()


@pytest.fixture
def own_policy(tmp_path: Path) -> Path:
    """Return a copy of the shipped policy that a test may change."""
    return Path(shutil.copytree(policy_directory(), tmp_path / "policy"))


def _facts(**facts: object) -> dict[str, object]:
    """Return the facts of an ordinary host, with some replaced."""
    link = {"type": "ethernet", "speed_mbit": facts.pop("speed", 1000)}
    usual = {
        "memory_mb": 16384,
        "cpus": 4,
        "kernel_version": [6, 1],
        "initial_netns": True,
        "virtualization": "none",
        "sysctl": {},
    }
    return {**usual, "interfaces": {"eth0": link}, **facts}


def _adapted(policy: Policy, profile: str, **facts: object) -> dict[str, object]:
    """Return the sysctl values of a profile on a host."""
    changes = Changes.model_validate(policy.profiles[profile].changes).dump()
    return adapt(changes, policy.rules.adaptations_for(profile), _facts(**facts), "eth0").changes["sysctl"]


def test_contract_cards(policy: Policy) -> None:
    """All 29 cards of the contract are there under their fixed ids."""
    assert len(CONTRACT_CARDS) == 29  # the contract's own number
    assert set(policy.cards) >= CONTRACT_CARDS


def test_objectives(policy: Policy) -> None:
    """The profiles aim at what the contract says."""
    assert {name: profile.objectives.measured() for name, profile in policy.profiles.items()} == OBJECTIVES
    assert policy.profiles["server"].objectives.connections == SERVER_CONNECTIONS


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_profile_is_a_valid_plan(policy: Policy, name: str) -> None:
    """A plan that only names a profile is valid and brings no warning."""
    result = validate({"iface": "eth0", "profile": name, "changes": {}}, policy)
    assert (result.ok, result.issues) == (True, [])


def test_every_plan_parameter_has_a_range(policy: Policy) -> None:
    """Numbers and switches that a qdisc, a shaper or netem may carry all have a range."""
    wanted = set()
    for name, field in (
        ("shaper", "Shaper"),
        ("shaper.adapt", "Adapt"),
        ("netem", "Netem"),
        ("connection_tracking", "ConnectionTracking"),
    ):
        wanted |= {f"{name}.{key}" for key in Changes.model_json_schema()["$defs"][field]["properties"]}
    for model in ("GilbertElliott", "LossStates"):
        chances = Changes.model_json_schema()["$defs"][model]["properties"].keys() - {"type"}
        wanted |= {f"netem.loss_model.{key}" for key in chances}
    for definition, schema in Changes.model_json_schema()["$defs"].items():
        if definition.endswith("Params"):
            kind = {"PfifoFast": "pfifo_fast", "FqCodel": "fq_codel"}.get(definition[:-6], definition[:-6].lower())
            wanted |= {f"qdisc.{kind}.{key}" for key in schema.get("properties", {})}
    wanted |= {f"routes.{key}" for key in Changes.model_json_schema()["$defs"]["RouteMetrics"]["properties"]} - {
        "routes.dst"
    }
    assert all(policy.limits.at(f"offloads.{name}") for name in policy.validation_limits.offloads)
    wanted -= {"qdisc.htb.default", "netem.classes"}  # classes, judged by whether they exist
    wanted -= {"netem.match", "netem.loss_model", "shaper.adapt"}  # whose fields are judged one by one
    wanted -= {"shaper.adapt.reflectors"}  # addresses
    assert wanted - set(policy.limits.ranges) == set()


def test_dscp_names_agree(policy: Policy) -> None:
    """The policy and the plan's models know the same code points."""
    assert {name.lower(): number for name, number in policy.validation_limits.dscp.items()} == DSCP_NAMES


def test_offload_names_agree(policy: Policy) -> None:
    """The policy names every offload that a plan may carry."""
    assert set(policy.validation_limits.offloads) == {*SHORT_NAMES, *KERNEL_NAMES}


def test_twin_ranges_agree(policy: Policy) -> None:
    """What can be set in two ways has one range."""
    key = "sysctl.net.netfilter.nf_conntrack_"
    for name, twin in (
        ("max_connections", "max"),
        ("tcp_timeout_established", "tcp_timeout_established"),
        ("tcp_timeout_close_wait", "tcp_timeout_close_wait"),
    ):
        one, other = policy.limits.at(f"connection_tracking.{name}"), policy.limits.at(key + twin)
        assert one is not None
        assert other is not None
        assert (one.min, one.max) == (other.min, other.max)
    algorithms = [policy.limits.at(name) for name in ("routes.congctl", "sysctl.net.ipv4.tcp_congestion_control")]
    assert algorithms[0] is not None
    assert algorithms[1] is not None
    assert algorithms[0].valid_values == algorithms[1].valid_values


def test_every_figure_has_a_source(policy: Policy) -> None:
    """No range, card, rule, size or profile value stands without a source."""
    bare = [path for path, span in policy.limits.ranges.items() if not span.source.strip()]
    bare += [card.id for card in policy.cards.values() if not all(map(str.strip, card.sources))]
    bare += [rule.id for rule in (*policy.rules.adaptations, *policy.rules.constraint_list) if not rule.sources]
    for profile in policy.profiles.values():
        names = {name for name, _path, _value in values(profile.changes)}
        covered = tuple(f"{source}." for source in profile.sources)
        bare += [name for name in names if not f"{name}.".startswith(covered)]
    assert bare == []


@pytest.mark.parametrize(
    ("profile", "facts", "expected"),
    [
        pytest.param("bulk_transfer", {}, {"net.ipv4.tcp_rmem": "4096 131072 16777216"}, id="1 Gbit/s"),
        pytest.param(
            "bulk_transfer",
            {"speed": 10000},
            {"net.core.rmem_max": "67108864", "net.ipv4.tcp_rmem": "4096 131072 33554432"},
            id="10 Gbit/s raises",
        ),
        pytest.param(
            "bulk_transfer",
            {"speed": 100_000},
            {"net.core.rmem_max": "268435456", "net.core.optmem_max": "1048576"},
            id="100 Gbit/s raises most",
        ),
        pytest.param(
            "bulk_transfer",
            {"speed": 10000, "memory_mb": 2048},
            {"net.core.rmem_max": "6291456", "net.ipv4.tcp_wmem": "4096 65536 4194304"},
            id="little memory caps",
        ),
        pytest.param(
            "server",
            {"sysctl": {"net.ipv4.tcp_rmem": "4096\t131072\t33554432", "net.core.somaxconn": "65535"}},
            {"net.ipv4.tcp_rmem": "4096 131072 33554432", "net.core.somaxconn": "65535"},
            id="a higher default stays",
        ),
        pytest.param(
            "server",
            {"memory_mb": 2048, "sysctl": {"net.ipv4.tcp_rmem": "4096 131072 33554432"}},
            {"net.ipv4.tcp_rmem": "4096 131072 33554432"},
            id="a higher default stays with little memory too",
        ),
        pytest.param("server", {"cpus": 16}, {"net.netfilter.nf_conntrack_max": "524288"}, id="per core"),
        pytest.param("server", {"kernel_version": [4, 4]}, {"net.ipv4.tcp_congestion_control": None}, id="no bbr"),
        pytest.param("gaming", {}, {"net.core.busy_poll": "50"}, id="polling on four CPUs"),
        pytest.param(
            "gaming", {"virtualization": "kvm"}, {"net.core.busy_poll": None}, id="no polling in a small guest"
        ),
        pytest.param("bulk_transfer", {"speed": 100}, {"net.core.rmem_max": "6291456"}, id="slow links cap"),
        pytest.param("bulk_transfer", {"speed": None}, {"net.core.rmem_max": "16777216"}, id="unknown speed"),
        pytest.param("gaming", {"cpus": 2}, {"net.core.busy_poll": None}, id="no polling on two CPUs"),
    ],
)
def test_adaptations(policy: Policy, profile: str, facts: dict[str, object], expected: dict[str, str | None]) -> None:
    """The rules fit a profile to a host as they say."""
    found = _adapted(policy, profile, **facts)
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize("profile", sorted(OBJECTIVES))
def test_namespaces_get_what_they_may_set(policy: Policy, profile: str) -> None:
    """Outside the first network namespace only keys remain that can be written there."""
    left = _adapted(policy, profile, initial_netns=False)
    assert [key for key in left if not policy.effect_of(key).namespaced] == []


def test_wireless_keeps_its_queues(policy: Policy) -> None:
    """No qdisc is put on a wireless interface by a profile."""
    facts = _facts(interfaces={"wlan0": {"type": "wireless"}})
    changes = dict(policy.profiles["gaming"].changes)
    assert "qdisc" not in adapt(changes, policy.rules.adaptations_for("gaming"), facts, "wlan0").changes


def test_modules_and_skippable(policy: Policy) -> None:
    """The target is told which module brings a key, and which key it may do without."""
    modules = policy.modules(policy.sysctl_cards)
    assert modules["net.netfilter.nf_conntrack_max"] == "nf_conntrack"
    assert not [module for module in modules.values() if "{" in module]
    keys = ["net.ipv4.tcp_low_latency", "net.ipv4.tcp_tw_recycle", "net.ipv4.tcp_rmem", "no.such"]
    assert list(policy.skippable(keys)) == ["net.ipv4.tcp_low_latency", "net.ipv4.tcp_tw_recycle"]


def test_loaded_once_until_it_changes(own_policy: Path) -> None:
    """A policy is cached, an edit is noticed, and the digest follows the content alone."""
    first = load_policy(own_policy)
    assert load_policy(own_policy) is first
    assert first == load_policy()
    assert hash(first) == hash(load_policy())
    file = own_policy / "validation_limits.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("max_hosts: 1000", "max_hosts: 9000"), encoding="utf-8")
    os.utime(file, ns=(1, 1))
    second = load_policy(own_policy)
    assert second != first
    assert second.validation_limits.max_hosts == 9000


def test_an_organisation_brings_its_own(own_policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NETOPT_POLICY_DIR points at the policy that is used."""
    monkeypatch.setenv("NETOPT_POLICY_DIR", str(own_policy))
    assert load_policy().directory == own_policy.resolve()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("changes.sysctl.net.core.rmem_max", 2147483648, "Value exceeds maximum allowed: 2147483647"),
        ("sysctl.net.core.rmem_max", "268435456", None),
        ("sysctl.net.core.rmem_max", 1, "Value is below minimum allowed: 2304"),
        ("sysctl.net.core.rmem_max", "many", "Value must be a whole number, found 'many'"),
        ("sysctl.net.core.rmem_max", True, "Value must be a whole number, found True"),
        ("sysctl.net.core.rmem_max", 5000.5, "Value must be a whole number, found 5000.5"),
        ("sysctl.net.ipv4.tcp_rmem", "4096 131072 16777216", None),
        ("sysctl.net.ipv4.tcp_rmem", [4096, 131072, 16777216], None),
        (
            "sysctl.net.ipv4.tcp_rmem",
            "4096 131072 2147483648",
            "Value exceeds maximum allowed: 2147483647 (field max)",
        ),
        (
            "sysctl.net.ipv4.tcp_rmem",
            "4096 131072",
            "Value must be 3 whole numbers (min default max), found '4096 131072'",
        ),
        (
            "sysctl.net.ipv4.tcp_rmem",
            "8192 4096 65536",
            "The fields must not decrease (min default max), found '8192 4096 65536'",
        ),
        ("sysctl.net.ipv4.tcp_syncookies", "9", "Value exceeds maximum allowed: 2"),
        ("sysctl.net.ipv4.tcp_fastopen", "1543", None),
        (
            "sysctl.net.ipv4.tcp_fastopen",
            "99",
            "Value has bits that mean nothing (0x60): expected a sum of 0x1, 0x2, 0x4, 0x200, 0x400",
        ),
        ("sysctl.net.core.default_qdisc", "fq", None),
        (
            "qdisc.cake.diffserv",
            "diffserv5",
            "Value is not one of those allowed: besteffort, precedence, diffserv3, diffserv4, diffserv8",
        ),
        ("shaper.egress_mbit", 400_001, "Value exceeds maximum allowed: 400000"),
        ("shaper.egress_mbit", float("nan"), "Value must be a number, found nan"),
        ("shaper.egress_mbit", float("inf"), "Value must be a number, found inf"),
        ("qdisc.fq.pacing", 1, "Value must be true or false, found 1"),
    ],
)
def test_ranges(policy: Policy, path: str, value: object, problem: str | None) -> None:
    """A value out of its range is told what is allowed."""
    span = policy.limits.at(path)
    assert span is not None
    assert span.problem(value) == problem


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "int", "min": 1},
        {"type": "int", "min": 2, "max": 1},
        {"type": "enum", "min": 1, "max": 2},
        {"type": "row", "min": 1, "max": 2},
        {"type": "bool", "valid_values": ["a"]},
        {"type": "text"},
        {"type": "text", "pattern": "("},
        {"type": "row", "fields": [{"name": "a", "min": 2, "max": 1}]},
    ],
)
def test_ranges_must_be_complete(fields: dict[str, object]) -> None:
    """A range without bounds, or with those of another type, is refused."""
    with pytest.raises(ValueError, match=r"range of type|is above max|not a regular expression"):
        Range.model_validate({**fields, "source": "a test of ranges"})


@pytest.mark.parametrize(
    ("fields", "value", "problem"),
    [
        ({"type": "words", "valid_values": ["reno", "cubic"]}, "cubic reno", None),
        ({"type": "words", "valid_values": ["reno"]}, "reno bbr", "bbr is not one of the words allowed: reno"),
        ({"type": "text", "pattern": "[0-9]+(-[0-9]+)?"}, "1-2", None),
        ({"type": "text", "pattern": "[0-9]+"}, "1-2", "Value must match [0-9]+, found '1-2'"),
    ],
)
def test_words_and_texts(fields: dict[str, object], value: str, problem: str | None) -> None:
    """Words are from a list, and a text matches its pattern from end to end."""
    assert Range.model_validate({**fields, "source": "a test of ranges"}).problem(value) == problem


def test_a_family_has_one_card_and_one_range(policy: Policy) -> None:
    """A card of a family is that of all, default and every interface, however its name is spelt."""
    for place in ("all", "default", "eth0", "eth0/100", "{iface}"):
        key = f"net.ipv4.conf.{place}.rp_filter"
        card, span = policy.card_of(key), policy.limits.at(f"sysctl.{key}")
        assert card is not None
        assert span is not None
        assert (card.id, span.min, span.max) == ("sysctl.ipv4_conf_filter", 0, 2)
    assert policy.card_of("net.ipv4.conf.all.no_such_key") is None


def test_shipped_cards_are_whole(policy: Policy) -> None:
    """Shipped cards leave out nothing that a card may leave out, and cover keys below net alone."""
    for card in policy.cards.values():
        assert all((card.purpose, card.use_cases, card.impact, card.configuration, card.parameters)), card.id
        assert all(key.startswith("net.") for key in card.covered), card.id


def test_unknown_path_has_no_range() -> None:
    """A path that nothing is said of has no range."""
    assert Limits(ranges={}).at("changes.mtu") is None

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller may set, and take away: each section of a plan asks for the cards that setting it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.access.authorize import check_plan, check_removal, fields_of
from mcp_bridge.access.caller import Caller
from mcp_bridge.access.errors import AccessError
from mcp_bridge.access.models import CallerRule, local_rule
from mcp_bridge.models import ParameterPlan
from mcp_bridge.policy import load_policy

POLICY = load_policy()
CLASSES = [{"classid": "1:10", "rate_mbit": 5, "leaf": {"type": "fq_codel", "params": {"limit": 99}}}]
SECTIONS: list[tuple[str, Any, set[str]]] = [
    ("sysctl.net.core.somaxconn", "4096", {"sysctl.somaxconn"}),
    ("sysctl.kernel.not_in_this_policy", "1", {"sysctl.kernel.not_in_this_policy"}),
    ("offloads.generic-receive-offload", True, {"ethtool.offloads"}),
    ("mtu", 1400, {"link.mtu"}),
    ("routes.0.0.0.0/0 initcwnd", 20, {"link.route_metrics"}),
    ("qdisc", {"type": "fq", "params": {"limit": 5}}, {"tc.qdisc_type", "tc.qdisc_fq"}),
    ("netem", {"loss_pct": 1, "duration_s": 9}, {"tc.netem_loss"}),
    ("nat_rules", [{"type": "masquerade"}], {"iptables.nat"}),
    (
        "htb_classes",
        {"htb_classes": CLASSES, "default_class": "1:10"},
        {"tc.htb_rate", "tc.htb_ceil", "tc.htb_priority", "tc.default_class", "tc.qdisc_type", "tc.qdisc_fq_codel"},
    ),
    (
        "connection_tracking",
        {"max_connections": 65536},
        {"iptables.connection_tracking", "iptables.connection_tracking_size"},
    ),
]


def caller(*cards: str, profiles: tuple[str, ...] = ()) -> Caller:
    """Return a caller of these cards and profiles."""
    rule = CallerRule(name="bot", scopes=["apply"], hosts=["all"], cards=list(cards), profiles=list(profiles))
    return Caller("bot", rule, frozenset(rule.scopes), "")


@pytest.mark.parametrize(("path", "value", "cards"), SECTIONS, ids=[case[0] for case in SECTIONS])
def test_a_section_is_taken_away_with_its_cards(path: str, value: object, cards: set[str]) -> None:
    """All of its cards suffice, and each of them is needed."""
    sections = [(path, value)]
    check_removal(caller(*cards), sections, POLICY)
    for missing in cards:
        with pytest.raises(AccessError, match="The caller bot may not take away") as refused:
            check_removal(caller(*cards - {missing}), sections, POLICY)
        assert str(refused.value.message).endswith(f": {missing}")


def test_cards_of_profiles_count() -> None:
    """What a caller may set by a profile, it may take away; of a profile that it may not use nothing counts."""
    assert "sysctl.tcp_congestion_control" in POLICY.profiles["gaming"].active_cards
    sections = [("sysctl.net.ipv4.tcp_congestion_control", "bbr")]
    check_removal(caller(profiles=("gam*",)), sections, POLICY)
    with pytest.raises(AccessError, match="may not take away"):
        check_removal(caller(profiles=("server_of_nobody",)), sections, POLICY)


@pytest.mark.parametrize(
    ("changes", "cards"),
    [
        ({"mtu": None}, {"link.mtu"}),
        ({"qdisc": None}, {"tc.qdisc_type"}),
        ({"netem": None}, {"tc.netem_delay", "tc.netem_loss"}),
        ({"nat_rules": []}, {"iptables.nat"}),
        ({"htb_classes": []}, {"tc.htb_rate", "tc.htb_ceil", "tc.htb_priority"}),
        ({"connection_tracking": None}, {"iptables.connection_tracking", "iptables.connection_tracking_size"}),
        ({"sysctl": {"net.core.somaxconn": None}}, {"sysctl.somaxconn"}),
        ({"offloads": {"gro": None}}, {"ethtool.offloads"}),
        ({"routes": []}, {"link.route_metrics"}),
        ({"routes": [{"dst": "default", "initcwnd": None}]}, {"link.route_metrics"}),
    ],
)
def test_null_asks_for_the_cards_of_what_it_takes_away(changes: dict[str, Any], cards: set[str]) -> None:
    """A plan without a name takes sections away by null: for that a caller needs what setting them needs."""
    plan = ParameterPlan.model_validate({"iface": "eth0", "changes": changes})
    assert fields_of(plan) == set(changes)
    check_plan(caller(*cards), plan, POLICY)
    for missing in cards:
        with pytest.raises(AccessError, match="The caller bot may not change") as refused:
            check_plan(caller(*cards - {missing}), plan, POLICY)
        assert str(refused.value.message).endswith(f": {missing}")


def test_a_null_beside_a_value_asks_for_both() -> None:
    """Of kernel parameters some are set and others taken away in one plan: each asks for its card."""
    values = {"net.core.somaxconn": None, "net.ipv4.tcp_fin_timeout": 23}
    plan = ParameterPlan.model_validate({"iface": "eth0", "changes": {"sysctl": values}})
    check_plan(caller("sysctl.somaxconn", "sysctl.tcp_fin_timeout"), plan, POLICY)
    for only in ("sysctl.somaxconn", "sysctl.tcp_fin_timeout"):
        with pytest.raises(AccessError, match="may not change"):
            check_plan(caller(only), plan, POLICY)


def test_who_may_set_all() -> None:
    """The server's own user may; a caller of all cards may not where impairments or translation are closed to it."""
    rule = local_rule()
    assert Caller("local", rule, frozenset(rule.scopes), "").may_set_all
    assert not caller("*").may_set_all

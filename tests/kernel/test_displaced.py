# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No plan takes away the limits, marks or translations of a change in force without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

MARKS = {"dscp": [{"match": {"proto": "udp", "dports": [3478]}, "dscp": 46}]}
LIMITS = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]}
NAT = {"sysctl": {"net.ipv4.ip_forward": "1"}, "nat_rules": [{"type": "masquerade"}]}
MANY = {
    "htb_classes": [
        {"classid": f"1:{one:x}", "rate_mbit": 1, "match": [{"dst": f"198.51.{one >> 8}.{one & 255}/32"}]}
        for one in range(1, 259)
    ]
}


def with_wan(host: Host) -> Host:
    """Give a host a second interface."""
    host.run("sh", "-c", "ip link add wan0 type veth peer name wan1 && ip link set wan0 up")
    return host


@pytest.fixture(params=[True, False], ids=["rehearsed", "unrehearsed"])
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host with two interfaces, with and without a place to rehearse in."""
    with transaction_host(may_make_namespaces=request.param) as made:
        yield with_wan(made)


@pytest.fixture
def rehearsing() -> Iterator[Host]:
    """A host with two interfaces and a place to rehearse in."""
    with transaction_host() as made:
        yield with_wan(made)


def on(iface: str | list[str], changes: dict[str, Any]) -> dict[str, Any]:
    """Return a plan for an interface."""
    return {"iface": iface, "changes": changes}


def apply(host: Host, plan: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Apply a plan that has to be possible."""
    report = host.apply({}, plan=plan, **options)
    assert report["error"] is None, report["error"]
    return report


REFUSED = {
    "limits on the same interface": (on(IFACE, MARKS), on(IFACE, LIMITS), "dscp"),
    "limits on another interface": (on("wan0", NAT), on(IFACE, LIMITS), "nat_rules"),
    "marks on another interface": (on("wan0", MARKS), on(IFACE, MARKS), "dscp"),
}


@pytest.mark.parametrize(("first", "second", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(host: Host, first: dict[str, Any], second: dict[str, Any], field: str) -> None:
    """The plan is refused, in check mode too, with the change named, and nothing is touched; the way out is one."""
    apply(host, first, checkpoint_id="one", checkpoint_label="calls")
    before = host.view()
    for check in (True, False):
        report = host.apply({}, plan=second, check=check, checkpoint_id="two")
        assert (report["status"], report["changed"], report["operations"]) == ("failed", False, [])
        assert (report["error"]["stage"], report["error"]["key"]) == ("plan", f"changes.{field}")
        assert f"the change one (calls) has set with {field}" in report["error"]["message"]
        assert host.view() == before
        assert host.statuses() == {"one": "confirmed"}
    assert apply(host, first)["status"] == "unchanged"
    host.checkpoint("restored", id="one")
    assert apply(host, second)["status"] == "applied"


def test_named_on_purpose(host: Host) -> None:
    """With the field named, empty or not, the plan holds, a second time changes nothing, and nothing drifts."""
    apply(host, on(IFACE, MARKS), checkpoint_id="one")
    both = on(IFACE, {**MARKS, **LIMITS})
    assert apply(host, both, checkpoint_id="two")["status"] == "applied"
    assert apply(host, both)["status"] == "unchanged"
    marks = host.shell("nft list table inet netopt")
    assert "dscp set" in marks
    assert "connection_limits" in marks
    alone = on(IFACE, {**LIMITS, "dscp": []})
    assert apply(host, alone, checkpoint_id="three")["status"] == "applied"
    assert "dscp set" not in host.shell("nft list table inet netopt")
    assert apply(host, alone)["status"] == "unchanged"
    assert apply(host, on(IFACE, LIMITS))["status"] == "unchanged"
    assert host.checkpoint("verified")["drift"] == []
    host.checkpoint("restored", id="three")
    assert "the change two has" in host.apply(LIMITS)["error"]["message"]


def test_named_for_both_interfaces(rehearsing: Host) -> None:
    """A plan for both interfaces, or a translation that names the other one, takes no rules away; an empty list may."""
    apply(rehearsing, on("wan0", NAT), checkpoint_id="one")
    report = apply(rehearsing, on([IFACE, "wan0"], {**NAT, **LIMITS}))
    assert report["status"] == "applied"
    rules = [{"type": "masquerade", "iface": "wan0"}]
    refused = rehearsing.apply({**LIMITS, "nat_rules": rules})
    assert "has set with connection_limits on eth0, wan0" in refused["error"]["message"]
    rehearsing.checkpoint("restored", id="one")
    apply(rehearsing, on("wan0", NAT))
    assert rehearsing.apply({**LIMITS, "nat_rules": rules})["status"] == "applied"
    assert 'oifname "wan0"' in rehearsing.shell("nft list table inet netopt")
    assert rehearsing.apply({**LIMITS, "nat_rules": []})["status"] == "applied"
    assert "masquerade" not in rehearsing.shell("nft list table inet netopt")


@pytest.mark.parametrize("by_hand", ["nft delete table inet netopt", "nft flush chain inet netopt egress"])
def test_what_was_removed_by_hand_is_not_kept(rehearsing: Host, by_hand: str) -> None:
    """There is nothing to lose any more."""
    apply(rehearsing, on(IFACE, MARKS))
    rehearsing.run("sh", "-c", by_hand)
    assert apply(rehearsing, on(IFACE, LIMITS))["status"] == "applied"


def test_a_plan_without_rules_leaves_the_table_alone(rehearsing: Host) -> None:
    """A tree of queues, and one with classes in maps, come and go beside the marks."""
    apply(rehearsing, on(IFACE, {**MARKS, **MANY}), checkpoint_id="one")
    assert apply(rehearsing, on(IFACE, {"qdisc": {"type": "htb", "params": {}}}))["status"] == "applied"
    table = rehearsing.shell("nft list table inet netopt")
    assert "dscp set" in table
    assert "classes_" not in table
    assert apply(rehearsing, on(IFACE, {"mtu": 1400, "dscp": []}))["status"] == "applied"
    assert rehearsing.shell("nft list table inet netopt") == table
    assert "the change one has" in rehearsing.apply(LIMITS)["error"]["message"]
    assert rehearsing.checkpoint("verified")["drift"] == []


def test_classes_in_maps_are_rules_too(rehearsing: Host) -> None:
    """A tree that is large enough to make the table anew takes no marks away; beside a named field it holds."""
    apply(rehearsing, on(IFACE, MARKS), checkpoint_id="one")
    refused = rehearsing.apply({}, plan=on("wan0", MANY))
    assert "the change one has set with dscp on eth0" in refused["error"]["message"]
    assert apply(rehearsing, on([IFACE, "wan0"], {**MANY, "dscp": []}))["status"] == "applied"


def test_the_classes_of_another_interface_stay(rehearsing: Host) -> None:
    """The maps of a tree stay with a plan for rules elsewhere, and a plan for another tree."""
    apply(rehearsing, on(IFACE, MANY))
    assert apply(rehearsing, on("wan0", {**MARKS, **MANY}))["status"] == "applied"
    assert apply(rehearsing, on("wan0", {**MARKS, **LIMITS}))["status"] == "applied"
    table = rehearsing.shell("nft list table inet netopt")
    assert {f"chain classify_{iface}" in table for iface in (IFACE, "wan0")} == {True}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules that find classes by who sends come and go with their plan, and are watched as it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.kernel.transaction_host import IFACE, Host, transaction_host

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

CHAIN = f"classify_{IFACE}"
BEHIND, AHEAD = "priority 150", "priority srcnat - 10"


def classes(*matches: dict[str, Any]) -> dict[str, Any]:
    """Return changes with a class for each match."""
    found = [{"classid": f"1:{n}0", "rate_mbit": 9, "match": [match]} for n, match in enumerate(matches, 1)]
    return {"shaper": {"egress_mbit": 100}, "htb_classes": found}


SOURCE, PORT, USER = {"src": "10.9.0.0/24"}, {"dports": ["53"]}, {"uid": 4242}
MARKS = {"dscp": [{"match": {"src": "10.9.0.2"}, "dscp": 46}]}
BY_SENDER = classes(SOURCE, PORT)


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a host."""
    with transaction_host() as made:
        yield made


def chain(host: Host) -> str:
    """Return what the chain reads, with what nft says where there is none."""
    return host.run("nft", "list", "chain", "inet", "netopt", CHAIN, check=False)


def applied(host: Host, changes: dict[str, Any], **asked: Any) -> dict[str, Any]:
    """Apply a plan and return the report."""
    plan = {"iface": IFACE, "changes": changes, **asked}
    report = host.ask(plan=plan)
    assert report["status"] == "applied", report["error"]
    return report


def test_there_and_back(host: Host) -> None:
    """A second apply changes nothing; check mode tells of it; rolling back takes all of it away."""
    before = host.view()
    would = host.apply(BY_SENDER, check=True)
    assert (would["status"], {one["subsystem"] for one in would["diff"]}) == ("would_change", {"tc", "nft"})
    report = applied(host, BY_SENDER)
    assert (AHEAD in chain(host), report["warnings"]) == (True, [])
    assert host.apply(BY_SENDER)["status"] == "unchanged"
    assert host.checkpoint("restored", id=report["checkpoint_id"])["report"]["status"] == "rolled_back"
    assert host.view() == before


def test_removed_with_its_plan(host: Host) -> None:
    """Rules of other plans stay while the classes go, and the classes while other plans' rules go."""
    before = host.view()
    applied(host, MARKS, name="marks")
    marked = host.view()
    applied(host, BY_SENDER, name="classes")
    assert host.ask(remove=["classes"])["status"] == "applied"
    assert host.view() == marked
    applied(host, BY_SENDER, name="classes")
    assert host.ask(remove=["marks"])["status"] == "applied"
    assert (AHEAD in chain(host), "chain egress" in host.run("nft", "list", "ruleset")) == (True, False)
    assert host.ask(remove=["classes"])["status"] == "applied"
    assert host.view() == before


def test_drift_is_found(host: Host) -> None:
    """A rule that somebody took away is told, and applying again brings it back."""
    applied(host, BY_SENDER)
    whole = chain(host)
    host.run("nft", "flush", "chain", "inet", "netopt", CHAIN)
    found = host.checkpoint("verified")["drift"]
    assert {one["subsystem"] for one in found} == {"nft"}
    applied(host, BY_SENDER)
    assert chain(host) == whole


@pytest.mark.parametrize("more", [{}, MARKS, {"rate_limits": [{"rate": "9/second", "port": 53}]}], ids=str)
def test_from_one_way_to_another(host: Host, more: dict[str, Any]) -> None:
    """Filters, rules ahead of translation and rules behind it replace one another, there and back."""
    kinds = {
        "filters": classes({"dports": ["54"]}, PORT),
        "ahead": classes(SOURCE, PORT),
        "behind": classes(USER, PORT),
    }
    words = {"filters": "No such file", "ahead": AHEAD, "behind": BEHIND}
    for first, second in (("filters", "ahead"), ("ahead", "behind"), ("behind", "ahead"), ("ahead", "filters")):
        applied(host, {**kinds[first], **more})
        there = host.view()
        report = applied(host, {**kinds[second], **more})
        assert words[second] in chain(host)
        assert host.checkpoint("restored", id=report["checkpoint_id"])["report"]["status"] == "rolled_back"
        assert host.view() == there


def test_classes_on_two_levels(host: Host) -> None:
    """Classes of an interface on top that those below it would be taken for are told; others are not."""
    host.shell("ip link add link eth0 name mac0 type macvlan mode bridge; ip link set mac0 up")
    above = {"name": "above", "iface": "mac0", "changes": {**BY_SENDER, "default_class": "1:20"}}
    assert host.ask(plan=above)["warnings"] == []
    told = applied(host, classes(PORT), name="below")["warnings"]
    assert ["whatever they match: 1:10." in one for one in told if "mac0" in one] == [True]
    other = {"classid": "1:30", "rate_mbit": 9, "match": [PORT]}
    assert not any("mac0" in one for one in applied(host, {"htb_classes": [other]}, name="below")["warnings"])

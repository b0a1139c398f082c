# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which plans are in force, and what they set, is known whatever becomes of changes and their checkpoints."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.kernel.plans_host import (
    BACKLOG,
    HTB,
    LIMITS,
    MANY,
    MARKS,
    apply,
    drift,
    plan,
    remove,
    report_of,
    table,
    two_interfaces,
)
from tests.kernel.transaction_host import IFACE, Host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two interfaces and a place to rehearse in."""
    with two_interfaces() as made:
        yield made


def test_several_plans_are_one_change(host: Host) -> None:
    """Both hold or none; a rollback undoes both."""
    before = host.view()
    bad = plan({"sysctl": {"net.core.rmem_max": "5"}, "mtu": 17}, name="bad")
    assert report_of(host, plan(MARKS, name="good"), bad)["status"] == "failed"
    assert host.view() == before
    assert apply(host, plan(MARKS, name="one"), plan({"mtu": 1400}, name="two"), checkpoint_id="both") == "applied"
    assert apply(host, plan(MARKS, name="one"), plan({"mtu": 1400}, name="two")) == "unchanged"
    host.checkpoint("restored", id="both")
    assert host.view() == before
    assert host.ask(remove=["one"])["status"] == "skipped"


def test_a_rollback_brings_back_which_plans_were_in_force(host: Host) -> None:
    """After it, the plan that was replaced is the one in force again."""
    apply(host, plan({"mtu": 1400}, name="one"), checkpoint_id="a")
    apply(host, plan({"sysctl": {BACKLOG: "1000"}}, name="one"), checkpoint_id="b")
    assert remove(host, "one", checkpoint_id="c") == "applied"
    host.checkpoint("restored", id="b")
    assert apply(host, plan({"mtu": 1400}, name="one")) == "unchanged"
    assert drift(host) == []


@pytest.mark.parametrize("by", ["by a person", "by its guard"])
def test_a_change_that_is_not_kept_leaves_the_record_as_it_was(host: Host, by: str) -> None:
    """What was rolled back is not in force, whoever rolled it back."""
    apply(host, plan({"mtu": 1400}, name="one"))
    apply(host, plan({"mtu": 1400, **MARKS}, name="two"), checkpoint_id="late", confirm_timeout_s=5)
    if by == "by a person":
        host.checkpoint("restored", id="late")
    else:
        host.wait_for("late", "rolled_back")
    assert apply(host, plan({"mtu": 1400}, name="one")) == "unchanged"
    assert host.ask(remove=["two"])["status"] == "skipped"


def test_removed_checkpoints_leave_their_plans_in_force(host: Host) -> None:
    """The record outlives the checkpoints, and goes with the rollback of an older one."""
    before = host.view()
    apply(host, plan({"mtu": 1400}, name="one"), checkpoint_id="a")
    apply(host, plan({**MARKS, **MANY}, name="two"), checkpoint_id="b")
    assert apply(host, plan({"mtu": 1410}, name="one"), checkpoint_id="c") == "applied"
    kept = "/var/lib/netopt/checkpoints/{b,c}/plans.*.json"
    assert set(host.run("bash", "-c", f"stat -c %h {kept}").split()) == {"2"}  # a large value is written once
    host.checkpoint("restored", id="c")
    host.checkpoint("absent", id="b")
    host.checkpoint("absent", id="a")
    assert apply(host, plan({**MARKS, **MANY}, name="two")) == "unchanged"
    assert remove(host, "one") == "applied"
    assert remove(host, "two") == "applied"
    assert host.view() == before


def test_what_was_done_by_hand_is_drift(host: Host) -> None:
    """A table that was flushed differs from what the plans say, and comes back with either of them."""
    apply(host, plan(MARKS, name="one"))
    apply(host, plan(LIMITS, name="two"))
    host.shell("nft delete table inet netopt")
    assert {one["subsystem"] for one in drift(host)} == {"nft"}
    assert apply(host, plan(LIMITS, name="two")) == "applied"
    assert "dscp set" in table(host)
    assert drift(host) == []


def test_what_the_host_held_already_is_compared(host: Host) -> None:
    """A plan that changes nothing, or only a part, is compared whole from then on; a value given back is not."""
    host.run("ethtool", "-K", IFACE, "gro", "off")
    assert apply(host, plan({"offloads": {"gro": True}}, name="base")) == "applied"
    assert remove(host, "base") == "applied"
    assert apply(host, plan({"sysctl": {BACKLOG: "31"}, "offloads": {"gro": False}}, name="web")) == "applied"
    assert drift(host) == []
    host.run("ethtool", "-K", IFACE, "gro", "on")
    (found,) = drift(host)
    assert (found["key"], found["wanted"], found["found"]) == (f"{IFACE} generic-receive-offload", "off", "on")
    assert found["checkpoint_id"] != ""
    host.run("sysctl", "-w", f"{BACKLOG}=4096")
    host.run("ethtool", "-K", IFACE, "gro", "off")
    assert remove(host, "web") == "applied"
    assert apply(host, plan({"sysctl": {BACKLOG: host.run("sysctl", "-n", BACKLOG).strip()}})) == "applied"
    host.run("sysctl", "-w", f"{BACKLOG}=77")
    assert [one["key"] for one in drift(host)] == [BACKLOG]
    for one in host.checkpoint("listed")["checkpoints"]:
        host.checkpoint("absent", id=one["id"])
    assert [one["key"] for one in drift(host)] == [BACKLOG]  # also by what removed checkpoints leave


def test_a_plan_for_an_interface_that_is_gone_can_be_removed(host: Host) -> None:
    """What it set elsewhere goes, and the record forgets it."""
    apply(host, plan({"mtu": 1400, **HTB, **MARKS, "sysctl": {BACKLOG: "1000"}}, ["wan0", IFACE], name="one"))
    host.shell("ip link del wan0")
    assert remove(host, "one") == "applied"
    assert "mtu 1500" in host.shell(f"ip link show {IFACE}")
    assert "No such file" in table(host)
    assert drift(host) == []


def test_plans_whose_checkpoint_was_removed(host: Host) -> None:
    """They stay in force, what was taken away before stays away, and nothing of that counts as drift."""
    apply(host, plan({"sysctl": {BACKLOG: "2000"}}, name="base"), checkpoint_id="one")
    apply(host, plan({"mtu": 1400, **MARKS}, name="web"), checkpoint_id="two")
    remove(host, "web", checkpoint_id="three")
    host.checkpoint("absent", id="three")
    assert list(host.statuses()) == ["one", "two"]
    assert drift(host) == []
    assert apply(host, plan({"sysctl": {BACKLOG: "2000"}}, name="base")) == "unchanged"
    assert apply(host, plan({"mtu": 1400, **MARKS}, name="web")) == "applied"


def test_what_removed_checkpoints_had_set_is_still_compared(host: Host) -> None:
    """Whichever checkpoints are gone, by hand or by retention: nothing counts as drift, and what drifts is told."""
    apply(host, plan({"sysctl": {BACKLOG: "2000"}, **MARKS}, name="one"), checkpoint_id="a")
    apply(host, plan({"mtu": 1400, **LIMITS}, name="two"), checkpoint_id="b")
    apply(host, plan({"mtu": 1420}, "wan0", name="three"), checkpoint_id="c")
    for gone in ("b", "a"):
        host.checkpoint("absent", id=gone)
        assert drift(host) == []
    host.shell(f"sysctl -qw {BACKLOG}=9; ip link set {IFACE} mtu 1300; nft delete table inet netopt")
    assert {(one["subsystem"], one["checkpoint_id"]) for one in drift(host)} == {
        (name, "(removed)") for name in ("sysctl", "link", "nft")
    }
    assert apply(host, plan({"sysctl": {BACKLOG: "2000"}, **MARKS}, name="one")) == "applied"
    assert remove(host, "two") == "applied"
    assert drift(host) == []


def test_a_check_of_going_back_blames_nobody_for_later_changes(host: Host) -> None:
    """What later changes set is undone first, and is no hand's work; what a hand has changed is still told."""
    apply(host, plan({"sysctl": {BACKLOG: "300"}, "mtu": 1400, **LIMITS}, name="base"), checkpoint_id="first")
    apply(host, plan({"mtu": 1400}, "wan0"), checkpoint_id="second")
    apply(host, plan({"sysctl": {BACKLOG: "400"}, **MARKS}, name="base"), checkpoint_id="third")
    remove(host, "base", checkpoint_id="fourth")

    def blamed() -> list[str]:
        told = host.checkpoint("restored", id="first", check=True)["report"]["warnings"]
        return [line for line in told if "changed by somebody else" in line]

    assert blamed() == []
    host.shell(f"sysctl -qw {BACKLOG}=555")
    (line,) = blamed()
    assert BACKLOG in line

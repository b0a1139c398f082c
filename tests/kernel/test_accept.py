# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollback that failed leaves no host stuck: what differs is said, others are applied, a person has a way out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import CHECKPOINTS, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

FIN = "net.ipv4.tcp_fin_timeout"
RULES = {"rate_limits": [{"rate": "10/second", "protocol": "udp", "port": 9}]}
OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "another key": ("eth0", {"mtu": 1400}),
    "another interface": ("peer0", {"qdisc": {"type": "pfifo", "params": {"limit": 9}}}),
    "the rules": ("eth0", RULES),
}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host on which the rollback of the change ``one`` has failed: /proc/sys has become read-only."""
    with transaction_host() as made:
        made.shell(f"sysctl -w {FIN}=60")
        assert made.apply({"sysctl": {FIN: "41"}}, checkpoint_id="one", confirm_timeout_s=0)["status"] == "applied"
        made.shell("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys")
        report = made.checkpoint("restored", id="one")["report"]
        assert report["status"] == "rollback_failed"
        error = report["error"]
        assert (error["key"], error["wanted"], error["after"]) == (FIN, "60", f"{FIN} is 41, was 60")
        assert f"These commands are left to do: sysctl -w {FIN}=60" in error["hint"]
        yield made


@pytest.mark.parametrize("name", OTHERS)
def test_what_it_does_not_concern_is_not_blocked(host: Host, name: str) -> None:
    """A plan for something else is applied, with a warning that has the ways out, and is rolled back."""
    iface, changes = OTHERS[name]
    before = host.view()
    report = host.apply({}, plan={"iface": iface, "changes": changes}, checkpoint_id="two", confirm_timeout_s=0)
    assert report["status"] == "applied", report["error"]
    told = [warning for warning in report["warnings"] if "netopt checkpoints --accept one" in warning]
    assert len(told) == 1, report["warnings"]
    assert "This plan does not touch what it changed" in told[0]
    assert host.checkpoint("restored", id="two")["report"]["status"] == "rolled_back"
    assert host.view() == before
    assert host.statuses() == {"one": "restore_failed", "two": "rolled_back"}


@pytest.mark.parametrize("way", ["module", "console"])
def test_accepted_by_a_person(host: Host, way: str) -> None:
    """The next change of the same key is refused until somebody has accepted what is left; no file is removed."""
    refused = host.apply({"sysctl": {FIN: "42"}})
    assert (refused["status"], refused["error"]["stage"]) == ("failed", "restore"), refused
    assert f"sysctl -w {FIN}=60" in refused["error"]["hint"]
    assert f"python3 {CHECKPOINTS}/one/restore.pyz --accept" in refused["error"]["hint"]
    if way == "module":
        assert host.checkpoint("accepted", id="one", check=True)["report"]["status"] == "would_change"
        assert host.checkpoint("accepted", id="one")["report"]["status"] == "applied"
        assert host.checkpoint("accepted", id="one")["report"]["status"] == "unchanged"
    else:
        assert host.restore("one", "--accept") == "accepted\n"
        assert host.restore("one", "--accept") == "accepted before\n"
    assert host.checkpoint("restored", id="one")["report"]["status"] == "rollback_failed"
    assert host.statuses() == {"one": "accepted"}  # what fails again is accepted still
    host.shell("mount -o remount,rw,bind /proc/sys")
    assert host.apply({"sysctl": {FIN: "42"}}, checkpoint_id="two", confirm_timeout_s=0)["status"] == "applied"
    assert host.checkpoint("restored", id="two")["report"]["status"] == "rolled_back"
    assert host.shell(f"sysctl -n {FIN}") == "41\n"
    assert host.checkpoint("restored", id="one")["report"]["status"] == "rolled_back"  # it can still be tried
    assert host.shell(f"sysctl -n {FIN}") == "60\n"


def test_only_what_failed_is_accepted(host: Host) -> None:
    """A change that is in force is kept by confirming it; one that is rolled back leaves nothing to accept."""
    assert host.apply({"mtu": 1400}, checkpoint_id="two", confirm_timeout_s=60)["status"] == "applied"
    error = host.checkpoint("accepted", id="two")["report"]["error"]
    assert (error["wanted"], error["after"]) == ("restore_failed", "applied")
    assert "kept with confirm" in error["hint"]
    assert host.checkpoint("restored", id="two")["report"]["status"] == "rolled_back"
    assert host.checkpoint("accepted", id="two")["report"]["status"] == "unchanged"
    assert host.checkpoint("accepted", id="none")["report"]["status"] == "skipped"


@pytest.mark.parametrize(
    ("name", "changes"), [("web", {"mtu": 1400}), (None, {"sysctl": {FIN: None}})], ids=["by its name", "null"]
)
def test_what_a_plan_lets_go_of_is_blocked_too(name: str | None, changes: dict[str, Any]) -> None:
    """A plan that gives back what the failed rollback left is refused like one that sets it."""
    named = {"name": name} if name else {}
    with transaction_host() as made:
        for identity, value in (("zero", "41"), ("one", "42")):
            plan = {**named, "iface": "eth0", "changes": {"sysctl": {FIN: value}}}
            assert made.ask(plan=plan, checkpoint_id=identity)["status"] == "applied"
        made.shell("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys")
        assert made.checkpoint("restored", id="one")["report"]["status"] == "rollback_failed"
        report = made.ask(plan={**named, "iface": "eth0", "changes": changes})
        assert report["status"] == "failed"
        assert "Remains of one are on this host" in report["error"]["hint"]

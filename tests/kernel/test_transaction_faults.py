# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever ends a change at whatever operation, the host is as before."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.kernel.transaction_host import Host, transaction_host
from tests.waiting import past

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

CHANGES = {
    "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_fin_timeout": "15"},
    "mtu": 1400,
    "offloads": {"gso": False},
    "qdisc": {"type": "htb", "params": {"default": "1:10"}},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 50, "ceil_mbit": 100},
        {"classid": "1:20", "rate_mbit": 20, "match": [{"proto": "tcp", "dports": ["443"]}]},
    ],
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
}
BEFORE = (
    "sysctl -qw net.ipv4.tcp_fin_timeout=42;"
    "tc qdisc add dev eth0 root handle 5: tbf rate 10mbit burst 5kb latency 70ms;"
    "nft add table ip other; nft add chain ip other input; nft add rule ip other input counter;"
    "nft add table inet netopt; nft add chain inet netopt mine; nft add rule inet netopt mine counter accept"
)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host that somebody has configured by hand."""
    with transaction_host() as made:
        made.shell(BEFORE)
        yield made


@pytest.fixture(scope="module")
def operations() -> int:
    """How many operations the change takes."""
    with transaction_host() as made:
        made.shell(BEFORE)
        report = made.apply(CHANGES)
        assert report["status"] == "applied", report["error"]
        return len(report["operations"])


def boundaries(count: int) -> list[int]:
    """Every boundary of a short change; the first, the last and some between of a long one."""
    return sorted({*range(min(count, 6)), count // 2, count - 1})


@pytest.mark.parametrize("fault", ["error", "defect", "SIGTERM", "SIGHUP", "SIGINT"])
def test_fault_undone(host: Host, operations: int, fault: str) -> None:
    """An error, a defect and every polite signal restore the host at once, and the report says so."""
    before = host.view()
    for at in boundaries(operations) if fault == "error" else (operations - 1,):
        report = host.apply(CHANGES, at=at, fault=fault)
        assert report["status"] == "rolled_back", (at, report["error"], report["warnings"])
        assert report["changed"] is False
        assert report["error"]["message"]
        assert host.view() == before, at
        assert set(host.statuses().values()) == {"rolled_back"}
    assert host.guards() == []


def test_drift_is_found_on_reading_back(host: Host, operations: int) -> None:
    """What does not hold at the end, though every operation succeeded, is found, named and undone."""
    before = host.view()
    report = host.apply(CHANGES, at=operations - 1, fault="drift")
    assert report["status"] == "rolled_back"
    error = report["error"]
    found = (error["stage"], error["key"], error["wanted"], error["after"])
    assert found == ("verify", "net.ipv4.tcp_fin_timeout", "15", "77")
    assert host.view() == before


def test_first_error_stays_when_the_rollback_fails(host: Host, operations: int) -> None:
    """When the rollback cannot succeed either, the first error is reported, the second told, and the rest restored."""
    device = host.shell("ip -d link show eth0; tc -d qdisc show dev eth0")
    report = host.apply(CHANGES, at=operations - 1, fault="read-only", checkpoint_id="lost")
    assert report["status"] == "rollback_failed"
    assert report["error"]["message"] == "made to fail"
    assert any("net.ipv4.tcp_fin_timeout" in warning for warning in report["warnings"])
    assert host.statuses() == {"lost": "restore_failed"}
    assert host.shell("ip -d link show eth0; tc -d qdisc show dev eth0") == device


def test_kill_with_guard_undone_by_hand(host: Host) -> None:
    """With the guard killed as well, the program in the checkpoint's folder restores the host by hand."""
    before = host.view()
    host.apply(CHANGES, confirm_timeout_s=300, checkpoint_id="waits")
    for pid in host.guards():
        os.kill(pid, signal.SIGKILL)
    assert host.view() != before
    assert "nothing to do" not in host.restore("waits", "--restore", "--if-unconfirmed")
    assert host.view() == before
    assert "nothing to do" in host.restore("waits", "--restore", "--if-unconfirmed")


def test_next_apply_recovers(host: Host) -> None:
    """A change that lost its maker and its guard is undone before the next one is made."""
    before = host.view()
    host.apply(CHANGES, confirm_timeout_s=2, checkpoint_id="orphan")
    for pid in host.guards():
        os.kill(pid, signal.SIGKILL)
    past(host.deadline("orphan"))  # nobody watches over it any more, and its time goes by
    report = host.apply({"sysctl": {"net.ipv4.tcp_fin_timeout": "42"}})
    assert {change["subsystem"] for change in report["diff"]} == {"plan"}, report["error"]
    assert any("orphan" in warning for warning in report["warnings"])
    assert host.view() == before


def test_hung_maker_ended(host: Host, operations: int) -> None:
    """A maker that hangs with the lock in its hands is ended when its time is over, and its change undone."""
    before = host.view()
    report = host.apply(CHANGES, at=operations - 1, fault="SIGSTOP", guard_s=0.5, checkpoint_id="hung")
    assert report == {} or report["status"] == "rolled_back", report
    host.wait_for("hung", "rolled_back", seconds=40)
    assert host.view() == before


def test_unconfirmed_undone(host: Host) -> None:
    """A change that nobody confirms is undone when its time is over, not earlier."""
    before = host.view()
    report = host.apply(CHANGES, confirm_timeout_s=2, checkpoint_id="unconfirmed")
    assert report["status"] == "applied", report["error"]
    assert host.view() != before
    assert host.statuses() == {"unconfirmed": "applied"}
    host.wait_for("unconfirmed", "rolled_back")
    assert host.view() == before
    late = host.checkpoint("confirmed", id="unconfirmed")
    assert late["report"]["status"] == "failed"
    assert late["report"]["error"]["stage"] == "confirm"


def test_confirmed_stays(host: Host) -> None:
    """A confirmed change stays, its guard goes, and the confirmation repeats what was done."""
    host.apply(CHANGES, confirm_timeout_s=5, checkpoint_id="good")
    after, deadline = host.view(), host.deadline("good")
    confirmed = host.checkpoint("confirmed", id="good")["report"]
    assert confirmed["status"] == "applied"
    assert confirmed["diff"]
    past(deadline)  # longer than it would have waited
    assert host.view() == after
    assert host.guards() == []
    assert host.checkpoint("confirmed", id="good")["report"]["status"] == "unchanged"

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netopt_apply and netopt_checkpoint as they run on a host: made, unchanged, confirmed, extended, undone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import STATE_DIR, Store
from ansible_collections.netopt.linux.plugins.module_utils._host import commands
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle import guard, restore_cli
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., dict[str, Any]]
    View = Callable[[], str]

pytestmark = pytest.mark.own_host

FIN = "net.ipv4.tcp_fin_timeout"
LIMIT = {"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}
PLANS: dict[str, dict[str, Any]] = {
    "sysctl": {"sysctl": {"net.ipv4.ip_forward": "1", FIN: "15"}},
    "link": {"mtu": 1400, "offloads": {"tso": False, "gso": False}},
    "a smaller link, shaped by tbf": {
        "qdisc": {"type": "tbf", "params": {"rate_mbit": 10, "burst_bytes": 5000, "latency_ms": 50}},
        "mtu": 1300,
    },
    "classes": {
        "qdisc": {"type": "htb", "params": {"default": "1:10"}},
        "htb_classes": [
            {"classid": "1:10", "rate_mbit": 50},
            {"classid": "1:20", "rate_mbit": 20, "ceil_mbit": 40, "match": [{"proto": "tcp", "dports": ["80-443"]}]},
            {"classid": "1:30", "rate_mbit": 5, "match": [{"dscp": 46}]},
        ],
    },
    "shaped both ways": {"shaper": {"egress_mbit": 100, "ingress_mbit": 50}},
    "limits and marks": {
        "connection_limits": [LIMIT],
        "rate_limits": [{"rate": "1000/second", "burst": 50}],
        "dscp": [{"match": {"proto": "udp", "dports": ["5060"]}, "dscp": 46}],
    },
    "translation": {
        "sysctl": {"net.ipv4.ip_forward": "1"},
        "nat_rules": [{"type": "masquerade", "iface": "eth0"}],
    },
}
PLAN = {"sysctl": {FIN: "15"}, "shaper": {"egress_mbit": 100}, "connection_limits": [LIMIT], "mtu": 1400}


def shell(line: str) -> None:
    """Run a line of shell."""
    subprocess.run(["sh", "-e", "-c", line], check=True)


def status(found: dict[str, Any]) -> str:
    """Return a report's status, with its error where there is one."""
    report = found["report"]
    return str(report["status"]) + (f": {report['error']}" if report["error"] else "")


def program(*arguments: str, identity: str = "one") -> int:
    """Run a checkpoint's own program here, and return its exit status."""
    sys.argv = [f"{STATE_DIR}/checkpoints/{identity}/restore.pyz", *arguments]
    return restore_cli.main()


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS.keys())
def test_made_once_then_unchanged_then_undone(call: Call, view: View, changes: dict[str, Any]) -> None:
    """Check mode foretells and touches nothing, a second run changes nothing, a rollback restores exactly."""
    plan = {"iface": "eth0", "changes": changes}
    before = view()
    assert status(call("netopt_apply", plan=plan, check=True, diff=True)) == "would_change"
    assert view() == before
    made = call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0, diff=True)
    assert status(made) == "applied"
    assert made["diff"]
    assert view() != before
    assert status(call("netopt_apply", plan=plan, confirm_timeout_s=0)) == "unchanged"
    assert call("netopt_checkpoint", state="verified")["drift"] == []
    assert status(call("netopt_checkpoint", state="restored", id="one")) == "rolled_back"
    assert view() == before


def test_a_change_waits_for_its_confirmation(call: Call) -> None:
    """Until then it is watched over; its own program lists, extends and confirms it, and a second time says so."""
    plan = {"iface": "auto", "changes": PLAN}
    assert status(call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=60)) == "applied"
    listed = call("netopt_checkpoint", state="listed")["checkpoints"]
    assert [(entry["id"], entry["status"]) for entry in listed] == [("one", "applied")]
    assert 0 < listed[0]["confirm_in_s"] <= 60
    assert program("--list") == 0
    assert program("--diff") == 0
    assert program("--extend", "600") == 0
    longer = call("netopt_checkpoint", state="extended", id="one", confirm_timeout_s=900)
    assert 600 < longer["checkpoints"][0]["confirm_in_s"] <= 900
    assert program("--confirm", "--nonce", "a7") == 0
    assert status(call("netopt_checkpoint", state="confirmed", id="one")) == "unchanged"
    assert program("--restore", "--if-unconfirmed") == 0
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text(encoding="ascii").strip() == "15"
    assert program("--restore") == 0
    assert program("--restore") == 0  # there is nothing left to do


def test_what_is_not_confirmed_is_undone(call: Call, view: View) -> None:
    """What watches over a change restores the host when its time is up."""
    before = view()
    plan = {"iface": "eth0", "changes": PLAN}
    made = call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=5)
    assert status(made) == "applied"
    os.kill(Store(STATE_DIR).header("one").guard["pid"], signal.SIGKILL)  # this process takes its place
    guard.guard(Store(STATE_DIR), "one")
    assert view() == before
    assert call("netopt_checkpoint", state="listed")["checkpoints"][0]["status"] == "rolled_back"


def test_kept_over_a_restart_and_taken_back(call: Call, tmp_path: Path) -> None:
    """A persistent change writes its files once it is confirmed, and they go with it."""
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    plan = {"iface": "eth0", "changes": PLAN}
    before = sorted(tmp_path.rglob("*"))

    def persist(identity: str | None, changes: dict[str, Any]) -> str:
        plan = {"iface": "eth0", "changes": changes}
        request = request_of({"plan": plan, "persist": True, "checkpoint_id": identity, "confirm_timeout_s": 0})
        report = Transaction(request, boot_root=str(tmp_path)).run()
        assert report.status != "failed", report.errors
        return str(report.status)

    assert "systemd" in call("netopt_apply", plan=plan, persist=True, confirm_timeout_s=0)["msg"]
    assert persist("one", PLAN) == "applied"
    assert FIN in (tmp_path / "etc/sysctl.d/90-netopt.conf").read_text(encoding="utf-8")
    assert persist(None, PLAN) == "unchanged"
    assert persist("two", {"sysctl": {FIN: "16"}}) == "applied"
    assert f"{FIN} = 16" in (tmp_path / "etc/sysctl.d/90-netopt.conf").read_text(encoding="utf-8")
    assert status(call("netopt_checkpoint", state="restored", id="one")) == "rolled_back"
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [p for p in before if p.is_file()]


def test_what_somebody_else_changed_since_is_found(call: Call) -> None:
    """Drift is named with what was wanted; a rollback may leave it alone; applying again mends it."""
    plan = {"iface": "eth0", "changes": PLAN}
    assert status(call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0)) == "applied"
    Path("/proc/sys/net/ipv4/tcp_fin_timeout").write_text("77", encoding="ascii")
    shell("nft flush table inet netopt; ip link set eth0 mtu 1450")
    drift = {entry["key"]: entry for entry in call("netopt_checkpoint", state="verified")["drift"]}
    assert (drift[FIN]["wanted"], drift[FIN]["found"]) == ("15", "77")
    assert {entry["subsystem"] for entry in drift.values()} == {"sysctl", "link", "nft"}
    assert status(call("netopt_apply", plan=plan, checkpoint_id="two", confirm_timeout_s=0)) == "applied"
    assert call("netopt_checkpoint", state="verified")["drift"] == []
    Path("/proc/sys/net/ipv4/tcp_fin_timeout").write_text("78", encoding="ascii")
    undone = call("netopt_checkpoint", state="restored", id="one", on_conflict="keep")
    assert status(undone) == "rolled_back"
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text(encoding="ascii").strip() == "78"


def test_a_redirect_to_a_device_that_is_gone_is_mended_and_undone(call: Call, view: View) -> None:
    """What points at a device that somebody has removed is made anew; a rollback leaves out what no kernel takes."""
    before = view()
    plan = {"iface": "eth0", "changes": {"shaper": {"egress_mbit": 100, "ingress_mbit": 50}}}
    assert status(call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0)) == "applied"
    shell("ip link delete ifb-eth0")
    mended = call("netopt_apply", plan=plan, checkpoint_id="two", confirm_timeout_s=0)
    assert status(mended) == "applied"
    assert any("points at a device that is gone" in line for line in mended["report"]["warnings"])
    assert status(call("netopt_checkpoint", state="restored", id="two")) == "rolled_back"
    assert status(call("netopt_checkpoint", state="restored", id="one")) == "rolled_back"
    assert view() == before


MADE_ANEW = "ip link add d0 type veth peer name d1; tc qdisc add dev d0 root handle 7: tbf rate 1mbit burst 5k limit 9k"


@pytest.mark.parametrize("then", ["true", MADE_ANEW], ids=["gone", "made anew"])
def test_an_interface_that_is_not_the_same_any_more_is_left_alone(call: Call, then: str) -> None:
    """A rollback restores nothing on an interface that is gone, or that somebody has made anew, and says so."""
    shell("ip link add d0 type veth peer name d1; ip link set d0 up")
    plan = {"iface": "d0", "changes": {"shaper": {"egress_mbit": 100}, "mtu": 1400, "sysctl": {FIN: "15"}}}
    assert status(call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0)) == "applied"
    shell(f"ip link del d0; {then}")
    before = subprocess.run(["tc", "-d", "qdisc", "show"], check=True, capture_output=True, text=True).stdout
    undone = call("netopt_checkpoint", state="restored", id="one")
    assert status(undone) == "rolled_back"
    how = "is gone" if then == "true" else "was made anew"
    assert f"d0 {how} since the change, so nothing was restored on it." in undone["report"]["warnings"]
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text(encoding="ascii").strip() == "60"
    assert before == subprocess.run(["tc", "-d", "qdisc", "show"], check=True, capture_output=True, text=True).stdout


def test_a_state_is_written_down_by_hand(call: Call, view: View) -> None:
    """Whatever is done to the host afterwards, by whatever tool, is undone; and the checkpoint can be forgotten."""
    before = view()
    options: dict[str, Any] = {"state": "present", "id": "one", "label": "by hand", "iface": ["eth0"], "sysctl": [FIN]}
    assert call("netopt_checkpoint", check=True, **options)["changed"]
    assert call("netopt_checkpoint", **options)["changed"]
    assert not call("netopt_checkpoint", **options)["changed"]
    shell(
        "tc qdisc add dev eth0 root handle 7: htb default 1; tc class add dev eth0 parent 7: classid 7:1 htb rate 5mbit"
    )
    shell("sysctl -qw net.ipv4.tcp_fin_timeout=33; nft add table inet netopt")
    assert view() != before
    assert status(call("netopt_checkpoint", state="restored", id="one", check=True)) == "would_change"
    assert status(call("netopt_checkpoint", state="restored", id="one")) == "rolled_back"
    assert view() == before
    assert call("netopt_checkpoint", state="absent", id="one")["changed"]
    assert not call("netopt_checkpoint", state="absent", id="one")["changed"]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a parameter that there is not": ({"sysctl": {FIN: "16", "net.ipv4.no_such": "1"}}, "rehearse"),
    "a divisor that is no power of two": ({"qdisc": {"type": "sfq", "params": {"divisor": 3}}}, "rehearse"),
    "an offload that is fixed": ({"offloads": {"lro": True}}, "rehearse"),
    "an MTU that takes IPv6 away": ({"mtu": 1000}, "rehearse"),
}


@pytest.mark.parametrize(("changes", "stage"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_anything_is_touched(call: Call, view: View, changes: dict[str, Any], stage: str) -> None:
    """The report says what is wrong, and the host is as it was."""
    before = view()
    found = call("netopt_apply", plan={"iface": "eth0", "changes": changes}, confirm_timeout_s=0)
    assert found["failed"]
    assert found["report"]["status"] == "failed"
    assert found["report"]["error"]["stage"] in {stage, "preflight", "plan"}
    assert found["report"]["error"]["hint"]
    assert view() == before


def test_old_tools_are_named_where_a_change_fails(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an old tool refuses is reported with one line that says which is there and which is needed."""
    tool = tmp_path / "nft"
    tool.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "nftables v0.9.0" || exit 1\n', encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setattr(commands, "SEARCH_PATH", f"{tmp_path}:{commands.SEARCH_PATH}")
    failed = call("netopt_apply", plan={"iface": "eth0", "changes": {"connection_limits": [LIMIT]}})
    assert failed["failed"]
    assert "This host has nftables 0.9.0; 0.9.8 or newer is needed." in failed["report"]["warnings"]


def test_no_such_checkpoint_and_bad_options(call: Call) -> None:
    """Every verb that wants one passes over a host without it; bad times and digests are refused."""
    for state in ("confirmed", "extended", "restored"):
        found = call("netopt_checkpoint", state=state, id="none", confirm_timeout_s=60)
        assert (found["report"]["status"], found["changed"]) == ("skipped", False)
    plan = {"iface": "eth0", "changes": PLAN}
    assert "confirm_timeout_s" in call("netopt_apply", plan=plan, confirm_timeout_s=1)["msg"]
    assert call("netopt_apply", plan=plan, digest="0" * 64)["failed"]
    assert call("netopt_apply", plan={"iface": "eth9", "changes": PLAN}, confirm_timeout_s=0)["failed"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan on a host: applied, unchanged, refused, and undone by name."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import APPLY, CHECKPOINTS, IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

FIN = "net.ipv4.tcp_fin_timeout"
SYN = "net.ipv4.tcp_max_syn_backlog"


def sysctl(**values: int) -> dict[str, Any]:
    """Return changes of ``net.ipv4`` keys."""
    return {"sysctl": {f"net.ipv4.{key}": str(value) for key, value in values.items()}}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with one interface."""
    with transaction_host() as made:
        yield made


PLANS = {
    "sysctl": sysctl(ip_forward=1, tcp_fin_timeout=15),
    "mtu and offloads": {"mtu": 1400, "offloads": {"tso": False, "gso": False}},
    "htb": {
        "qdisc": {"type": "htb", "params": {"default": "1:10"}},
        "htb_classes": [{"classid": "1:10", "rate_mbit": 50}, {"classid": "1:20", "rate_mbit": 20}],
    },
    "shaper both ways": {"shaper": {"egress_mbit": 100, "ingress_mbit": 50}},
    "tbf and a smaller mtu": {
        "qdisc": {"type": "tbf", "params": {"rate_mbit": 10, "burst_bytes": 5000, "latency_ms": 50}},
        "mtu": 1300,
    },
    "limits and marks": {
        "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
        "dscp": [{"match": {"proto": "udp", "dports": ["5060"]}, "dscp": 46}],
    },
    "nat": {**sysctl(ip_forward=1), "nat_rules": [{"type": "masquerade", "iface": IFACE}]},
}


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS.keys())
def test_applied_once_and_undone(host: Host, changes: dict[str, Any]) -> None:
    """Check mode touches nothing, a second run changes nothing, and a rollback restores exactly."""
    before = host.view()
    predicted = host.apply(changes, check=True)
    assert predicted["status"] == "would_change", predicted["error"]
    assert host.view() == before
    assert host.shell("ls -A /var/lib/netopt /run/netopt").split() == ["/run/netopt:", "/var/lib/netopt:"]

    applied = host.apply(changes, checkpoint_id="one")
    assert applied["status"] == "applied", applied["error"]
    assert applied["changed"] is True
    assert applied["diff"] == predicted["diff"]
    assert all(operation["ok"] for operation in applied["operations"])
    after = host.view()
    assert after != before
    assert host.guards() == []

    again = host.apply(changes)
    assert (again["status"], again["changed"], again["checkpoint_id"]) == ("unchanged", False, None)
    assert host.view() == after
    assert list(host.statuses()) == ["one"]

    undone = host.checkpoint("restored", id="one")["report"]
    assert undone["status"] == "rolled_back", undone["error"]
    assert host.view() == before
    assert host.checkpoint("restored", id="one")["report"]["changed"] is False


def test_rules_on_a_host_without_names_of_protocols(host: Host) -> None:
    """There nft knows the protocols of its own language alone; rules are made, found again and taken back."""
    host.shell("mount --bind /dev/null /etc/protocols")
    before = host.view()
    changes = {
        "rate_limits": [{"protocol": "icmpv6", "rate": "100/second", "burst": 20}],
        "connection_limits": [{"protocol": "udp", "port": 53, "limit": 100, "action": "reject"}],
        "dscp": [{"match": {"proto": "icmpv6"}, "dscp": 46}],
        "qdisc": {"type": "htb", "params": {"default": "1:20"}},
        "htb_classes": [
            {"classid": "1:10", "rate_mbit": 50, "match": [{"proto": "icmpv6"}, {"proto": "udp", "dports": ["53"]}]},
            {"classid": "1:20", "rate_mbit": 20},
        ],
    }
    applied = host.apply(changes, checkpoint_id="one")
    assert applied["status"] == "applied", applied["error"]
    assert host.apply(changes)["status"] == "unchanged"
    assert host.checkpoint("verified")["drift"] == []
    undone = host.checkpoint("restored", id="one")["report"]
    assert undone["status"] == "rolled_back", undone["error"]
    assert host.view() == before


REFUSED = {
    "another digest": ({"digest": "0" * 64}, sysctl(tcp_fin_timeout=15), "plan", "digest differs"),
    "a key that there is not": (
        {},
        {"rate_limits": [{"rate": "10/second", "dports": ["443"]}]},
        "plan",
        "changes.rate_limits[0].dports is no key",
    ),
    "a key that there is not, in check mode": ({"check": True}, {"rate_limit": []}, "plan", "changes.rate_limit is no"),
    "text where a number belongs": ({}, {"mtu": "1400"}, "plan", 'changes.mtu is "1400", wanted a whole number'),
    "no such interface": ({"plan": {"iface": "eth9", "changes": {"mtu": 1400}}}, None, "facts", "no interface eth9"),
    "no default route": ({"plan": {"iface": "auto", "changes": {"mtu": 1400}}}, None, "facts", "no default route"),
    "netem without the label": ({}, {"netem": {"delay_ms": 10, "duration_s": 5}}, "plan", "not labelled"),
    "a key the kernel lacks": ({}, sysctl(tcp_no_such_key=1), "rehearse", "tcp_no_such_key"),
    "gso without scatter-gather": ({}, {"offloads": {"sg": False, "gso": True}}, "rehearse", "scatter-gather is off"),
    "a bad name": (
        {"checkpoint_id": "../../etc"},
        sysctl(tcp_fin_timeout=15),
        "checkpoint",
        "cannot name a checkpoint",
    ),
}


@pytest.mark.parametrize(("options", "changes", "stage", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(host: Host, options: dict[str, Any], changes: Any, stage: str, words: str) -> None:
    """A plan that cannot be is refused with its stage and its reason, and nothing is touched."""
    before = host.view()
    report = host.apply(changes or {}, **options)
    assert report["status"] == "failed"
    assert (report["error"]["stage"], report["changed"], report["operations"]) == (stage, False, [])
    assert words in report["error"]["message"]
    assert host.view() == before
    assert host.statuses() == {}


def test_a_port_alone_is_that_port(host: Host) -> None:
    """A port that stands without a list, as a number or as text, is the port, and null is what is not set."""
    unset = {"offloads": None, "sysctl": None, "mtu": None}
    for port in (443, "443"):
        changes = {**unset, "dscp": [{"match": {"proto": "tcp", "dports": port, "src": None}, "dscp": 46}]}
        report = host.apply(changes)
        assert report["error"] is None
        assert report["status"] == ("applied" if port == 443 else "unchanged")
    assert "tcp dport 443 ip dscp set" in host.shell("nft list table inet netopt")


def test_skippable_key_is_skipped(host: Host) -> None:
    """A key that the kernel lacks and the policy can do without is reported and left out."""
    key = "net.ipv4.tcp_no_such_key"
    report = host.apply({"sysctl": {key: "1", FIN: "15"}}, skippable={key: "gone since 4.14"})
    assert report["status"] == "applied", report["error"]
    assert [entry["key"] for entry in report["skipped"]] == [key]
    assert "gone since 4.14" in report["skipped"][0]["reason"]


def test_second_apply_is_told_who_is_first(host: Host) -> None:
    """While one change is under way another is refused at once, and told who holds the lock."""
    asked = {"plan": {"iface": IFACE, "changes": sysctl(tcp_fin_timeout=15)}, "at": 0, "fault": "SIGSTOP"}
    first = host.popen(list(APPLY))
    assert first.stdin is not None
    first.stdin.write(json.dumps({**asked, "checkpoint_id": "first"}))
    first.stdin.close()
    host.wait_for_guards(there=True)
    report = host.apply(sysctl(tcp_fin_timeout=20))
    assert first.poll() is None  # it was not waited for
    assert report["status"] == "failed"
    assert "netopt_apply, checkpoint first" in report["error"]["message"]
    first.kill()
    first.wait()
    host.wait_for("first", "rolled_back")


def test_waiting_change_is_not_built_upon(host: Host) -> None:
    """A change that still has to be confirmed keeps another one out, but not one that changes nothing."""
    assert host.apply(sysctl(tcp_fin_timeout=15), confirm_timeout_s=60, checkpoint_id="waits")["status"] == "applied"
    refused = host.apply(sysctl(tcp_fin_timeout=20))
    assert refused["status"] == "failed"
    assert "waits" in refused["error"]["message"]
    assert host.apply(sysctl(tcp_fin_timeout=15))["status"] == "unchanged"


def test_taken_id_is_refused(host: Host) -> None:
    """An id names one change; a second change by the same id is refused before it begins."""
    host.apply(sysctl(tcp_fin_timeout=15), checkpoint_id="same")
    report = host.apply(sysctl(tcp_fin_timeout=20), checkpoint_id="same")
    assert report["status"] == "failed"
    assert "exists" in report["error"]["message"]
    assert host.shell(f"sysctl -n {FIN}").strip() == "15"


def test_stacked_changes_are_unwound(host: Host) -> None:
    """Going back to an old change undoes the newer ones first, and says so."""
    before = host.view()
    for number, value in enumerate((15, 20, 25)):
        host.apply(sysctl(tcp_fin_timeout=value, tcp_max_syn_backlog=1000 + value), checkpoint_id=f"c{number}")
    predicted = host.checkpoint("restored", id="c0", check=True)["report"]
    report = host.checkpoint("restored", id="c0")["report"]
    assert predicted["status"] == "would_change"
    assert {change["key"]: (change["before"], change["after"]) for change in report["diff"]}[FIN] == ("25", "60")
    assert "c2, c1" in report["warnings"][-1]
    assert host.view() == before
    assert set(host.statuses().values()) == {"rolled_back"}


@pytest.mark.parametrize(("on_conflict", "left"), [("keep", "33"), ("restore", "60")])
def test_conflict_is_named(host: Host, on_conflict: str, left: str) -> None:
    """What somebody else has changed since is reported by name, and kept or restored as asked."""
    host.apply(sysctl(tcp_fin_timeout=15, tcp_max_syn_backlog=1000), checkpoint_id="ours")
    host.shell(f"sysctl -w {FIN}=33")
    report = host.checkpoint("restored", id="ours", on_conflict=on_conflict)["report"]
    assert report["status"] == "rolled_back"
    assert FIN in json.dumps(report["skipped"] if on_conflict == "keep" else report["warnings"])
    assert SYN not in json.dumps([report["skipped"], report["warnings"]])
    assert host.shell(f"sysctl -n {FIN}").strip() == left
    assert host.shell(f"sysctl -n {SYN}").strip() != "1000"


def test_snapshot_by_hand(host: Host) -> None:
    """A state that was written down by hand is restored, whoever changed it since."""
    host.shell("tc qdisc add dev eth0 root handle 7: htb default 3; tc class add dev eth0 classid 7:3 htb rate 1mbit")
    before = host.view()
    scope = {"ifaces": [IFACE], "sysctl": ["net.ipv4.ip_forward"]}
    assert host.checkpoint("present", id="mine", **scope)["report"]["changed"] is True
    assert host.checkpoint("present", id="mine", **scope)["report"]["changed"] is False
    host.shell("tc qdisc del dev eth0 root; ip link set eth0 mtu 1300")
    host.shell("sysctl -w net.ipv4.ip_forward=1; nft add table inet netopt")
    report = host.checkpoint("restored", id="mine")["report"]
    assert report["status"] == "rolled_back", report["error"]
    assert host.view() == before
    assert host.checkpoint("restored", id="mine")["report"]["status"] == "unchanged"
    assert host.statuses() == {"mine": "snapshot"}


def test_unknown_checkpoint_is_skipped(host: Host) -> None:
    """A host that the change did not concern has no such checkpoint, and that is no failure."""
    for state in ("restored", "confirmed"):
        report = host.checkpoint(state, id="elsewhere")["report"]
        assert (report["status"], report["changed"]) == ("skipped", False)
    assert host.checkpoint("absent", id="elsewhere")["report"]["status"] == "unchanged"


def test_damaged_checkpoint(host: Host) -> None:
    """A damaged checkpoint is told as such and nothing is restored from it."""
    host.apply(sysctl(tcp_fin_timeout=15), checkpoint_id="hurt")
    host.shell(f"sed -i s/60/61/ {CHECKPOINTS}/hurt/state.json")
    report = host.checkpoint("restored", id="hurt")["report"]
    assert report["status"] == "rollback_failed"
    assert "damaged" in report["error"]["message"]
    assert host.shell(f"sysctl -n {FIN}").strip() == "15"
    host.checkpoint("absent", id="hurt")
    assert host.statuses() == {}


def test_restart_before_confirmation(host: Host) -> None:
    """A change of an earlier boot is gone by itself: it cannot be confirmed, and restoring it does nothing."""
    host.apply(sysctl(tcp_fin_timeout=15), confirm_timeout_s=60, checkpoint_id="old")
    for pid in host.guards():
        os.kill(pid, signal.SIGKILL)
    host.run(sys.executable, "-m", "tests.kernel.other_boot_program", "old")
    assert "restarted" in host.checkpoint("confirmed", id="old")["report"]["error"]["message"]
    assert host.checkpoint("restored", id="old")["report"]["status"] == "unchanged"
    assert host.statuses() == {"old": "rolled_back"}
    assert host.shell(f"sysctl -n {FIN}").strip() == "15"


def test_retention(host: Host) -> None:
    """The last twenty finished checkpoints stay, and those by hand."""
    host.checkpoint("present", id="mine")
    for number in range(22):
        host.apply(sysctl(tcp_fin_timeout=30 + number), checkpoint_id=f"c{number}")
    assert list(host.statuses()) == ["mine", *(f"c{number}" for number in range(2, 22))]


def test_restore_program(host: Host) -> None:
    """The program in the checkpoint's folder lists, shows, restores and explains itself, with the system's Python."""
    before = host.view()
    host.apply(PLANS["htb"], checkpoint_id="first", checkpoint_label="night shift")
    host.apply(sysctl(tcp_fin_timeout=15), checkpoint_id="second")
    assert "night shift" in host.restore("first", "--list")
    assert f"{FIN}: 15 -> 60" in host.restore("first", "--diff")
    assert "usage" in host.restore("first")
    assert "no checkpoint nothing" in host.restore("first", "--restore", "nothing")
    assert "second\n" in host.restore("first", "--restore")
    assert host.view() == before


def test_time_box_ends(host: Host) -> None:
    """The time-boxed part of a change ends by itself and the rest stays; a rollback then undoes the rest."""
    before = host.view()
    host.run(sys.executable, "-m", "tests.kernel.time_box_program")
    assert host.shell(f"sysctl -n {FIN} {SYN}").split() == ["15", "1000"]
    host.restore("boxed", "--guard")
    assert host.shell(f"sysctl -n {FIN} {SYN}").split() == ["60", "1000"]
    report = host.checkpoint("restored", id="boxed")["report"]
    assert not any("somebody else" in warning for warning in report["warnings"])
    assert host.view() == before

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was changed by hand since a change was confirmed is found, setting by setting, and nothing else is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

FIN, SYN = "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_max_syn_backlog"
LIMIT = {"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}
EVERYTHING: dict[str, Any] = {
    "sysctl": {FIN: "15", SYN: "4096"},
    "mtu": 1400,
    "offloads": {"tso": False},
    "htb_classes": [{"classid": "1:10", "rate_mbit": 50}, {"classid": "1:20", "rate_mbit": 20}],
    "default_class": "1:10",
    "connection_limits": [LIMIT],
}
SHAPED = {"shaper": {"egress_mbit": 100, "ingress_mbit": 50}}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with one interface."""
    with transaction_host() as made:
        yield made


def drift(host: Host, **options: Any) -> list[tuple[str, str, str | None, str | None]]:
    """Return subsystem, key, wanted and found of what differs; that the host is left alone is looked at as well."""
    before = host.view()
    outcome = host.checkpoint("verified", **options)
    assert host.view() == before
    report, found = outcome["report"], outcome["drift"]
    assert report["error"] is None
    assert report["operations"] == []
    assert report["status"] == ("would_change" if found else "unchanged")
    assert report["changed"] is False  # looking changes nothing
    told = [(one["subsystem"], one["key"], one["after"], one["before"]) for one in report["diff"]]
    assert told == [(one["subsystem"], one["key"], one["wanted"], one["found"]) for one in found]
    return told


BY_HAND = {
    "nothing": ("true", []),
    "sysctl": (f"sysctl -qw {FIN}=77", [("sysctl", FIN, "15", "77")]),
    "mtu": ("ip link set eth0 mtu 1450", [("link", "eth0 mtu", "1400", "1450")]),
    "ethtool": ("ethtool -K eth0 tso on", [("link", "eth0 tx-tcp-segmentation", "off", "on")]),
    "class changed": (
        "tc class change dev eth0 parent 1: classid 1:20 htb rate 9mbit ceil 9mbit",
        [("tc", "eth0 class 1:20", "20Mbit", "9Mbit")],
    ),
    "class gone": ("tc class del dev eth0 classid 1:20", [("tc", "eth0 class 1:20", "20Mbit", None)]),
    "class added": (
        "tc class add dev eth0 parent 1: classid 1:30 htb rate 1mbit",
        [("tc", "eth0 class 1:30", None, "1Mbit")],
    ),
    "rule added": ("nft add rule inet netopt input counter accept", [("nft", "input rule", None, "counter")]),
    "table gone": ("nft delete table inet netopt", [("nft", "chain input", "ct count over 100", None)]),
    "other table": ("nft add table inet other; sysctl -qw net.ipv4.tcp_keepalive_time=99", []),
}


@pytest.mark.parametrize(("command", "expected"), BY_HAND.values(), ids=BY_HAND.keys())
def test_changed_by_hand(host: Host, command: str, expected: list[tuple[str, str, str | None, str | None]]) -> None:
    """Each kind of change by hand is told with what was wanted and what was found; another apply mends it."""
    assert host.apply(EVERYTHING, checkpoint_id="one")["status"] == "applied"
    assert drift(host) == []
    host.run("sh", "-c", command)
    found = drift(host)
    for subsystem, key, wanted, there in expected:
        assert any(
            subsystem == one[0]
            and key in one[1]
            and (wanted is None or wanted in str(one[2]))
            and (there is None or there in str(one[3]))
            and ((wanted is None) is (one[2] is None) and (there is None) is (one[3] is None))
            for one in found
        ), found
    assert bool(found) is bool(expected)
    assert {one[0] for one in found} == {one[0] for one in expected}
    host.apply(EVERYTHING, checkpoint_id="two")
    assert drift(host) == []


def test_whole_tree_gone(host: Host) -> None:
    """A qdisc removed by hand takes its classes along, and the device for ingress is missed as well."""
    host.apply(SHAPED, checkpoint_id="one")
    assert drift(host) == []
    host.run("sh", "-c", "tc qdisc del dev eth0 root; tc qdisc del dev eth0 ingress; ip link del ifb-eth0")
    keys = {key for _subsystem, key, _wanted, _found in drift(host)}
    assert {"eth0 class 1:1", "ifb-eth0 link"} <= keys, keys


def test_of_each_setting_the_newest_change_counts(host: Host) -> None:
    """What a newer change set is wanted, what it left alone is wanted as an older one set it."""
    host.apply(EVERYTHING, checkpoint_id="one")
    host.apply({"sysctl": {FIN: "20"}, "mtu": 1300}, checkpoint_id="two")
    assert drift(host) == []
    host.run("sh", "-c", f"sysctl -qw {FIN}=15 {SYN}=999; ip link set eth0 mtu 1400; nft delete table inet netopt")
    outcome = host.checkpoint("verified")
    by_key = {one["key"]: (one["wanted"], one["found"], one["checkpoint_id"]) for one in outcome["drift"]}
    assert by_key[FIN] == ("20", "15", "two")
    assert by_key[SYN] == ("4096", "999", "one")
    assert by_key["eth0 mtu"] == ("1300", "1400", "two")
    assert [one["id"] for one in outcome["checkpoints"]] == ["one", "two"]
    of_one = host.checkpoint("verified", id="one")
    assert {one["checkpoint_id"] for one in of_one["drift"]} == {"one"}
    assert {one["key"] for one in of_one["drift"]} == set(by_key) - {FIN, "eth0 mtu"}
    assert host.checkpoint("verified", id="three")["report"]["status"] == "skipped"


def test_what_was_rolled_back_is_not_wanted(host: Host) -> None:
    """After a rollback the change before it is what should hold."""
    host.apply({"sysctl": {FIN: "15"}}, checkpoint_id="one")
    host.apply({"sysctl": {FIN: "20"}}, checkpoint_id="two")
    host.checkpoint("restored", id="two")
    assert drift(host) == []
    host.shell(f"sysctl -qw {FIN}=20")
    assert drift(host) == [("sysctl", FIN, "15", "20")]
    host.checkpoint("restored", id="one")
    assert drift(host) == []
    assert any("nothing to compare" in line for line in host.checkpoint("verified")["report"]["warnings"])


def test_a_change_that_waits_for_its_confirmation(host: Host) -> None:
    """It is in force, so it is no drift, and is said to be unconfirmed."""
    host.apply({"sysctl": {FIN: "15"}}, checkpoint_id="one", confirm_timeout_s=60)
    assert drift(host) == []
    assert any("not confirmed" in line for line in host.checkpoint("verified")["report"]["warnings"])
    host.shell(f"sysctl -qw {FIN}=16")
    assert drift(host) == [("sysctl", FIN, "15", "16")]


def test_interface_gone(host: Host) -> None:
    """An interface that is gone is one line, and everything else is compared all the same."""
    host.apply(EVERYTHING, checkpoint_id="one")
    host.shell(f"ip link del {IFACE}; sysctl -qw {FIN}=16")
    outcome = host.checkpoint("verified")
    assert outcome["report"]["error"] is None
    assert [(one["subsystem"], one["key"], one["found"]) for one in outcome["drift"]] == [
        ("sysctl", FIN, "16"),
        ("link", IFACE, "no such interface"),
        ("tc", IFACE, "no such interface"),
    ]


def test_after_a_restart(host: Host) -> None:
    """What was confirmed before a restart and not persisted is said to be lost by it."""
    host.apply({"sysctl": {FIN: "15"}}, checkpoint_id="one")
    host.run(sys.executable, "-m", "tests.kernel.other_boot_program", "one")
    host.shell(f"sysctl -qw {FIN}=60")
    assert drift(host) == [("sysctl", FIN, "15", "60")]
    assert any("before the last start" in line for line in host.checkpoint("verified")["report"]["warnings"])


def test_what_was_taken_away_is_not_lost_by_a_restart(host: Host) -> None:
    """Neither the change that took a plan away nor the one that had set it is said to be lost; nothing is missing."""
    host.apply({"sysctl": {FIN: "15"}}, checkpoint_id="one")
    host.apply({"sysctl": {FIN: None}}, checkpoint_id="two")
    host.run(sys.executable, "-m", "tests.kernel.other_boot_program", "one")
    host.run(sys.executable, "-m", "tests.kernel.other_boot_program", "two")
    assert drift(host) == []
    assert host.checkpoint("verified")["report"]["warnings"] == []


def test_the_length_of_a_queue_is_told_once(host: Host) -> None:
    """Also where a plan has made the tree below it, of which it is a part."""
    host.apply({"nic": {"txqueuelen": 500}, "shaper": {"egress_mbit": 10}})
    host.shell("ip link set eth0 txqueuelen 700")
    assert drift(host) == [("link", "eth0 txqueuelen", "500", "700")]


def test_a_damaged_checkpoint_is_warned_of(host: Host) -> None:
    """The rest is compared, and what could not be is named."""
    host.apply({"sysctl": {FIN: "15"}}, checkpoint_id="one")
    host.apply({"sysctl": {SYN: "999"}}, checkpoint_id="two")
    host.shell("echo broken >/var/lib/netopt/checkpoints/two/state.json")
    host.shell(f"sysctl -qw {FIN}=16 {SYN}=1000")
    assert drift(host) == [("sysctl", FIN, "15", "16")]
    assert any("two" in line and "damaged" in line for line in host.checkpoint("verified")["report"]["warnings"])


def test_the_owner_of_a_table(host: Host) -> None:
    """A process that has taken the table for itself is named."""
    host.apply({"connection_limits": [LIMIT]}, checkpoint_id="one")
    holder = host.popen(["nft", "-i"])
    assert holder.stdin is not None
    try:
        holder.stdin.write("delete table inet netopt\nadd table inet netopt { flags owner; }\n")
        holder.stdin.flush()
        for _attempt in range(50):
            if "owner" in host.shell("nft list tables; nft list table inet netopt"):
                break
        found = host.checkpoint("verified")["drift"]
        assert found
        assert all("nft" in str(one["owner"]) for one in found)
    finally:
        holder.kill()
        holder.wait()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Queues of a device on a kernel: channels, coalescing, queue length and steering, there and back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

DEVICES = (
    "ip link add many numrxqueues 4 numtxqueues 4 type veth peer name other"
    " && ip link set many up && ip link set other up && ip tuntap add tap0 mode tap && ip link set tap0 up"
)
SHOWN = (
    "for d in many tap0; do ip link show $d; ethtool -l $d; ethtool -c $d; done;"
    "grep . /sys/class/net/many/queues/*/[rx]ps_*"
)
TREE = {"qdisc": {"type": "pfifo", "params": {}}}
CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "queue length": ("many", {"nic": {"txqueuelen": 5000}}, "ip link set many txqueuelen 50", "many txqueuelen"),
    "queue length of a tree": (
        "many",
        {"nic": {"txqueuelen": 5000}, **TREE},
        "ip link set many txqueuelen 50",
        "many txqueuelen",
    ),
    "promiscuous mode": ("many", {"nic": {"promisc": True}}, "ip link set many promisc off", "many promisc"),
    "channels": ("many", {"nic": {"channels": {"rx": 2, "tx": 1}}}, "ethtool -L many rx 3", "many channels.rx"),
    "coalescing": (
        "tap0",
        {"nic": {"coalesce": {"rx_frames": 8}}},
        "ethtool -C tap0 rx-frames 9",
        "tap0 coalesce.rx_frames",
    ),
    "steering": (
        "many",
        {"steering": {"rps_cpus": "all", "rps_flow_cnt": 1000, "xps_cpus": "0"}},
        "echo 0 >/sys/class/net/many/queues/rx-2/rps_cpus",
        "many rps_cpus",
    ),
    "steering of other channels": (
        "many",
        {"nic": {"channels": {"rx": 2, "tx": 2}}, "steering": {"rps_cpus": "0", "xps_cpus": "none"}},
        "echo 2 >/sys/class/net/many/queues/tx-1/xps_cpus",
        "many xps_cpus",
    ),
}
ODD = (
    "ip link set many txqueuelen 77; ethtool -C tap0 rx-frames 3; ethtool -L many tx 3;"
    "echo 2 >/sys/class/net/many/queues/rx-3/rps_cpus; echo 64 >/sys/class/net/many/queues/rx-1/rps_flow_cnt;"
    "echo 1 >/sys/class/net/many/queues/tx-2/xps_cpus"
)


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with a device of four queues and one that coalesces."""
    with transaction_host() as made:
        made.run("sh", "-c", DEVICES)
        yield made


def ask(host: Host, iface: str, changes: dict[str, Any], name: str | None = None, **options: Any) -> dict[str, Any]:
    """Apply a plan and return the report."""
    return host.ask(plan={**({"name": name} if name else {}), "iface": iface, "changes": changes}, **options)


@pytest.mark.parametrize("odd", [False, True], ids=["fresh", "set by hand before"])
@pytest.mark.parametrize(("iface", "changes", "by_hand", "key"), CASES.values(), ids=CASES)
def test_there_and_back(host: Host, iface: str, changes: dict[str, Any], by_hand: str, key: str, odd: bool) -> None:  # noqa: FBT001
    """A plan holds, and does twice; a change by hand is seen and mended, and all of it goes back."""
    if odd:
        host.shell(ODD)
    before = host.view() + host.shell(SHOWN)
    first = ask(host, iface, changes)
    assert (first["status"], first["error"]) == ("applied", None)
    told = [one["key"] for one in first["diff"]]
    assert len(told) == len(set(told))
    held = host.shell(SHOWN)
    assert ask(host, iface, changes)["status"] == "unchanged"
    assert host.checkpoint("verified")["drift"] == []
    host.shell(by_hand)
    drift = host.checkpoint("verified")["drift"]
    assert [one["key"] for one in drift if one["subsystem"] == "link"] == [key]
    assert {one["checkpoint_id"] for one in drift} == {first["checkpoint_id"]}
    assert ask(host, iface, changes)["status"] == "applied"
    assert host.shell(SHOWN) == held
    assert host.checkpoint("restored", id=first["checkpoint_id"])["report"]["error"] is None
    assert host.view() + host.shell(SHOWN) == before


@pytest.mark.parametrize(("iface", "changes", "by_hand", "key"), CASES.values(), ids=CASES)
def test_removed(host: Host, iface: str, changes: dict[str, Any], by_hand: str, key: str) -> None:
    """What a plan has set is as it was once the plan is taken away, beside one that stays."""
    del by_hand, key
    host.shell(ODD)
    assert ask(host, iface, {"mtu": 1400}, name="beside")["error"] is None
    before = host.shell(SHOWN)
    assert ask(host, iface, changes, name="mine")["error"] is None
    assert host.shell(SHOWN) != before
    gone = host.ask(remove=["mine"])
    assert (gone["status"], gone["error"]) == ("applied", None)
    assert host.shell(SHOWN) == before
    assert host.checkpoint("verified")["drift"] == []


def test_null_takes_one_setting_away(host: Host) -> None:
    """A plan without a name lets go of what it says null of, of a whole group, and leaves the rest."""
    host.shell(ODD)
    assert ask(host, "many", {"nic": {"txqueuelen": 5000, "channels": {"rx": 2, "tx": 1}}})["error"] is None
    assert ask(host, "many", {"nic": {"channels": {"tx": None}}})["error"] is None
    assert host.shell("ls /sys/class/net/many/queues; cat /sys/class/net/many/tx_queue_len").split() == (
        "rx-0 rx-1 tx-0 tx-1 tx-2 5000".split()
    )
    assert ask(host, "many", {"nic": None, "steering": None})["error"] is None
    assert host.shell("ls /sys/class/net/many/queues; cat /sys/class/net/many/tx_queue_len").split() == (
        "rx-0 rx-1 rx-2 rx-3 tx-0 tx-1 tx-2 77".split()
    )
    assert host.checkpoint("verified")["drift"] == []


def test_two_plans_disagree(host: Host) -> None:
    """Two plans set different words side by side, and not one word to two values."""
    assert ask(host, "many", {"nic": {"channels": {"rx": 2}}}, name="one")["error"] is None
    assert ask(host, "many", {"nic": {"channels": {"tx": 2}, "txqueuelen": 9}}, name="two")["error"] is None
    refused = ask(host, "many", {"nic": {"channels": {"rx": 3}}}, name="three")["error"]
    assert "changes.nic.channels.rx of many: plan three wants 3, plan one 2" in refused["message"]
    entries = ask(host, "many", {"steering": {"rfs_entries": 1000}, "sysctl": {"net.core.rps_sock_flow_entries": "9"}})
    assert "steering.rfs_entries and sysctl.net.core.rps_sock_flow_entries disagree" in entries["error"]["message"]


def test_a_tree_of_an_earlier_plan(host: Host) -> None:
    """A queue length set after a tree is no drift of the tree, and going back leaves the tree."""
    tree = {"qdisc": {"type": "htb", "params": {}}, "shaper": {"egress_mbit": 50}}
    assert ask(host, "many", tree, name="tree")["error"] is None
    assert ask(host, "many", {"nic": {"txqueuelen": 5000}}, name="length")["error"] is None
    assert host.checkpoint("verified")["drift"] == []
    assert ask(host, "many", tree, name="tree")["status"] == "unchanged"
    assert host.ask(remove=["length"])["error"] is None
    assert "qlen 1000" in host.shell("ip link show many")
    assert host.checkpoint("verified")["drift"] == []


@pytest.mark.parametrize(
    ("iface", "changes", "message"),
    [
        ("many", {"nic": {"rings": {"rx": "max"}}}, "many has no rings that can be set"),
        ("many", {"nic": {"coalesce": {"rx_usecs": 3}}}, "many has no coalescing that can be set"),
        ("many", {"nic": {"pause": {"rx": True}}}, "many has no pause frames that can be set"),
        ("many", {"nic": {"channels": {"combined": 1}}}, "many has no channels combined"),
        ("many", {"nic": {"channels": {"rx": 5}}}, "many takes channels.rx up to 4, not 5"),
        ("tap0", {"nic": {"channels": {"combined": "max"}}}, "tap0 has no channels that can be set"),
        ("tap0", {"nic": {"coalesce": {"tx_usecs": 3}}}, "tap0 has no coalescing tx_usecs"),
        ("tap0", {"steering": {"xps_cpus": "0"}}, "tap0 has no queues whose xps_cpus can be set"),
        ("many", {"steering": {"rps_cpus": "0-4095"}}, "This host has the CPUs "),
    ],
)
def test_refused(host: Host, iface: str, changes: dict[str, Any], message: str) -> None:
    """A device that lacks a setting is named before anything is touched."""
    before = host.shell(SHOWN)
    report = ask(host, iface, {"mtu": 1300, **changes})
    assert (report["status"], report["error"]["stage"]) == ("failed", "rehearse")
    assert message in report["error"]["message"]
    assert report["error"]["hint"]
    assert host.shell(SHOWN) == before


def test_sys_of_another_namespace(host: Host) -> None:
    """Where /sys is not of the host's own network, steering is refused instead of set on another device."""
    host.run("umount", "/sys")
    error = ask(host, "eth0", {"steering": {"rps_cpus": "all"}})["error"]
    assert error["message"] == "eth0 has no queues whose rps_cpus can be set"


def test_a_failure_halfway(host: Host) -> None:
    """What the kernel refuses when it is set leaves everything as it was."""
    before = host.shell(SHOWN)
    report = ask(host, "many", {"nic": {"txqueuelen": 9, "channels": {"rx": 0}}})
    assert report["status"] == "rolled_back"
    assert "would result in no RX or TX channel being configured" in report["error"]["message"]
    assert host.shell(SHOWN) == before


def test_the_checkpoints_own_program_goes_back(host: Host) -> None:
    """At the console, with nothing but the system's Python, channels and steering are given back as well."""
    host.shell(ODD)
    before = host.shell(SHOWN)
    queues = {"nic": {"channels": {"rx": 1}, "txqueuelen": 9}, "steering": {"rps_cpus": "all"}}
    applied = ask(host, "many", queues)
    assert applied["status"] == "applied", applied["error"]
    host.restore(applied["checkpoint_id"], "--restore")
    assert host.shell(SHOWN) == before


def test_a_snapshot_has_queues(host: Host) -> None:
    """A snapshot of an interface is restored with its queues, whoever has changed them."""
    taken = host.checkpoint("present", ifaces=["many"])["checkpoints"][0]["id"]
    before = host.shell(SHOWN)
    host.shell("ethtool -L many rx 2; ip link set many txqueuelen 3; echo 1 >/sys/class/net/many/queues/tx-0/xps_cpus")
    assert host.checkpoint("restored", id=taken)["report"]["error"] is None
    assert host.shell(SHOWN) == before


def test_where_nothing_can_be_rehearsed() -> None:
    """A queue length and a tree made from it go there and back on a host that forbids namespaces."""
    with transaction_host(may_make_namespaces=False) as host:
        before = host.view()
        changes = {"nic": {"txqueuelen": 5000}, **TREE}
        applied = ask(host, "eth0", changes)
        assert (applied["status"], applied["error"]) == ("applied", None)
        assert "limit 5000p" in host.shell("tc qdisc show dev eth0")
        assert ask(host, "eth0", changes)["status"] == "unchanged"
        assert host.checkpoint("verified")["drift"] == []
        assert host.checkpoint("restored", id=applied["checkpoint_id"])["report"]["error"] is None
        assert host.view() == before

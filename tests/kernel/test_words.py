# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each word of a plan goes the whole way: applied, unchanged, seen when changed by hand, persisted, rolled back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.kernel.tc_namespace import missing
from tests.kernel.test_persist import BootHost
from tests.kernel.transaction_host import transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


class Word(NamedTuple):
    """What a plan says, what the kernel's tools say then, and how somebody takes it away by hand."""

    changes: dict[str, Any]
    reads: tuple[str, ...]
    by_hand: str
    needs: tuple[str, ...] = ()


FLUSH = "nft flush chain inet netopt input"
NETWORKS = ["10.0.0.0/8", "192.168.0.0/16", "fd00::/8"]
LIMIT = {"protocol": "tcp", "port": 443, "limit": 9}
WORDS = {
    "connection_limits.src": Word(
        {"connection_limits": [{**LIMIT, "src": NETWORKS}]},
        ("ip saddr { 10.0.0.0/8, 192.168.0.0/16 }", "ip6 saddr fd00::/8"),
        FLUSH,
    ),
    "connection_limits.except": Word(
        {"connection_limits": [{**LIMIT, "except": ["192.0.2.9/32"]}]}, ("ip saddr != 192.0.2.9",), FLUSH
    ),
    "rate_limits.src": Word(
        {"rate_limits": [{"rate": "9/second", "src": NETWORKS, "except": ["10.1.0.0/16"]}]},
        ("ip saddr != 10.1.0.0/16", "jump ratelimit_any", "chain ratelimit_any"),
        "nft flush chain inet netopt ratelimit_any",
    ),
    "rate_limits.icmp_type": Word(
        {"rate_limits": [{"rate": "9/second", "protocol": "icmp", "icmp_type": "redirect", "per": "packets"}]},
        ("icmp type redirect",),
        FLUSH,
    ),
    "kbit rates": Word(
        {
            "shaper": {"egress_mbit": 0.2, "ingress_mbit": 0.512},
            "htb_classes": [{"classid": "1:10", "rate_mbit": 0.008, "ceil_mbit": 0.064}],
        },
        ("rate 200Kbit ceil 200Kbit", "rate 512Kbit ceil 512Kbit", "rate 8Kbit ceil 64Kbit"),
        "tc class change dev eth0 parent 1:1 classid 1:10 htb rate 16kbit ceil 80kbit",
        ("htb", "ingress"),
    ),
}

TREE = "tc qdisc del dev eth0 root"
MATCHED = {"classid": "1:10", "rate_mbit": 1}
WORDS |= {
    "htb_classes.cburst and quantum": Word(
        {"htb_classes": [{**MATCHED, "burst": "20k", "cburst": 3000, "quantum": 2000}]},
        ("burst 20Kb", "cburst 3000b", "quantum 2000"),
        "tc class change dev eth0 classid 1:10 htb rate 1mbit burst 20k cburst 3000 quantum 3000",
        ("htb",),
    ),
    "shaper.overhead_bytes, mpu and linklayer": Word(
        {"shaper": {"egress_mbit": 10, "ingress_mbit": 20, "overhead_bytes": 44, "mpu": 64, "linklayer": "atm"}},
        ("linklayer atm", "overhead 44", "mpu 64"),
        TREE,
        ("htb", "ingress"),
    ),
    "shaper.overhead_bytes of ethernet": Word(
        {"shaper": {"egress_mbit": 10, "overhead_bytes": -4, "linklayer": "ethernet"}},
        ("overhead -4",),
        TREE,
        ("htb",),
    ),
    "shaper.overhead_bytes for cake": Word(
        {
            "qdisc": {"type": "cake", "params": {}},
            "shaper": {"egress_mbit": 10, "ingress_mbit": 20, "overhead_bytes": 22, "mpu": 64, "linklayer": "ptm"},
        },
        ("ptm overhead 22 mpu 64",),
        TREE,
        ("cake", "ingress"),
    ),
    "ingress with classes": Word(
        {
            "shaper": {"ingress_mbit": 20, "overhead_bytes": 22},
            "ingress": {
                "htb_classes": [{**MATCHED, "ceil_mbit": 20, "match": [{"proto": "udp", "sports": ["5060"]}]}],
                "default_class": "1:10",
            },
            "qdisc": {"type": "pfifo", "params": {"limit": 50}},
        },
        (
            "htb 1: dev ifb-eth0 root",
            "htb 1:10 parent 1:1",
            "pfifo 10: dev ifb-eth0 parent 1:10",
            "pfifo 1: dev eth0 root",
        ),
        "tc class change dev ifb-eth0 parent 1:1 classid 1:10 htb rate 2mbit",
        ("htb", "ingress"),
    ),
    "ingress with a qdisc": Word(
        {"ingress": {"qdisc": {"type": "tbf", "params": {"rate_mbit": 9, "burst_bytes": 9999, "latency_ms": 20}}}},
        ("tbf 1: dev ifb-eth0 root",),
        "tc qdisc del dev ifb-eth0 root",
        ("tbf", "ingress"),
    ),
    "htb_classes.match by filters": Word(
        {
            "htb_classes": [
                {
                    **MATCHED,
                    "match": [
                        {"tcp_flags": ["ack", "!syn"], "max_length": 64},
                        {"max_length": 127, "dscp": 46},
                    ],
                }
            ]
        },
        ("match 00000000/0000ffc0 at 0",),
        TREE,
        ("htb",),
    ),
    "htb_classes.match by rules": Word(
        {
            "htb_classes": [
                {
                    **MATCHED,
                    "match": [
                        {"uid": 1000, "proto": "udp", "dports": ["53"]},
                        {"skb_priority": 6, "tcp_flags": ["syn", "!ack"], "max_length": 100},
                        {"fwmark": "0x10/0xf0"},
                        {"src": "192.0.2.1/32"},
                    ],
                }
            ]
        },
        ("meta skuid 1000", "meta priority", "ip6 length <= 60", "tcp flags ", "meta mark & 0x"),
        "nft flush chain inet netopt classify_eth0",
        ("htb",),
    ),
}

CONNECTED = "192.0.2.0/24"
WORDS |= {
    f"routes.{word}": Word(
        {"routes": [{"dst": CONNECTED, word: value}]},
        (f"{CONNECTED} dev eth0 proto kernel scope link src 192.0.2.1 {reads}",),
        f"ip route change {CONNECTED} dev eth0 proto kernel scope link src 192.0.2.1 initcwnd 3",
    )
    for word, value, reads in (
        ("initcwnd", 20, "initcwnd 20"),
        ("initrwnd", 30, "initrwnd 30"),
        ("quickack", True, "quickack 1"),
        ("rto_min_ms", 40, "rto_min lock 40ms"),
        ("congctl", "reno", "congctl reno"),
    )
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[BootHost]:
    """A host that persists below a folder."""
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    with transaction_host() as made:
        yield BootHost(made.pid, tmp_path)


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS.keys())
def test_the_whole_way(host: BootHost, word: Word) -> None:
    """It holds once applied, a second time is no change, drift is seen and mended, a boot and a rollback are exact."""
    lacking = missing(word.needs)
    if lacking:
        pytest.skip(lacking)
    before = host.view()
    report = host.persist(word.changes, checkpoint_id="one")
    assert report["status"] == "applied", report["error"]
    assert [each for each in word.reads if each not in host.view()] == []
    assert host.apply(word.changes)["status"] == "unchanged"
    host.run("sh", "-c", word.by_hand)
    assert host.checkpoint("verified")["drift"]
    assert host.apply(word.changes)["status"] == "applied"
    assert host.checkpoint("verified")["drift"] == []
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.boot()
        again = booted.apply(word.changes, check=True)
        assert again["error"] is None
        assert {change["subsystem"] for change in again["diff"]} == {"plan"}  # nobody has told this host of the plan
    host.checkpoint("restored", id="one")
    assert host.view() == before

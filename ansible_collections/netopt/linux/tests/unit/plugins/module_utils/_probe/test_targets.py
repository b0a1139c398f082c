# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times become percentiles, jitter and loss; targets are checked before anything is sent."""

from __future__ import annotations

import json
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._probe import targets as probe_targets

PING = """PING a (192.0.2.1) 56(84) bytes of data.
64 bytes from 192.0.2.1: icmp_seq=3 ttl=64 time=3.5 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=1 ms
64 bytes from 192.0.2.1: icmp_seq=1 ttl=64 time=9 ms (DUP!)

--- a ping statistics ---
4 packets transmitted, 2 received, +1 duplicates, 50% packet loss, time 600ms
"""


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ([None] * 4, {"sent": 4, "received": 0, "loss_pct": 100.0}),
        (
            [1.0, 3.0, None, 2.0, 2.0],
            {
                "sent": 5,
                "received": 4,
                "loss_pct": 20.0,
                "min_ms": 1.0,
                "mean_ms": 2.0,
                "p50_ms": 2.0,
                "p95_ms": 3.0,
                "p99_ms": 3.0,
                "max_ms": 3.0,
                "jitter_ms": 1.0,
            },
        ),
    ],
)
def test_summary(series: list[float | None], expected: dict[str, Any]) -> None:
    """Nearest-rank percentiles, the mean difference of consecutive times, and what did not come back."""
    assert probe_targets.summary(series) == expected


@given(st.lists(st.floats(0.001, 1e4), min_size=1, max_size=300), st.floats(1, 100))
def test_percentile(times: list[float], percent: float) -> None:
    """At least so many percent of the values do not exceed a percentile, and it is one of them."""
    ordered = sorted(times)
    found = probe_targets.percentile(ordered, percent)
    assert found in times
    assert sum(value <= found for value in times) >= percent / 100 * len(times) - 1e-9
    assert ordered[0] <= found <= ordered[-1]
    assert probe_targets.percentile(ordered, 50) == statistics.median_low(times)


def test_ping_series() -> None:
    """Times come in the order of the requests with the lost ones between them, a duplicate counts once."""
    assert probe_targets.ping_series(PING) == [1.0, None, 3.5, None]
    assert probe_targets.ping_series("ping: a: Name or service not known") is None


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({"ping": ["a"]}, 12.0),
        ({"tcp": ["a:1"], "ping": ["a"]}, 12.0),
        ({"iperf": "a"}, 19.0),
        ({"ping": ["a"], "iperf": "a"}, 31.0),
    ],
)
def test_time(options: dict[str, Any], seconds: float) -> None:
    """Delays are measured at the same time, throughput after them."""
    assert probe_targets.time_s({"duration_s": 10, **options}) == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            json.dumps(
                {
                    "intervals": [
                        {"sum": {"bits_per_second": 1e8, "omitted": True}},
                        {"sum": {"bits_per_second": 9e8, "omitted": False}},
                    ],
                    "end": {"sum_sent": {"retransmits": 3}, "sum_received": {"bits_per_second": 9.41e8}},
                }
            ),
            {"throughput_mbps": 941.0, "retransmits": 3, "intervals_mbps": [900.0]},
        ),
        (json.dumps({"error": "unable to connect"}), {"message": "unable to connect"}),
        ("{}", {"message": "iperf3 printed what cannot be read"}),
        ("no JSON", {"message": "iperf3 printed what cannot be read"}),
        ("[]", {"message": "iperf3 printed what cannot be read"}),
    ],
)
def test_throughput(text: str, expected: dict[str, Any]) -> None:
    """What iperf3 says of success and of failure."""
    assert probe_targets.throughput(text) == expected


def test_counters() -> None:
    """The kernel's tables are read by their names."""
    assert probe_targets.snmp("Tcp: RetransSegs InErrs\nTcp: 4 0\n") == {"TcpRetransSegs": 4, "TcpInErrs": 0}
    assert probe_targets.interface_drops("h\nh\nlo: 1 1 0 2 0 0 0 0 1 1 0 3 0 0 0 0\n") == 5
    assert probe_targets.difference({"a": 1, "b": 2}, {"a": 5}) == {"a": 4}


def test_queues() -> None:
    """The root queueing disciplines of all interfaces are taken together; what lies below them is counted in them."""
    root = {"kind": "htb", "root": True, "drops": 2, "overlimits": 5, "requeues": 1, "backlog": 1500, "qlen": 1}
    text = json.dumps(
        [root, {**root, "kind": "fq", "drops": 1}, {**root, "root": False}, {"kind": "noqueue", "root": True}]
    )
    assert probe_targets.queues(text) == {
        "qdisc_drops": 3,
        "qdisc_overlimits": 10,
        "qdisc_requeues": 2,
        "backlog_packets": 2,
        "backlog_bytes": 3000,
    }
    assert set(probe_targets.queues("").values()) == {0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "targets is '0'"),
        ({"ping": ["a"] * 17}, "targets is '17'"),
        ({"ping": ["-f"]}, "target is '-f'"),
        ({"ping": ["a b"]}, "target is 'a b'"),
        ({"iperf": "-s"}, "target is '-s'"),
        ({"tcp": ["a"]}, "target is 'a'"),
        ({"tcp": ["a:0"]}, "target is 'a:0'"),
        ({"tcp": ["fd00::1:80"]}, "target is 'fd00::1:80'"),
        ({"ping": ["a"], "duration_s": 0}, "duration_s is '0'"),
        ({"ping": ["a"], "duration_s": 601}, "duration_s is '601'"),
        ({"ping": ["a"], "interval_s": 0.001}, "interval_s is '0.001'"),
        ({"ping": ["a"], "interval_s": 6}, "interval_s is '6'"),
        ({"iperf": "a", "iperf_port": 65536}, "iperf_port is '65536'"),
    ],
)
def test_wrong_targets(options: dict[str, Any], message: str) -> None:
    """What cannot be measured is refused with a hint, and never becomes a word of a command."""
    with pytest.raises(NetoptError, match=message) as caught:
        probe_targets.checked({"duration_s": 5, **options})
    assert caught.value.hint


def test_services() -> None:
    """A service is a name or an address with a port."""
    assert probe_targets.service("a.test:443") == ("a.test", 443)
    assert probe_targets.service("[fd00::1]:80") == ("fd00::1", 80)

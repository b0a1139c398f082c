# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of routes and queues of a device there and back, what cannot be set of them, and what a host holds."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from ansible_collections.netopt.linux.plugins.module_utils._query.beyond_defaults import beyond_defaults
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    View = Callable[[], str]

pytestmark = pytest.mark.own_host

ROUTES = """
ip route add default via 192.0.2.254 dev eth0 proto static metric 100 mtu lock 1400
ip -6 addr add 2001:db8:7::1/64 dev eth0 nodad
ip -6 route add default via fe80::fe dev eth0 metric 512 hoplimit 64
"""
METRICS: dict[str, Any] = {"dst": "default", "initcwnd": 20, "quickack": True, "rto_min_ms": 40, "congctl": "reno"}
QUEUES: dict[str, Any] = {"nic": {"txqueuelen": 5000}, "steering": {"rps_cpus": "0", "rps_flow_cnt": 1000}}


def shell(script: str) -> str:
    """Run a script on this host and return what it printed."""
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run(changes: dict[str, Any], identity: str = "one") -> Any:
    """Apply changes to eth0 and return the report."""
    asked = {"plan": {"iface": "eth0", "changes": changes}, "checkpoint_id": identity, "confirm_timeout_s": 0}
    return Transaction(request_of(asked)).run()


def there_and_back(changes: dict[str, Any], view: View, drift: str, setting: str) -> None:
    """Apply, apply again, find what was changed by hand, and roll back to what was there."""
    before = view()
    report = run(changes)
    assert report.error is None, report.error
    assert run(changes, "two").status == "unchanged"
    shell(drift)
    found = checkpoint_states.run(checkpoint_states.Request(state="verified"))
    assert [one["key"] for one in found.drift or []] == [setting]
    back = checkpoint_states.run(checkpoint_states.Request(state="restored", id="one")).report
    assert back.error is None, back.error
    assert view() == before


def test_every_default_route(view: View) -> None:
    """Each gets the metrics, and is as before in the end, with all that it had besides."""
    shell(ROUTES)  # beside the one that the host has
    before = view()
    assert run({"routes": [METRICS]}).error is None
    assert shell("ip route show default; ip -6 route show default").count("initcwnd 20") == 3
    assert checkpoint_states.run(checkpoint_states.Request(state="restored", id="one")).report.error is None
    assert view() == before


def test_routes(view: View) -> None:
    """A metric that somebody takes away is found, and a rollback leads to what was there."""
    shell(ROUTES)
    drift = "ip route change default via 192.0.2.254 dev eth0 proto static metric 100 mtu lock 1400"
    there_and_back({"routes": [{"dst": "default", "initcwnd": 20}]}, view, drift, "eth0 0.0.0.0/0 metric 100 initcwnd")


@pytest.mark.parametrize(
    ("made", "dst", "words"),
    [
        ("", "203.0.113.0/24", "There is no route to 203.0.113.0/24"),
        (
            "ip route add 198.51.100.0/24 nexthop via 192.0.2.5 nexthop via 192.0.2.6",
            "198.51.100.0/24",
            "cannot be set",
        ),
    ],
)
def test_routes_that_cannot_be_set(view: View, made: str, dst: str, words: str) -> None:
    """They are refused before anything is touched."""
    shell(made or "true")
    before = view()
    report = run({"mtu": 1400, "routes": [{"dst": dst, "initcwnd": 20}]})
    assert words in report.error["message"]
    assert view() == before


def test_queues(view: View) -> None:
    """Queue length and steering hold, and are as before in the end."""
    there_and_back(QUEUES, view, "ip link set eth0 txqueuelen 9", "eth0 txqueuelen")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nic": {"rings": {"rx": 64}}}, "has no rings that can be set"),
        ({"nic": {"coalesce": {"rx_usecs": 3}}}, "has no coalescing"),
        ({"nic": {"pause": {"rx": True}}}, "has no pause frames"),
        ({"nic": {"channels": {"rx": 99}}}, "channels.rx up to"),
    ],
)
def test_what_the_device_lacks(view: View, changes: dict[str, Any], words: str) -> None:
    """It is refused by its name before anything is touched."""
    before = view()
    report = run({"mtu": 1400, **changes})
    assert words in report.error["message"]
    assert view() == before


def test_what_a_host_holds_beyond_its_defaults() -> None:
    """It is told with the default, and with none where a new namespace cannot tell it."""
    shell("sysctl -qw net.ipv4.tcp_fin_timeout=23 net.ipv4.conf.all.rp_filter=2")
    found = beyond_defaults()
    assert found["net.ipv4.tcp_fin_timeout"] == ["23", "60"]
    assert found["net.ipv4.conf.all.rp_filter"] == ["2", None]
    assert "net.ipv4.tcp_retries2" not in found

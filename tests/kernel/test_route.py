# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of routes on a kernel, with ``ip -j route`` as the independent reader: all else of a route stays as it is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._route import kernel as route_kernel
from ansible_collections.netopt.linux.plugins.module_utils._route import subsystem as route_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from tests.commands import sh
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root")

DEVICES = """
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link add eth0 type veth peer name eth1
ip link set lo up; ip link set eth0 up; ip link set eth1 up
ip addr add 192.0.2.1/24 dev eth0; ip addr add 192.0.2.2/24 dev eth0
ip -6 addr add fd00::1/64 dev eth0 nodad; ip -6 addr add fd00::2/64 dev eth0 nodad
"""
DHCP = "ip route add default via 192.0.2.254 proto dhcp src 192.0.2.1 metric 100 mtu lock 1400 rtt 20ms rttvar 8ms;"
ADVERTISED = "ip -6 route add default via fd00::fe dev eth0 proto ra metric 100 expires 1800 hoplimit 64 pref high;"
EVERY = {"initcwnd": 20, "initrwnd": 30, "quickack": True, "rto_min_ms": 40, "congctl": "reno"}
OURS = ("initcwnd", "initrwnd", "quickack", "rto_min", "congestion")
CASES = {
    "a lease's": (DHCP, "default", EVERY),
    "both families": (DHCP + ADVERTISED, "default", EVERY),
    "two of one destination": (
        DHCP + "ip route add default via 192.0.2.253 proto static metric 200 src 192.0.2.2 advmss 1200",
        "0.0.0.0/0",
        {"initcwnd": 7},
    ),
    "with metrics that are set already": (
        DHCP.replace(";", " initcwnd 5 quickack 1 rto_min 9ms congctl lock reno;"),
        "default",
        {"initcwnd": 6, "quickack": False, "rto_min_ms": 8, "congctl": "reno"},
    ),
    "of the kernel": ("", "192.0.2.0/24", EVERY),
    "of the kernel, IPv6": ("", "fd00::/64", EVERY),
    "not reachable by its address": (
        "ip route add 10.0.0.0/8 via 10.9.9.9 dev eth0 onlink tos 0x10 reordering 5 hoplimit 9 features ecn",
        "10.0.0.0/8",
        EVERY,
    ),
    "by an IPv6 gateway": ("ip route add 10.0.0.0/8 via inet6 fe80::9 dev eth0 realm 7", "10.0.0.0/8", EVERY),
    "of a protocol's number": (
        "ip -6 route add fd09::/48 via fe80::1 dev eth0 proto 77 metric 9 src fd00::2 mtu 1300",
        "fd09::/48",
        EVERY,
    ),
    "through a tunnel of its own": (
        "ip route add 10.1.0.0/16 via 192.0.2.9 dev eth0 encap ip id 5 dst 192.0.2.8 ttl 9",
        "10.1.0.0/16",
        EVERY,
    ),
}


def routes(*, only: str = "") -> list[dict[str, Any]]:
    """Return what ``ip`` says of all routes, without how long they live."""
    found = []
    for family in ("-4", "-6"):
        text = sh(f"ip {family} -j -d route show table main {only}")
        found += [{**one, "expires": "expires" in one} for one in json.loads(text or "[]") if one]
    return found


def without_ours(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return routes without the metrics that a plan may set."""
    rest = []
    for one in found:
        metrics = [{key: value for key, value in each.items() if key not in OURS} for each in one.get("metrics", [])]
        rest.append({**one, "metrics": [each for each in metrics if each]})
    return rest


def inside(function: Callable[[], Any], prepare: str = "") -> Any:
    """Return ``function()`` as computed in a namespace with interfaces and routes."""

    def prepared() -> Any:
        sh(DEVICES + prepare)
        until(lambda: "tentative" not in sh("ip -6 addr show"), 30, lambda: sh("ip -6 addr show"))
        return function()

    return in_scratch_namespace(prepared)


def intent_of(dst: str, words: dict[str, Any], iface: str = "eth0") -> Any:
    """Return what a plan with one route asks."""
    return route_subsystem.intent({"routes": [{"dst": dst, **words}]}, (iface,))


def run(intent: Any, **options: Any) -> dict[str, Any]:
    """Carry an intent out as the module does."""
    report = run_subsystem(route_subsystem, options.pop("kernel", route_kernel), intent, tools=Tools(), check=False)
    return report.as_dict()


@pytest.mark.parametrize(("prepare", "dst", "words"), CASES.values(), ids=CASES.keys())
def test_change_repeat_and_undo(prepare: str, dst: str, words: dict[str, Any]) -> None:
    """The metrics hold, all else of every route is as before, a second run does nothing, and undoing is exact."""

    def there_and_back() -> Any:
        tools, intent = Tools(), intent_of(dst, words)
        scope = route_subsystem.scope(intent)
        before, snapshot = routes(), route_kernel.observe(scope, tools)
        first = run(intent)
        made, second = routes(), run(intent)
        for step in route_subsystem.operations(route_kernel.observe(scope, tools), snapshot):
            route_kernel.perform(step, tools)
        return first, second, before, made, routes()

    first, second, before, made, after = inside(there_and_back, prepare)
    assert (first["status"], first["error"]) == ("applied", None)
    assert made != before
    assert without_ours(made) == without_ours(before)
    assert (second["status"], second["diff"]) == ("unchanged", [])
    assert after == before


def test_values_are_what_a_plan_says() -> None:
    """Both default routes read as the plan has it; rto_min is locked, as it counts only then."""

    def applied() -> Any:
        assert run(intent_of("default", EVERY))["status"] == "applied"
        return sh("ip -4 route show default; ip -6 route show default")

    told = inside(applied, DHCP + ADVERTISED)
    assert told.count("initcwnd 20 rto_min lock 40ms initrwnd 30 quickack 1 congctl reno") == 2


@pytest.mark.parametrize("name", sorted(set(CASES) - {"through a tunnel of its own"}))
def test_the_rendered_commands_do_the_same(name: str) -> None:
    """The text run by hand, twice, gives the same routes as the module; ``ip`` itself cannot take back each tunnel."""
    prepare, dst, words = CASES[name]
    intent = intent_of(dst, words)

    def by_hand() -> Any:
        for _ in range(2):
            for line in route_subsystem.render(intent):
                sh(line)
        return routes()

    def by_module() -> Any:
        assert run(intent)["error"] is None
        return routes()

    lock = '"congestion": "reno"'  # a plan's congctl is not locked; ip leaves a lock that was there
    hand, module = (json.dumps(inside(each, prepare)).replace(lock, "") for each in (by_hand, by_module))
    # which of the pair's ends comes up first decides on the order of their own routes
    ours, theirs = (sorted(json.loads(told.replace(", }", "}")), key=json.dumps) for told in (module, hand))
    assert ours == theirs


MULTIPATH = "ip route add 10.0.0.0/8 nexthop via 192.0.2.8 dev eth0 nexthop via 192.0.2.9 dev eth0"
NEXTHOP = "ip nexthop add id 5 via 192.0.2.9 dev eth0; ip route add 10.0.0.0/8 nhid 5"
EQUAL = "ip route add 10.0.0.0/8 via 192.0.2.8; ip route append 10.0.0.0/8 via 192.0.2.9"
REFUSED = {
    "none": ("", "10.0.0.0/8", {"initcwnd": 9}, "There is no route to 10.0.0.0/8 through eth0", "192.0.2.0/24"),
    "no default": (
        "",
        "default",
        {"initcwnd": 9},
        "There is no route to default (0.0.0.0/0) through eth0",
        "fd00::/64",
    ),
    "another table's": (
        "ip route add 10.0.0.0/8 via 192.0.2.9 table 9",
        "10.0.0.0/8",
        {"initcwnd": 9},
        "There is no route",
        "It has routes to",
    ),
    "several next hops": (MULTIPATH, "10.0.0.0/8", {"initcwnd": 9}, "several next hops (eth0)", "where the route is"),
    "a next hop of its own": (NEXTHOP, "10.0.0.0/8", {"initcwnd": 9}, "an object of its own", "where the route is"),
    "equal ones": (EQUAL, "10.0.0.0/8", {"initcwnd": 9}, "there are 2 routes of this metric", "where the route is"),
    "on two interfaces": ("", "fe80::/64", {"initcwnd": 9}, "there are 2 routes of this metric", "where the route is"),
}


@pytest.mark.parametrize(("prepare", "dst", "words", "message", "hint"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_before_anything_is_touched(
    prepare: str, dst: str, words: dict[str, Any], message: str, hint: str
) -> None:
    """What there is not, and what cannot be replaced by itself, is refused with what there is."""

    def refused() -> Any:
        before = routes()
        return run(intent_of(dst, words)), routes() == before

    report, untouched = inside(refused, prepare)
    assert untouched
    assert (report["status"], report["error"]["stage"]) == ("failed", "rehearse")
    assert message in report["error"]["message"]
    assert hint in report["error"]["hint"]


def test_an_algorithm_that_the_kernel_lacks_is_refused_in_the_rehearsal() -> None:
    """The kernel says so of a route in the scratch namespace; the hint has those that there are."""

    def refused() -> Any:
        before = routes()
        return run(intent_of("default", {"initcwnd": 9, "congctl": "nosuch"})), routes() == before

    report, untouched = inside(refused, DHCP)
    assert untouched
    assert (report["status"], report["error"]["stage"]) == ("failed", "rehearse")
    assert "Unknown tcp congestion algorithm" in report["error"]["message"]
    assert "reno" in report["error"]["hint"]


def test_a_failure_halfway_undoes_the_rest() -> None:
    """When the last metric fails, those before it are as they were."""

    def broken() -> Any:
        class Breaking:
            observe, resolve = staticmethod(route_kernel.observe), staticmethod(route_kernel.resolve)

            @staticmethod
            def perform(step: Any, tools: Tools) -> None:
                if step.payload["text"] == "reno":
                    raise NetoptError("broken on purpose", stage="apply", key=step.key)
                route_kernel.perform(step, tools)

        before = routes()
        return run(intent_of("default", EVERY), kernel=Breaking), before, routes()

    report, before, after = inside(broken, DHCP)
    assert (report["status"], report["error"]["message"]) == ("rolled_back", "broken on purpose")
    assert after == before


def _advertise() -> None:
    """Send a router advertisement from eth1 to eth0 (RFC 4861, section 4.2)."""
    frame = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    frame.bind(("eth1", 0))
    source = socket.inet_pton(socket.AF_INET6, "fe80::77")
    everyone = socket.inet_pton(socket.AF_INET6, "ff02::1")
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    words = source + everyone + struct.pack("!II", len(body), 58) + body
    total = sum(struct.unpack(f"!{len(words) // 2}H", words))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    body = body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + source + everyone
    with frame:
        frame.send(bytes.fromhex("333300000001") + b"\2\0\0\0\0\7" + struct.pack("!H", 0x86DD) + header + body)


def test_a_route_that_the_kernel_keeps_by_advertisements_is_refused() -> None:
    """Replaced, it would lose the mark by which the kernel renews and ends it."""

    def refused() -> Any:
        _advertise()
        until(lambda: bool(sh("ip -6 route show default proto ra")), 10, lambda: sh("ip -6 route"))
        before = routes()
        return run(intent_of("::/0", {"initcwnd": 9})), routes() == before

    report, untouched = inside(refused, "sysctl -qw net.ipv6.conf.eth0.accept_ra=2")
    assert untouched
    assert "by router advertisements" in report["error"]["message"]


def test_a_route_beside_an_advertised_one_can_be_set() -> None:
    """The one of another priority is somebody's own, and the kernel's own stays as it is."""

    def applied() -> Any:
        _advertise()
        until(lambda: bool(sh("ip -6 route show default proto ra")), 10, lambda: sh("ip -6 route"))
        sh("ip -6 route add default via fd00::fe dev eth0 metric 7")
        report = run(intent_of("::/0", {"initcwnd": 9}))
        sh("ip -6 route del default proto ra; sysctl -qw net.ipv6.conf.eth0.accept_ra=0")
        return report, run(intent_of("::/0", {"initcwnd": 9})), sh("ip -6 route show default")

    both, one, shown = inside(applied, "sysctl -qw net.ipv6.conf.eth0.accept_ra=2")
    assert "by router advertisements" in both["error"]["message"]
    assert "For the other family alone, name 0.0.0.0/0." in both["error"]["hint"]
    assert one["status"] == "applied"
    assert "metric 7 initcwnd 9" in shown


def test_the_owner_is_found_by_what_runs_here(tmp_path: Path) -> None:
    """A process of this network namespace is named; one of another namespace is not."""
    program = tmp_path / "systemd-networkd"
    shutil.copy(shutil.which("sleep") or "", program)

    def told() -> Any:
        intent = intent_of("default", {"initcwnd": 9})
        scope, tools = route_subsystem.scope(intent), Tools()
        with subprocess.Popen([program, "60"]) as process:
            name = Path(f"/proc/{process.pid}/comm")
            until(lambda: name.read_text() == "systemd-network\n", 10, name.read_text)
            current = route_kernel.observe(scope, tools)
            found = route_subsystem.warnings(current, route_kernel.resolve(intent, current, tools))
            elsewhere = in_scratch_namespace(lambda: sorted(route_kernel._running()))
            process.kill()
        return found, elsewhere

    (warning,), elsewhere = inside(told, DHCP)
    assert "systemd-networkd made this route (proto dhcp) and writes it again" in warning
    assert "InitialCongestionWindow=" in warning
    assert elsewhere == []

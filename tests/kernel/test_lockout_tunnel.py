# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sessions that reach the host inside a tunnel or by a redirected port, and whether the kernel tracks this very one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._lockout import session as lockout_session
from ansible_collections.netopt.linux.plugins.module_utils._netlink import conntrack
from ansible_collections.netopt.linux.plugins.module_utils._transaction.preflight import preflight
from tests.kernel.lockout_lab import CONTROLLER, ELSEWHERE, HOST, IDS, PORT, WITHIN_S, Site, hears, works
from tests.kernel.nft_namespaces import run

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

INNER_HOST, INNER_CONTROLLER = "10.9.0.1", "10.9.0.2"
AWAY: dict[str, Any] = {"nat_rules": [{"type": "dnat", "to_addr": ELSEWHERE}]}
FOREIGN = """table inet other {
    chain input {
        type filter hook input priority 0; policy drop
        ct state established,related accept
        udp dport 4789 accept
        tcp dport 2222 accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
}
"""
REDIRECT = """table ip other {
    chain prerouting {
        type nat hook prerouting priority dstnat
        tcp dport 4444 redirect to :2222
    }
}
"""
TRACKING = (
    "table inet other {\n\tchain input {\n\t\ttype filter hook input priority 0\n\t\tct state new counter\n\t}\n}\n"
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as found:
        yield found


def tunnelled(stack: ExitStack, *, learnt: bool = False, both_ways: bool = True) -> Site:
    """Return a site whose controller reaches the host through vxlan over eth0.

    Args:
        stack: closes what was opened.
        learnt: whether the peer is known by the forwarding database alone.
        both_ways: whether the tunnel sends from the port at which it receives, so that it is one flow to the host.
    """
    site = Site(stack)
    for namespace, local, remote, inner in (
        (site.host, HOST[4], CONTROLLER[4], INNER_HOST),
        (site.controller, CONTROLLER[4], HOST[4], INNER_CONTROLLER),
    ):
        with namespace.inside():
            ports = " srcport 4789 4790" if both_ways else ""
            known = "" if learnt else f" remote {remote}"
            run(f"ip link add vxlan0 type vxlan id 7 dstport 4789{ports} dev eth0 local {local}{known}")
            if learnt:
                run(f"bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst {remote}")
            run("ip link set vxlan0 up")
        namespace.address("vxlan0", f"{inner}/24")
    with site.host.inside():
        run("nft -f -", stdin=FOREIGN)
    return site


def idle(site: Site) -> None:
    """Let everything that the host tracks time out."""
    with site.host.inside():
        for entry in list(conntrack.flows(4)):
            conntrack.forget(entry)


@pytest.mark.parametrize("learnt", [False, True])
def test_a_tunnel_is_walked_as_the_controllers_own(stack: ExitStack, *, learnt: bool) -> None:
    """A rule that sends everything from eth0 away leaves the session alone until the tunnel was idle, then cuts it."""
    site = tunnelled(stack, learnt=learnt)
    session = site.connect(INNER_CONTROLLER, to=INNER_HOST)
    assert works(session, ends=time.monotonic() + WITHIN_S)
    (issue,) = site.walk(AWAY, session)
    assert (issue["id"], issue["path"]) == ("management_blocked", "changes.nat_rules[0]")
    assert f"vxlan tunnel vxlan0 (udp port 4789 from {CONTROLLER[4]})" in issue["message"]
    site.load(AWAY)
    assert works(site.connect(INNER_CONTROLLER, to=INNER_HOST), ends=time.monotonic() + WITHIN_S)
    idle(site)
    with pytest.raises(OSError, match=r"timed out|unreachable|No route"):
        site.connect(INNER_CONTROLLER, to=INNER_HOST, timeout=2)


@pytest.mark.parametrize(
    ("changes", "iface"),
    [
        ({"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": ELSEWHERE}]}, "eth0"),
        ({"nat_rules": [{"type": "dnat", "src": "198.51.100.0/24", "to_addr": ELSEWHERE}]}, "eth0"),
        ({"nat_rules": [{"type": "snat", "to_addr": HOST[4]}]}, "eth0"),
        (AWAY, "eth1"),
        ({"rate_limits": [{"rate": "1/second", "per": "packets", "protocol": "tcp"}]}, "eth0"),
        ({"rate_limits": [{"rate": "1000/second", "per": "packets", "protocol": "udp"}]}, "eth0"),
    ],
)
def test_rules_that_leave_the_tunnel_alone_pass(stack: ExitStack, changes: dict[str, Any], iface: str) -> None:
    """A rule for other ports, sources or interfaces is not refused, and the tunnel comes back after it was idle."""
    site = tunnelled(stack)
    session = site.connect(INNER_CONTROLLER, to=INNER_HOST)
    assert site.walk(changes, session, iface) == []
    site.load(changes, iface)
    idle(site)
    assert works(site.connect(INNER_CONTROLLER, to=INNER_HOST), ends=time.monotonic() + WITHIN_S)


FEW_PACKETS = {"rate_limits": [{"rate": "5/second", "per": "packets", "protocol": "udp"}]}


@pytest.mark.parametrize(
    ("changes", "path", "both_ways"),
    [
        (FEW_PACKETS, "changes.rate_limits[0]", False),
        (FEW_PACKETS, "changes.rate_limits[0]", True),  # every packet counts, also of an established flow
        (
            {"connection_limits": [{"protocol": "udp", "port": 4789, "limit": 0, "action": "drop"}]},
            "changes.connection_limits[0]",
            False,
        ),
        ({"qdisc": {"type": "pfifo", "params": {"limit": 0}}}, "changes.qdisc.params.limit", False),
    ],
)
def test_what_starves_the_tunnel_is_refused(
    stack: ExitStack, changes: dict[str, Any], path: str, *, both_ways: bool
) -> None:
    """Limits and queues that the outer packets meet on eth0 are named, and do stop the next session."""
    site = tunnelled(stack, both_ways=both_ways)
    session = site.connect(INNER_CONTROLLER, to=INNER_HOST)
    assert [issue["path"] for issue in site.walk(changes, session)] == [path]
    site.load(changes)
    idle(site)
    try:
        again = works(site.connect(INNER_CONTROLLER, to=INNER_HOST, timeout=2), ends=time.monotonic() + 2)
    except OSError:
        again = False
    assert not again


def redirected(site: Site) -> tuple[socket.socket, dict[str, Any]]:
    """Return a session to port 4444, which somebody redirects to the port of sshd, and what the host knows of it."""
    with site.host.inside():
        run("nft -f -", stdin=REDIRECT)
    with site.controller.inside():
        session = site.stack.enter_context(socket.create_connection((HOST[4], 4444), timeout=WITHIN_S))
    near = session.getsockname()
    fact = {"local_port": PORT, "remote_addr": near[0], "remote_port": near[1], "local_addr": HOST[4]}
    with site.host.inside():
        known = {"management": lockout_session.path_of(fact), "sysctl": {"net.ipv4.ip_forward": "1"}}
    return session, known


@pytest.mark.parametrize(
    ("port", "refused"), [(4444, True), (PORT, False)], ids=["where it is sent", "where it arrives"]
)
def test_a_redirected_port_is_judged_by_where_the_connection_was_sent(
    stack: ExitStack, port: int, *, refused: bool
) -> None:
    """A rule for the port that the controller uses cuts it; one for the port that sshd sees does not."""
    site = Site(stack)
    _session, facts = redirected(site)
    assert (facts["management"]["sent_to_port"], facts["management"]["tracked"]) == (4444, True)
    changes = {"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": port, "to_addr": ELSEWHERE}]}
    found = [issue for issue in preflight(changes, ("eth0",), facts, []) if issue["id"] in IDS]
    assert [issue["path"] for issue in found] == (["changes.nat_rules[0]"] if refused else [])
    site.load(changes)
    with site.controller.inside():
        try:
            made = stack.enter_context(socket.create_connection((HOST[4], 4444), timeout=2))
        except OSError:
            made = None
    assert (made is None) is refused


def test_tracked_is_this_session_and_no_other(stack: ExitStack) -> None:
    """A session older than the tracking is not taken for a tracked one because others are; dropping invalid cuts it."""
    site = Site(stack)
    session = site.connect()
    assert works(session, ends=time.monotonic() + WITHIN_S)
    with site.host.inside():
        run("nft -f -", stdin=TRACKING)
        run("sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0")
    other = site.connect()
    assert works(other, ends=time.monotonic() + WITHIN_S)
    old, new = (site.facts(each)["management"] for each in (session, other))
    assert (old["tracked"], new["tracked"], old["in_use"]) == (False, True, 1)
    changes = {"connection_tracking": {"drop_invalid": True}}
    assert [issue["path"] for issue in site.walk(changes, session)] == ["changes.connection_tracking.drop_invalid"]
    assert site.walk(changes, other) == []
    session.sendall(b"w")
    time.sleep(0.1)
    site.load(changes)
    site.speak.set()
    ends = time.monotonic() + 2
    assert not (hears(session, ends=ends) and works(session, ends=ends))
    assert works(other, ends=time.monotonic() + WITHIN_S)


def test_a_table_that_would_soon_be_full_is_refused(stack: ExitStack) -> None:
    """The number in use and 64 more are wanted."""
    site = Site(stack)
    with site.host.inside():
        run("nft -f -", stdin=TRACKING)
    session = site.connect()
    for size, expected in ((2, 1), (64, 1), (65, 0)):
        changes = {"connection_tracking": {"max_connections": size}}
        assert len(site.walk(changes, session)) == expected, size

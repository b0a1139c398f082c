# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# ruff: noqa: E501 - one row is one line
"""Effects of limits, marks, connection tracking and translation."""

from __future__ import annotations

from typing import Any

from tests.effects.lab import BEHIND, GATEWAY, HOST, INNER, PUBLISHED
from tests.effects.row import Row
from tests.effects.traffic import (
    FORWARDED,
    LOCAL,
    OWN,
    PASSING,
    PORT,
    PUBLISHED_PORT,
    ROUTER_ALERT,
    Path,
    answered,
    connections,
    flows,
    mark,
    one_flow,
    pings,
    seen_as,
    stray,
)


def limit(number: int, port: int = PORT, protocol: str = "tcp", **more: Any) -> dict[str, Any]:
    """Return changes that limit connections."""
    return {"connection_limits": [{"protocol": protocol, "port": port, "limit": number, **more}]}


def rate(burst: int, **more: Any) -> dict[str, Any]:
    """Return changes that let a burst through, and next to nothing after it."""
    return {"rate_limits": [{"rate": "1/hour", "burst": burst, **more}]}


DNAT = {
    "nat_rules": [
        {"type": "dnat", "protocol": "tcp", "port": 9000, "dst": HOST[4], "to_addr": INNER[4], "to_port": BEHIND}
    ]
}
OWN_DNAT = Path("client", "inner", HOST, 9000, BEHIND)
BRIDGED = (
    "ip link add br0 type bridge",
    "ip addr flush dev eth0",
    "ip link set eth0 master br0",
    "ip link set br0 up",
    f"ip addr add {HOST[4]}/24 dev br0",
)
MACVLAN = (
    "sysctl -qw net.ipv4.conf.eth0.arp_ignore=1",  # eth0 would answer for the address of mac0, too
    "ip link add link eth0 name mac0 type macvlan mode bridge",
    "ip addr flush dev eth0",
    "ip link set mac0 up",
    f"ip addr add {HOST[4]}/24 dev mac0",
)
NO_FORWARDING_4, NO_FORWARDING_6 = ("sysctl -qw net.ipv4.ip_forward=0",), ("sysctl -qw net.ipv6.conf.all.forwarding=0",)
MASQUERADE_6 = {"nat_rules": [{"type": "masquerade", "src": "fd00:9::/64"}]}
MARK = {"dscp": [{"match": {"proto": "udp"}, "dscp": 46}]}
MARK_PORT = {"dscp": [{"match": {"dports": [str(PORT)]}, "dscp": 46}]}
PACKETS = {"per": "packets"}
DROP_INVALID = {"connection_tracking": {"drop_invalid": True}}

ROWS = (
    Row("connection_limits", "TCP to the host", limit(3), connections(LOCAL, 6), 3, free=6),
    Row("connection_limits", "TCP over IPv6 to the host", limit(3), connections(LOCAL, 6, family=6), 3, free=6, quick=False),
    Row("connection_limits", "TCP to a published port", limit(3, PUBLISHED), connections(PUBLISHED_PORT, 8), 3, free=8),
    Row("connection_limits", "TCP over IPv6 to a published port", limit(3, PUBLISHED), connections(PUBLISHED_PORT, 8, family=6), 3, free=8, quick=False),
    Row("connection_limits", "TCP that only passes through", limit(3), connections(FORWARDED, 6), 6),
    Row("rate_limits", "one UDP flow without answers", {"rate_limits": [{"rate": "1000/second", "burst": 50}]}, one_flow(LOCAL, 200), 200, quick=False),
    Row("rate_limits", "new UDP flows", rate(5, protocol="udp"), flows(LOCAL, 20), 5, free=20),
    Row("rate_limits", "new UDP flows to a published port", rate(5, protocol="udp", port=PUBLISHED), flows(PUBLISHED_PORT, 20), 5, free=20),
    Row("rate_limits", "new UDP flows that only pass through", rate(5, protocol="udp"), flows(FORWARDED, 20), 20, quick=False),
    Row("rate_limits per packets", "pings", rate(2, protocol="icmp", **PACKETS), pings(LOCAL, 10), 2, free=10),
    Row("rate_limits per packets", "a flow with answers", rate(5, protocol="udp", **PACKETS), answered(LOCAL, 20), 4, free=20),
    Row("connection_tracking.drop_invalid", "to the host", DROP_INVALID, stray(LOCAL), 0, free=1, quick=False),
    Row("connection_tracking.drop_invalid", "passing through", DROP_INVALID, stray(FORWARDED), 0, free=1),
    Row("dscp", "of the host's own", MARK, mark(OWN), 46, free=0, quick=False),
    Row("dscp", "passing through", {"dscp": [{"match": {"proto": "udp", "src": INNER[4]}, "dscp": 46}]}, mark(PASSING), 46, free=0),
    Row("nat_rules", "masquerade", {"nat_rules": [{"type": "masquerade"}]}, seen_as(PASSING), "192.0.2.1", free=INNER[4], quick=False),
    Row("connection_limits", "TCP to a port that the plan itself sends on", {**limit(2, 9000), **DNAT}, connections(OWN_DNAT, 6), 2),
    Row("connection_limits", "TCP to the port behind one that the plan sends on", {**limit(2, BEHIND), **DNAT}, connections(OWN_DNAT, 6), 6, told="Limit port 9000", quick=False),
    Row("connection_limits", "UDP flows to a published port", limit(3, PUBLISHED, "udp"), flows(PUBLISHED_PORT, 8), 3, free=8, quick=False),
    Row("connection_limits", "drop, from one /24", limit(3, action="drop", mask=24), connections(LOCAL, 5), 3, free=5, quick=False),
    Row("connection_limits", "TCP by a macvlan on top", limit(3), connections(LOCAL, 6), 6, arranged=MACVLAN, told="Add mac0 to the plan's iface"),
    Row("dscp", "by a macvlan on top", MARK, mark(OWN), 0, arranged=MACVLAN, told="Add mac0 to the plan's iface", quick=False),
    Row("connection_limits", "TCP on a bridge's port", limit(3), connections(LOCAL, 6), 6, arranged=BRIDGED, told="Write br0 in the place of eth0"),
    Row("dscp", "on a bridge's port", MARK, mark(OWN), 0, arranged=BRIDGED, told="Write br0 in the place of eth0", quick=False),
    Row("rate_limits", "of no protocol, to a published port", rate(5, port=PUBLISHED), flows(PUBLISHED_PORT, 20), 5, free=20, quick=False),
    Row("rate_limits", "of each source, to a published port", rate(5, protocol="udp", port=PUBLISHED, per_source=True), flows(PUBLISHED_PORT, 20), 5, free=20),
    Row("rate_limits", "new UDP flows over IPv6 to a published port", rate(5, protocol="udp", port=PUBLISHED), flows(PUBLISHED_PORT, 20, family=6), 5, free=20, quick=False),
    Row("rate_limits per packets", "to a published port", rate(5, port=PUBLISHED, **PACKETS), one_flow(PUBLISHED_PORT, 20), 5, free=20),
    Row("rate_limits per packets", "a flow with answers to a published port", rate(5, protocol="udp", **PACKETS), answered(PUBLISHED_PORT, 20), 4, free=20, quick=False),
    Row("rate_limits per packets", "that only pass through", rate(5, protocol="udp", **PACKETS), one_flow(FORWARDED, 20), 20, quick=False),
    Row("rate_limits per packets", "answers to what the host asked", rate(1, protocol="udp", port=PORT, **PACKETS), one_flow(OWN, 20), 20),
    Row("dscp", "fragments, by port", MARK_PORT, mark(OWN, size=4000), 46, free=0, quick=False),
    Row("dscp", "fragments that pass through, by port", MARK_PORT, mark(PASSING, size=4000), 46, free=0),
    Row("dscp", "fragments over IPv6 that pass through, by port", MARK_PORT, mark(PASSING, size=4000, family=6), 46, free=0, quick=False),
    Row("dscp", "with an IP option, by port", MARK_PORT, mark(PASSING, options=ROUTER_ALERT), 46, free=0, quick=False),
    Row("dscp", "over IPv6", MARK, mark(OWN, family=6), 46, free=0, quick=False),
    Row("dscp", "the sender's own address where it is translated", {"dscp": [{"match": {"src": INNER[4]}, "dscp": 46}], "nat_rules": [{"type": "masquerade"}]}, mark(PASSING), 46, free=0),
    Row("dscp", "the address that a sender is translated to", {"dscp": [{"match": {"src": HOST[4]}, "dscp": 46}], "nat_rules": [{"type": "masquerade"}]}, mark(PASSING), 0, quick=False),
    Row("nat_rules", "masquerade without addresses leaves IPv6 alone", {"nat_rules": [{"type": "masquerade"}]}, seen_as(PASSING, family=6), INNER[6], told="is for IPv4 alone"),
    Row("nat_rules", "masquerade of IPv6 where IPv6 alone is forwarded", MASQUERADE_6, seen_as(PASSING, family=6), HOST[6], free=INNER[6], arranged=NO_FORWARDING_4),
    Row("nat_rules", "masquerade of IPv6 where IPv6 is not forwarded", MASQUERADE_6, arranged=NO_FORWARDING_6, refused="does not forward IPv6"),
    Row("nat_rules", "masquerade of IPv4 where IPv4 is not forwarded", {"nat_rules": [{"type": "masquerade"}]}, arranged=NO_FORWARDING_4, refused="does not forward IPv4", quick=False),
    Row("nat_rules", "dnat without dst", {"nat_rules": [{"type": "dnat", "protocol": "udp", "port": PORT, "to_addr": GATEWAY[4]}]}, flows(FORWARDED, 5), 0, free=5, told="takes everything to port 7000 that arrives"),
    Row("nat_rules", "dnat with dst", {"nat_rules": [{"type": "dnat", "protocol": "udp", "port": PORT, "dst": HOST[4], "to_addr": GATEWAY[4]}]}, flows(FORWARDED, 5), 5, quick=False),
    Row("connection_limits", "those that were open before", limit(5), connections(LOCAL, 7), 5, earlier=(connections(LOCAL, 5),), told="5 connections are open to port 7000 now and not counted"),
    Row("connection_limits", "more of them once a plan adds marks", {**limit(5), **MARK}, connections(LOCAL, 2), 0, free=0, earlier=(limit(5), connections(LOCAL, 5))),
    Row("connection_limits", "more of them once another port is limited", {"connection_limits": [*limit(5)["connection_limits"], *limit(5, 80)["connection_limits"]]}, connections(LOCAL, 2), 0, free=0, earlier=(limit(5), connections(LOCAL, 5))),
    Row("connection_limits", "more of them once marks are gone", {**limit(5), "dscp": []}, connections(LOCAL, 2), 0, free=0, earlier=({**limit(5), **MARK}, connections(LOCAL, 5)), quick=False),
    Row("rate_limits", "a burst that was used up, once a plan adds marks", {**rate(5, protocol="udp"), **MARK}, flows(LOCAL, 20), 0, free=0, earlier=(rate(5, protocol="udp"), flows(LOCAL, 20)), quick=False),
    Row("rate_limits", "a burst of a source that was used up, once another limit comes", {"rate_limits": [*rate(5, protocol="udp", per_source=True)["rate_limits"], *rate(5, protocol="tcp")["rate_limits"]]}, flows(LOCAL, 20), 0, free=0, earlier=(rate(5, protocol="udp", per_source=True), flows(LOCAL, 20))),
    Row("rate_limits", "a burst that was used up, once another limit comes", {"rate_limits": [*rate(5, protocol="udp")["rate_limits"], *rate(5, protocol="tcp")["rate_limits"]]}, flows(LOCAL, 20), 5, told="each lets its burst through once more", earlier=(rate(5, protocol="udp"), flows(LOCAL, 20)), quick=False),
)  # fmt: skip

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks the controller's own connection through what a plan would set, so that no plan locks its operator out. Pure.

A rule that merely counts management connections is no reason to refuse a plan. One that would keep the next
connection out, or leave it too little to work with, is: the change could then be neither confirmed nor undone from
the controller.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .._nft.limits import DEFAULT_BURST, DEFAULT_MASK
from .._nft.match import ports_of
from .connection import Flow, flow_of, has_port, is_counted, is_tcp, within
from .limits import IPV6_MTU_MIN, PACKETS_PER_S, seconds_each
from .reply_queue import starved_by_queues
from .tunnel import cut, outers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Changes = Mapping[str, Any]
    Issue = dict[str, str]

BLOCKED = "management_blocked"
STARVED = "management_starved"
CONFIRM_S = 120.0  # in which a new connection is wanted where no time for the confirmation is given
SPARE_MIN, SPARE_PART = 64, 4  # free entries beside those in use: so many, or one for so many
_CONNTRACK_MAX = "net.netfilter.nf_conntrack_max"
_OTHER_WAY = "Leave the management port out of the rule, or apply the plan by another interface or from a console."


def lockout(
    changes: Changes, ifaces: Sequence[str], management: Mapping[str, Any] | None, *, confirm_s: float | None = None
) -> list[Issue]:
    """Return what would block or starve the controller's connection, in the order in which packets meet it.

    Args:
        changes: normalised changes, adapted to the host.
        ifaces: the plan's interfaces, ``auto`` resolved.
        management: the fact of that name; without it nothing can be said.
        confirm_s: seconds within which a new connection has to be had.

    Returns:
        Issues in the shape of ``preflight``'s, all of them errors.
    """
    flow = flow_of(management)
    if flow is None:
        return []
    within_s = confirm_s or CONFIRM_S
    outers = outers_of(management or {})
    return [
        *(_issue(BLOCKED, *found) for outer in outers for found in cut(changes, ifaces, outer, flow.name)),
        *_mtu(changes, ifaces, flow),
        *_nat_of_requests(changes, ifaces, flow),
        *_tracking(changes, ifaces, flow),
        *_packet_limits(changes, ifaces, flow),
        *_connection_limits(changes, ifaces, flow),
        *_rate_limits(changes, ifaces, flow, within_s),
        *_nat_of_replies(changes, ifaces, flow),
        *(_issue(STARVED, *found) for found in starved_by_queues(changes, ifaces, flow, within_s)),
    ]


def _issue(name: str, path: str, message: str, hint: str) -> Issue:
    return {"id": name, "path": f"changes.{path}", "message": message, "severity": "error", "hint": hint}


def _mtu(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """Under 1280 bytes the kernel takes the IPv6 address away; TCP over IPv4 makes do with any MTU."""
    mtu = changes.get("mtu")
    if mtu is not None and mtu < IPV6_MTU_MIN and flow.family == 6 and set(ifaces) & {*flow.arrives, *flow.leaves}:
        yield _issue(
            BLOCKED,
            "mtu",
            f"An MTU of {mtu} would take the IPv6 address away that {flow.name} needs",
            f"Use {IPV6_MTU_MIN} or more, or manage the host over IPv4.",
        )


def _nat_of_requests(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """The first rule that matches decides where a new connection goes."""
    for index, entry in enumerate(changes.get("nat_rules") or ()):
        if entry["type"] != "dnat" or not flow.comes_by([entry["iface"]] if entry.get("iface") else ifaces):
            continue
        ports = [] if entry.get("port") is None else [entry["port"]]
        meets = is_tcp(entry.get("protocol")) and has_port(flow.sent_to_port, ports) and _meets_addresses(entry, flow)
        if not meets:
            continue
        to_addr, to_port = entry.get("to_addr"), entry.get("to_port")
        # the plan's rules come first: where one matches, nobody else redirects the connection any more
        port = flow.sent_to_port if to_port is None else to_port
        stays = (to_addr is None or within(flow.local, to_addr)) and str(port) == str(flow.local_port)
        if not stays:
            target = f"{to_addr or 'this host'}{'' if to_port is None else f' port {to_port}'}"
            yield _issue(
                BLOCKED,
                f"nat_rules[{index}]",
                f"The rule would send {flow.name} to {target} instead",
                f"Give the rule a port other than {flow.sent_to_port}, or a src or dst that leaves the controller out.",
            )
        return


def _meets_addresses(entry: Mapping[str, Any], flow: Flow, *, reply: bool = False) -> bool:
    """Return whether a rule's addresses, and its family, are those of the connection."""
    source, target = (flow.local, flow.remote) if reply else (flow.remote, flow.sent_to or flow.local)
    to_addr = entry.get("to_addr")
    if to_addr is not None and ipaddress.ip_network(to_addr, strict=False).version != flow.family:
        return False
    return within(source, entry.get("src")) and within(target, entry.get("dst"))


def _tracking(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """A full table takes no new connection; one that was there before tracking may count as invalid."""
    tracking = changes.get("connection_tracking") or {}
    for path, size in (
        ("connection_tracking.max_connections", tracking.get("max_connections")),
        (f"sysctl.{_CONNTRACK_MAX}", changes.get("sysctl", {}).get(_CONNTRACK_MAX)),
    ):
        if size is None or not flow.in_use:
            continue
        least = flow.in_use + max(SPARE_MIN, flow.in_use // SPARE_PART)
        if 0 < int(size) < least:
            yield _issue(
                BLOCKED,
                path,
                f"A table of {size} connections would be full at once or soon, since {flow.in_use} are tracked now, "
                f"and would keep out {flow.name}",
                f"Use {least} or more: a quarter above what is tracked now, and {SPARE_MIN} at least.",
            )
    if tracking.get("drop_invalid") and flow.tracked is False and not flow.picked_up and flow.comes_by(ifaces):
        yield _issue(
            BLOCKED,
            "connection_tracking.drop_invalid",
            f"The rule would cut {flow.name}: it is older than the tracking of connections, and "
            "net.netfilter.nf_conntrack_tcp_loose is 0",
            "Set net.netfilter.nf_conntrack_tcp_loose to 1 for the change, or leave drop_invalid out.",
        )


def _connection_limits(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """Those that are open count, and a confirmation takes one more."""
    for index, entry in enumerate(changes.get("connection_limits") or ()):
        if entry["protocol"] != "tcp" or not has_port(flow.sent_to_port, ports_of(entry)) or not flow.comes_by(ifaces):
            continue
        if not is_counted(flow.remote, entry):
            continue
        mask = entry.get("mask", DEFAULT_MASK)
        prefix = ipaddress.ip_network(f"{flow.remote}/{mask if flow.family == 4 else 2 * mask}", strict=False)
        held = max(
            1, sum(peer.version == flow.family and peer in prefix and is_counted(peer, entry) for peer in flow.peers)
        )
        if entry["limit"] < held + 1:
            action = "drop" if entry.get("action") == "drop" else "refuse"
            yield _issue(
                BLOCKED,
                f"connection_limits[{index}]",
                f"The limit of {entry['limit']} would {action} the next one after {flow.name}: {prefix} has {held} "
                f"open to port {flow.sent_to_port} now, and a confirmation takes a new one",
                f"Raise the limit to {held + 1} or more. {_OTHER_WAY}",
            )


def _meets_rate(entry: Mapping[str, Any], flow: Flow, ifaces: Sequence[str]) -> bool:
    meets = is_tcp(entry.get("protocol")) and has_port(flow.sent_to_port, ports_of(entry)) and flow.comes_by(ifaces)
    return meets and is_counted(flow.remote, entry)


def _rate_limits(changes: Changes, ifaces: Sequence[str], flow: Flow, within_s: float) -> Iterator[Issue]:
    """Once the burst is used up, by anybody or by the controller itself, the next connection has to wait its turn."""
    for index, entry in enumerate(changes.get("rate_limits") or ()):
        wait_s = seconds_each(entry)
        if wait_s <= within_s or not _meets_rate(entry, flow, ifaces):
            continue
        whose = "this source has" if entry.get("per_source") else "all sources together have"
        yield _issue(
            STARVED,
            f"rate_limits[{index}]",
            f"The limit of {entry['rate']} would keep {flow.name} waiting for {wait_s:.0f} s once {whose} used up the "
            f"burst of {entry.get('burst') or DEFAULT_BURST}, and it has to come within {within_s:.0f} s",
            f"Allow one connection in {within_s:.0f} s at least. {_OTHER_WAY}",
        )


def _packet_limits(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """Every packet of the session counts, though the session is a known connection."""
    for index, entry in enumerate(changes.get("rate_limits") or ()):
        if entry.get("per") != "packets" or not _meets_rate(entry, flow, ifaces):
            continue
        if seconds_each(entry) > 1 / PACKETS_PER_S:
            yield _issue(
                STARVED,
                f"rate_limits[{index}]",
                f"The limit of {entry['rate']} counts every packet of {flow.name}, which needs {PACKETS_PER_S}/second",
                f"Raise the rate, count connections, or name another port. {_OTHER_WAY}",
            )


def _nat_of_replies(changes: Changes, ifaces: Sequence[str], flow: Flow) -> Iterator[Issue]:
    """Replies of a tracked connection are never translated; those of one older than tracking are, as if it were new."""
    if flow.tracked is not False:
        return
    for index, entry in enumerate(changes.get("nat_rules") or ()):
        names = [entry["iface"]] if entry.get("iface") else ifaces
        ports = [] if entry.get("port") is None else [entry["port"]]
        if entry["type"] == "dnat" or not set(names) & set(flow.leaves):
            continue
        if not (is_tcp(entry.get("protocol")) and has_port(flow.remote_port, ports)):
            continue
        if not _meets_addresses(entry, flow, reply=True) or (_only_ipv4(entry) and flow.family == 6):
            continue
        to_addr = entry.get("to_addr")
        same = within(flow.local, to_addr) if to_addr is not None else flow.source in (None, flow.local)
        if not same:
            yield _issue(
                BLOCKED,
                f"nat_rules[{index}]",
                f"The rule would cut {flow.name}: it is older than the tracking of connections, and its replies would "
                f"come from {to_addr or flow.source}",
                f"Leave the controller out by dst, or connect to {to_addr or flow.source}.",
            )
        return


def _only_ipv4(entry: Mapping[str, Any]) -> bool:
    """Return whether a masquerade that names no addresses stands for IPv4 alone, as it does."""
    return entry["type"] == "masquerade" and entry.get("src") is None and entry.get("dst") is None

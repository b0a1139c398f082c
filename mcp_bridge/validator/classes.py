# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks that the classes of a plan make a tree that the kernel can hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.checks import is_exact, looked_up, port_masks
from mcp_bridge.collection.nic_words import RFS_ENTRIES, RFS_KEY, power_of_two

from .finding import Finding, Path

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "1:"
SHAPER_CLASS = "1:1"  # made by a shaper with htb, above the plan's own classes
FILTERS_MAX = 3072  # that one packet may have to be tried against, one after the other
PORT_PROTOCOLS = 3  # tcp, udp, sctp
DEPTH_MAX = 8  # TC_HTB_MAXDEPTH, linux/pkt_sched.h
CHAIN_MAX = 64  # classes of a chain that are looked at


def class_path(index: int, key: str) -> Path:
    """Return the path of one field of a class."""
    return ("changes", "htb_classes", index, key)


def shapes_with_htb(changes: dict[str, Any]) -> bool:
    """Return whether a shaper makes a class of its own for what leaves."""
    is_cake = changes.get("qdisc", {}).get("type") == "cake"
    return "egress_mbit" in changes.get("shaper", {}) and not is_cake


def ancestors(name: str, parents: dict[str, str]) -> list[str]:
    """Return the chain above a class: to the root, to a class that does not exist, or once around a circle.

    It ends well beyond the levels that htb has, so that a plan costs what is in proportion to its classes.
    """
    chain: list[str] = []
    seen: set[str] = set()
    above = parents.get(name)
    while above is not None:
        chain.append(above)
        if above == name or above in seen or len(chain) > CHAIN_MAX:
            break
        seen.add(above)
        above = parents.get(above)
    return chain


def check_classes(changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield classes that the shaper needs for itself, and classes too far from the root."""
    classes = changes.get("htb_classes", [])
    parents = {entry["classid"]: entry.get("parent", ROOT) for entry in classes}
    inner = set(parents.values())
    for index, entry in enumerate(classes):
        name = entry["classid"]
        if name == SHAPER_CLASS and shapes_with_htb(changes):
            hint = "Use another id, or leave changes.shaper out."
            yield Finding(class_path(index, "classid"), f"Class {name} belongs to the shaper", hint)
        if changes.get("default_class") == name and name in inner:
            message = f"Class {name} has classes below it; packets can only wait in one that has none"
            yield Finding(("changes", "default_class"), message, "Name a class without children.")
        if entry.get("match") and name in inner:
            message = f"Class {name} has classes below it; packets that match would not wait in it"
            yield Finding(class_path(index, "match"), message, "Move the match to a class without children.")
        if len(ancestors(name, parents)) > DEPTH_MAX and name not in ancestors(name, parents):
            message = f"Nested deeper than the {DEPTH_MAX} levels that htb has"
            yield Finding(class_path(index, "parent"), message, "Hang the class on one nearer to the root.")


def check_filters(changes: dict[str, Any], *, by_map: bool | None = None) -> Iterator[Finding]:
    """Yield the class at which a plan needs more filters than a kernel can try for every packet.

    Where a plan has so many matches that maps hold them, what no map can hold counts: it is tried as a rule. A filter
    knows ports by value and mask: one range may take 30 of them, and source and destination multiply. Ports without a
    protocol take one for each protocol that has ports.
    """
    total = 0
    by_map = looked_up(changes.get("htb_classes", [])) if by_map is None else by_map
    for index, entry in enumerate(changes.get("htb_classes", [])):
        for match in entry.get("match", []):
            if by_map and is_exact(match):
                continue
            has_ports = match.get("sports") or match.get("dports")
            is_open = has_ports and not match.get("proto") and not match.get("tcp_flags")
            protocols = PORT_PROTOCOLS if by_map or is_open else 1
            lengths = 1 if by_map or "max_length" not in match else len(port_masks(0, match["max_length"]))
            ports = _port_filters(match.get("sports", [])) * _port_filters(match.get("dports", []))
            total += protocols * lengths * ports
        if total > FILTERS_MAX:
            what = "rules beside the maps" if by_map else "filters"
            message = f"The matches up to here need {total} {what}, more than the {FILTERS_MAX} allowed"
            hint = (
                "Name addresses, prefixes or single ports, which are looked up in maps, not ranges of ports or DSCP."
                if by_map
                else "Use fewer ports or ranges, with bounds at powers of two, not for source and destination at once."
            )
            yield Finding(class_path(index, "match"), message, hint)
            return


def _port_filters(ranges: list[str]) -> int:
    """Return how many filters tell these ports apart, at least one."""
    bounds = ([int(port) for port in each.split("-")] for each in ranges)
    return sum(len(port_masks(bound[0], bound[-1])) for bound in bounds) or 1


def check_link(changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield a link layer that the qdisc of a shaper cannot reckon with."""
    if changes.get("shaper", {}).get("linklayer") == "ptm" and changes.get("qdisc", {}).get("type") != "cake":
        hint = "Use qdisc cake; or linklayer ethernet, and 64/65 of the rate."
        yield Finding(("changes", "shaper", "linklayer"), "Only cake knows ptm", hint)


def check_given_twice(changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield settings that a plan makes in two places with different values."""
    qdisc, shaper = changes.get("qdisc", {}), changes.get("shaper", {})
    is_cake = qdisc.get("type") == "cake"
    layers = {"ethernet": "noatm"}
    layer = shaper.get("linklayer")
    params = qdisc.get("params", {})
    tracking, sysctl = changes.get("connection_tracking", {}), changes.get("sysctl", {})
    pairs: list[tuple[Path, Any, str, Any]] = [
        (("default_class",), changes.get("default_class"), "qdisc.params.default", params.get("default")),
        (
            ("qdisc", "params", "bandwidth_mbit"),
            params.get("bandwidth_mbit"),
            "shaper",
            shaper.get("ceil_mbit", shaper.get("egress_mbit")),
        ),
    ]
    link = {"overhead": shaper.get("overhead_bytes"), "mpu": shaper.get("mpu"), "atm": layers.get(layer, layer)}
    for name, said in link.items() if is_cake else ():
        pairs.append((("qdisc", "params", name), params.get(name), "shaper", said))
    for field, key in TRACKING_KEYS.items():
        value = tracking.get(field)
        pairs.append(
            (("sysctl", key), sysctl.get(key), f"connection_tracking.{field}", None if value is None else str(value))
        )
    entries = changes.get("steering", {}).get(RFS_ENTRIES)
    rounded = None if entries is None else str(power_of_two(entries))
    pairs.append((("sysctl", RFS_KEY), sysctl.get(RFS_KEY), f"steering.{RFS_ENTRIES}", rounded))
    for path, mine, other, theirs in pairs:
        if mine is not None and theirs is not None and mine != theirs:
            yield Finding(("changes", *path), f"changes.{other} sets another value: {theirs}", "Set it in one place.")


TRACKING_KEYS = {
    "max_connections": "net.netfilter.nf_conntrack_max",
    "tcp_timeout_established": "net.netfilter.nf_conntrack_tcp_timeout_established",
    "tcp_timeout_close_wait": "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
}
"""The sysctl key behind each figure of ``connection_tracking``."""

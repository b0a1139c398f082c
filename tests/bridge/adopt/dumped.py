# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of tc as the kernel dumps them, and what is read of a tree of them."""

from __future__ import annotations

import struct
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._netlink.messages import attribute, u32
from mcp_bridge.adopt.tc import arriving
from mcp_bridge.collection.kernel_state import HTB_OPT, ROOT
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

POLICY = load_policy()
ALL, IP, IPV6 = 0x0300, 0x0008, 0xDD86
FAST = (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
MBIT = 125000


def ets(handle: int, strict: int, *quanta: int, priomap: tuple[int, ...] = (), parent: int = ROOT) -> dict[str, Any]:
    """Return an ets as the kernel dumps it: priorities that none names have the last band."""
    bands = strict + len(quanta)
    whole = [*priomap, *[bands - 1] * (16 - len(priomap))]
    options = attribute(1, bytes([bands])) + attribute(2, bytes([strict])) if strict else attribute(1, bytes([bands]))
    options += attribute(3 | 0x8000, b"".join(u32(4, each) for each in quanta)) if quanta else b""
    options += attribute(5 | 0x8000, b"".join(attribute(6, bytes([each])) for each in whole))
    return qdisc("ets", handle, parent, options)


def prio(handle: int, bands: int = 3, priomap: tuple[int, ...] = FAST, parent: int = ROOT) -> dict[str, Any]:
    """Return a prio as the kernel dumps it."""
    return qdisc("prio", handle, parent, struct.pack("=i16B", bands, *priomap))


def qdisc(kind: str, handle: int, parent: int, options: bytes = b"") -> dict[str, Any]:
    """Return a qdisc; handles are major numbers."""
    return {"form": "qdisc", "kind": kind, "handle": handle << 16, "parent": parent, "options": options.hex()}


def htb(*classes: tuple[int, ...], default: int) -> list[dict[str, Any]]:
    """Return an htb 1: with classes: minor number, rate and ceiling in Mbit/s, priority, quantum where it has one."""
    glob = struct.pack("=5I", 3, 10, default, 0, 0)
    found = [qdisc("htb", 1, ROOT, attribute(2, glob))]
    for number, rate, ceil, priority, *turn in classes:
        quantum = turn[0] if turn else rate * MBIT // 10
        parms = HTB_OPT.pack(rate * MBIT, ceil * MBIT, 10**6, 10**6, quantum, 0, priority)
        one = {"form": "class", "kind": "htb", "handle": 0x10000 | number, "parent": ROOT}
        found.append({**one, "options": attribute(1, parms).hex()})
    return found


def dport(at: int, place: int, target: int, value: int, mask: int = 0xFFFF) -> dict[str, Any]:
    """Return a filter that leads IPv4 packets of some ports to a class; those of the first place are asked first."""
    key = struct.pack(">II", mask, value) + struct.pack("=ii", 20, 0)
    options = u32(1, target) + attribute(5, struct.pack(">BBBxHHhhI", 1, 0, 1, 0, 0, 0, 0, 0) + key)
    one = {"form": "filter", "kind": "u32", "handle": 0x80000800 + place, "parent": at << 16}
    return {**one, "info": place << 16 | IP, "options": options.hex()}


def mark(
    at: int, number: int, target: int, *, protocol: int = ALL, place: int = 0, mask: int = 0xFFFFFFFF
) -> dict[str, Any]:
    """Return a filter at a qdisc, a major number, that leads packets of a mark to a class."""
    one = {"form": "filter", "kind": "fw", "handle": number, "parent": at << 16}
    return {**one, "info": (place or number) << 16 | protocol, "options": (u32(1, target) + u32(5, mask)).hex()}


def rest(at: int, target: int, *, protocol: int = ALL) -> dict[str, Any]:
    """Return a filter that leads all packets to a class, the last of these for all protocols."""
    one = {"form": "filter", "kind": "matchall", "handle": 1, "parent": at << 16}
    place = {IP: 97, IPV6: 98, ALL: 99}[protocol]
    return {**one, "info": place << 16 | protocol, "options": u32(1, target).hex()}


def read(*tree: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what a tree is as a plan's changes, which is valid, and what is told of its objects."""
    state = {"interfaces": {"eth0": {"link": {"kind": "", "txqlen": 1000}, "objects": list(tree)}}}
    reading = arriving.read(state, "eth0")
    if reading.changes:
        assert validate({"iface": "eth0", "changes": reading.changes}, POLICY).ok
    told: dict[str, str] = {}
    for each in reading.unsaid:
        words = f"{'differs' if each.said else 'unsaid'}: {each.reason}"
        told[each.one.name] = f"{told[each.one.name]} {words}" if each.one.name in told else words
    return reading.changes, told

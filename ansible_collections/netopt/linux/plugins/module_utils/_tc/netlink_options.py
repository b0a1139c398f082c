# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of qdiscs, classes and filters mean to a restore: what is volatile, what a dump leaves out. Pure.

Options stay the kernel's own bytes. ``canonical`` takes out what changes by itself (counters, timestamps, what the
kernel derives), so that equal bytes mean equal settings; ``taken_back.py`` turns them into what the kernel takes again.
Interface numbers become names, since the numbers differ between namespaces.
Layouts: linux/pkt_sched.h, linux/pkt_cls.h and linux/tc_act/*.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .._netlink import messages as rt

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

# Attribute numbers inside TCA_OPTIONS, by classifier.
ACTIONS = {"u32": 7, "fw": 4, "basic": 3, "bpf": 1, "flower": 3, "matchall": 2, "flow": 9, "cgroup": 1, "route": 6}
_POLICE = {"u32": 6, "fw": 2, "basic": 4, "bpf": 2, "flow": 10, "cgroup": 2, "route": 5}  # from before actions
_CLASSID = {"u32": 1, "fw": 1, "basic": 1, "bpf": 3, "flower": 1, "matchall": 1, "flow": 3, "route": 1}
FLAGS = {"u32": 11, "bpf": 9, "flower": 22, "matchall": 3}
_VOLATILE = {"u32": {9}, "basic": {5}, "flower": {86}, "matchall": {4}}  # hit counters, TCA_FLOWER_IN_HW_COUNT
_IN_HARDWARE = 0x4 | 0x8  # TCA_CLS_FLAGS_IN_HW, _NOT_IN_HW: told by the kernel, refused from users

ACT_KIND, ACT_OPTIONS, ACT_INDEX, ACT_STATS, ACT_USED_HW_STATS, ACT_IN_HW_COUNT = 1, 2, 3, 4, 9, 10
_ACT_VOLATILE = {ACT_INDEX, ACT_STATS, ACT_USED_HW_STATS, ACT_IN_HW_COUNT}
# Per action: what begins with struct tc_gen (index, capab, action, refcnt, bindcnt), and what is volatile.
_ACT_PARMS = {
    "connmark": {1},
    "csum": {1},
    "nat": {1},
    "ife": {1},
    "ct": {1},
    "ctinfo": {3},
    "pedit": {2, 4},
    "xt": set(),
}
_ACT_TIMES = {"connmark": {2}, "csum": {2}, "nat": {2}, "ife": {2}, "ct": {2}, "ctinfo": {2, 8, 9, 10}, "xt": {5}}
POLICE_TBF, POLICE_RATE, POLICE_PEAKRATE, POLICE_TIMES = 1, 2, 3, 6
MIRRED_PARMS, MIRRED_SIZE = 2, 28

_GATE_ENTRIES = 5

HTB_PARMS, HTB_INIT = 1, 2
_HTB_VERSION = 3  # what htb_init() asks for; the dump says 0x30011 instead
_NETEM_HEAD, NETEM_SEED = 24, 14  # struct tc_netem_qopt stands before the attributes
NETEM_TABLE = 2  # TCA_NETEM_DELAY_DIST: what the jitter follows, which no dump shows
SFQ_V1, _SFQ_STATS = 72, 48  # struct tc_sfq_qopt_v1, and where its counters begin
FQ_CODEL_FLOWS = 5


def each(data: bytes, edit: Callable[[int, bytes], bytes | None]) -> bytes:
    """Return the attributes with each payload edited; ``None`` leaves the attribute out."""
    parts = []
    for number, payload in rt.attributes(data, flags=True):
        edited = edit(number & rt.TYPE_MASK, payload)
        if edited is not None:
            parts.append(rt.attribute(number, edited))
    return b"".join(parts)


def zeroed(data: bytes, start: int, end: int) -> bytes:
    """Return ``data`` with the bytes from ``start`` to ``end`` set to zero, as far as they exist."""
    return (data[:start] + bytes(max(0, min(end, len(data)) - start)) + data[end:])[: len(data)]


def _edit_actions(data: bytes, edit: Callable[[str, bytes], bytes]) -> bytes:
    """Return a list of actions with each one's options edited and its volatile attributes left out.

    What is nested is marked so, as ct, mpls and gate want it to be, and as dumps do not.
    """

    def one(_order: int, action: bytes) -> bytes:
        kind = rt.as_text(dict(rt.attributes(action)).get(ACT_KIND, b""))
        parts = []
        for number, payload in rt.attributes(action):
            if number == ACT_OPTIONS:
                edited = edit(kind, payload)
                parts.append(rt.attribute(rt.NESTED | number, _gate(edited) if kind == "gate" else edited))
            elif number not in _ACT_VOLATILE:
                parts.append(rt.attribute(number, payload))
        return b"".join(parts)

    return each(data, one)


def _gate(options: bytes) -> bytes:
    """Return the options of the action gate with its list of entries, and each entry, marked as nested."""
    parts = []
    for number, payload in rt.attributes(options):
        if number == _GATE_ENTRIES:
            entries = b"".join(rt.attribute(rt.NESTED | entry, told) for entry, told in rt.attributes(payload))
            parts.append(rt.attribute(rt.NESTED | number, entries))
        else:
            parts.append(rt.attribute(number, payload))
    return b"".join(parts)


def edit_filter(kind: str, options: bytes, edit: Callable[[str, bytes], bytes]) -> bytes:
    """Return a filter's options with the options of all its actions edited."""

    def one(number: int, payload: bytes) -> bytes | None:
        if number in _VOLATILE.get(kind, ()):
            return None
        if number == FLAGS.get(kind):
            flags = rt.as_u32(payload) & ~_IN_HARDWARE
            return struct.pack("=I", flags) if flags else None
        if number == ACTIONS.get(kind):
            return _edit_actions(payload, edit)
        if number == _POLICE.get(kind):
            return edit("police", payload)
        return payload

    return each(options, one)


def canonical_action(kind: str, options: bytes, named: Callable[[int], str], devices: list[str]) -> bytes:
    """Return an action's options without counters and times; a mirred target's name is added to ``devices``."""
    if kind == "police":
        return each(
            options,
            lambda number, payload: (
                None if number == POLICE_TIMES else zeroed(payload, 44, 52) if number == POLICE_TBF else payload
            ),
        )
    generic = _ACT_PARMS.get(kind, {2})
    times = _ACT_TIMES.get(kind, {1})

    def one(number: int, payload: bytes) -> bytes | None:
        if number in times:
            return None
        if number not in generic:
            return payload
        payload = zeroed(payload, 12, 20)
        if kind == "mirred" and number == MIRRED_PARMS and len(payload) >= MIRRED_SIZE:
            devices.append(named(struct.unpack_from("=I", payload, 24)[0]))
            payload = zeroed(payload, 24, 28)
        return payload

    return each(options, one)


def canonical(form: str, kind: str, options: bytes, names: Mapping[int, str]) -> tuple[bytes, tuple[str, ...]]:
    """Return (options without what is volatile, the names of the interfaces that its actions point at).

    Args:
        form: ``qdisc``, ``class`` or ``filter``.
        kind: ``htb``, ``u32``, ...
        options: the payload of TCA_OPTIONS as dumped.
        names: interface number to name, in this namespace.
    """
    if form == "filter":
        devices: list[str] = []

        def edit(action: str, data: bytes) -> bytes:
            return canonical_action(action, data, lambda index: names.get(index, "*"), devices)

        return edit_filter(kind, options, edit), tuple(devices)
    if kind == "htb":
        return each(options, _canonical_htb), ()
    if kind == "sfq" and len(options) >= SFQ_V1:
        return zeroed(options, _SFQ_STATS, SFQ_V1), ()
    return options, ()


def _canonical_htb(number: int, payload: bytes) -> bytes:
    """Return one attribute of htb without its packet counter, and without a class's derived level."""
    if number == HTB_INIT:
        return struct.pack("=I", _HTB_VERSION) + zeroed(payload, 16, 20)[4:]
    if number == HTB_PARMS:
        return zeroed(payload, 36, 40)
    return payload


def _with_number(action: str, data: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return an action's options with what begins with its number (struct tc_gen, struct tc_police) edited."""
    places = {POLICE_TBF} if action == "police" else _ACT_PARMS.get(action, {2})
    return each(data, lambda number, payload: edit(payload) if number in places else payload)


def numbered(kind: str, options: bytes) -> list[tuple[str, int, bytes]]:
    """Return (kind, number, canonical options) of each action of a filter that has a number."""
    found: list[tuple[str, int, bytes]] = []

    def look(action: str, data: bytes) -> bytes:
        def told(payload: bytes) -> bytes:
            number = rt.as_u32(payload[:4])
            if number:
                found.append((action, number, data))
            return payload

        return _with_number(action, data, told)

    if may_act(kind, options):
        edit_filter(kind, options, look)
    return found


def unnumbered(kind: str, options: bytes, others: Container[tuple[str, int]]) -> bytes:
    """Return a filter's options without the numbers that other actions have: (kind, number)."""

    def free(action: str, data: bytes) -> bytes:
        return _with_number(
            action,
            data,
            lambda payload: zeroed(payload, 0, 4) if (action, rt.as_u32(payload[:4])) in others else payload,
        )

    return edit_filter(kind, options, free)


def loose(form: str, kind: str, options: bytes) -> bytes:
    """Return the options without what the kernel picks itself when it is not told: action indices, random seeds."""
    if form == "filter" and may_act(kind, options):
        return edit_filter(
            kind,
            options,
            lambda action, data: _with_number(action, data, lambda payload: zeroed(payload, 0, 4)),
        )
    if form == "qdisc" and kind == "netem":
        head, rest = options[:_NETEM_HEAD], options[_NETEM_HEAD:]
        return head + each(rest, lambda number, payload: None if number == NETEM_SEED else payload)
    return options


def shown(form: str, kind: str, options: bytes) -> bytes:
    """Return the options without what no dump shows, which only somebody who made them knows."""
    if form != "qdisc" or kind != "netem":
        return options
    head, rest = options[:_NETEM_HEAD], options[_NETEM_HEAD:]
    return head + each(rest, lambda number, payload: None if number == NETEM_TABLE else payload)


def may_act(kind: str, options: bytes) -> bool:
    """Return whether a filter has actions."""
    wanted = {ACTIONS.get(kind), _POLICE.get(kind)}
    return any(number in wanted for number, _payload in rt.attributes(options))


def class_of(kind: str, options: bytes) -> int | None:
    """Return the class that a filter sends to, 0 for none; ``None`` when this classifier is not known."""
    place = _CLASSID.get(kind)
    if place is None:
        return 0 if kind == "cgroup" else None
    payload = dict(rt.attributes(options)).get(place)
    return rt.as_u32(payload) if payload else 0


def numbers(kind: str, options: bytes) -> frozenset[int]:
    """Return which attributes a qdisc's or class's options hold; empty for options that are a plain struct."""
    if kind in ("pfifo", "bfifo", "prio", "multiq", "sfq", "pfifo_fast", "hfsc", "plug") and len(options) in (
        2,
        4,
        20,
        72,
    ):
        return frozenset()
    return frozenset(n for n, _payload in rt.attributes(options[_NETEM_HEAD:] if kind == "netem" else options))


def irreplaceable(form: str, kind: str, options: bytes) -> str | None:
    """Return why an object could not be made again from the kernel's dump, ``None`` when it can."""
    if form == "qdisc" and kind in ("red", "gred", "choke"):
        return f"the kernel does not show the idle-damping table of {kind}"
    if kind == "cbq":
        return "the kernel does not show the rate tables of cbq"
    if form != "filter":
        return None
    if kind == "bpf" and 11 in dict(rt.attributes(options)):  # TCA_BPF_ID
        return "a loaded BPF program cannot be attached again once it is gone"
    found: list[str] = []

    def look(action: str, data: bytes) -> bytes:
        if action == "bpf" and 9 in dict(rt.attributes(data)):  # TCA_ACT_BPF_ID
            found.append(action)
        return data

    edit_filter(kind, options, look)
    return "a loaded BPF program cannot be attached again once it is gone" if found else None

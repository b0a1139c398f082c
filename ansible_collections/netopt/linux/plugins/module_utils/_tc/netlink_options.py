# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the options of qdiscs, classes and filters mean to a restore: what is volatile, what a dump leaves out. Pure.

Options stay the kernel's own bytes. ``canonical`` takes out what changes by itself (counters, timestamps, what the
kernel derives), so that equal bytes mean equal settings; ``replayable`` adds what the kernel wants to be sent but
does not dump. Interface numbers become names, since the numbers differ between namespaces.
Layouts: linux/pkt_sched.h, linux/pkt_cls.h and linux/tc_act/*.h.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .rate_tables import rate_table

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

# Attribute numbers inside TCA_OPTIONS, by classifier.
_ACTIONS = {"u32": 7, "fw": 4, "basic": 3, "bpf": 1, "flower": 3, "matchall": 2, "flow": 9, "cgroup": 1, "route": 6}
_POLICE = {"u32": 6, "fw": 2, "basic": 4, "bpf": 2, "flow": 10, "cgroup": 2, "route": 5}  # from before actions
_CLASSID = {"u32": 1, "fw": 1, "basic": 1, "bpf": 3, "flower": 1, "matchall": 1, "flow": 3, "route": 1}
_FLAGS = {"u32": 11, "bpf": 9, "flower": 22, "matchall": 3}
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
_POLICE_SIZE = 56  # struct tc_police
_MIRRED_PARMS, _MIRRED_SIZE = 2, 28

_GATE_ENTRIES = 5
_MPLS_PARMS, _MPLS_PROTOCOL, _MPLS_MODE = 2, 4, 20  # TCA_MPLS_PARMS and _PROTO, and where m_action is in struct tc_mpls
_MPLS_WITHOUT_PROTOCOL = (3, 4)  # TCA_MPLS_ACT_MODIFY, _DEC_TTL
_MQPRIO, _MQPRIO_HW = 82, 17  # struct tc_mqprio_qopt, and where its hw is

HTB_PARMS, HTB_INIT = 1, 2
_HTB_VERSION = 3  # what htb_init() asks for; the dump says 0x30011 instead
_NETEM_HEAD, NETEM_SEED = 24, 14  # struct tc_netem_qopt stands before the attributes
_SFQ_V1, _SFQ_STATS = 72, 48  # struct tc_sfq_qopt_v1, and where its counters begin
FQ_CODEL_FLOWS = 5
# Attributes that hold microseconds which the kernel rounds: target, interval, ce_threshold.
_ROUNDED_TIMES = {"fq_codel": {1, 3, 7}, "codel": {1, 3, 5}, "pie": {1}, "fq_pie": {3}}


def _each(data: bytes, edit: Callable[[int, bytes], bytes | None]) -> bytes:
    """Return the attributes with each payload edited; ``None`` leaves the attribute out."""
    parts = []
    for number, payload in rt.attributes(data, flags=True):
        edited = edit(number & rt.TYPE_MASK, payload)
        if edited is not None:
            parts.append(rt.attribute(number, edited))
    return b"".join(parts)


def _zeroed(data: bytes, start: int, end: int) -> bytes:
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

    return _each(data, one)


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


def _edit_filter(kind: str, options: bytes, edit: Callable[[str, bytes], bytes]) -> bytes:
    """Return a filter's options with the options of all its actions edited."""

    def one(number: int, payload: bytes) -> bytes | None:
        if number in _VOLATILE.get(kind, ()):
            return None
        if number == _FLAGS.get(kind):
            flags = rt.as_u32(payload) & ~_IN_HARDWARE
            return struct.pack("=I", flags) if flags else None
        if number == _ACTIONS.get(kind):
            return _edit_actions(payload, edit)
        if number == _POLICE.get(kind):
            return edit("police", payload)
        return payload

    return _each(options, one)


def canonical_action(kind: str, options: bytes, named: Callable[[int], str], devices: list[str]) -> bytes:
    """Return an action's options without counters and times; a mirred target's name is added to ``devices``."""
    if kind == "police":
        return _each(
            options,
            lambda number, payload: (
                None if number == POLICE_TIMES else _zeroed(payload, 44, 52) if number == POLICE_TBF else payload
            ),
        )
    generic = _ACT_PARMS.get(kind, {2})
    times = _ACT_TIMES.get(kind, {1})

    def one(number: int, payload: bytes) -> bytes | None:
        if number in times:
            return None
        if number not in generic:
            return payload
        payload = _zeroed(payload, 12, 20)
        if kind == "mirred" and number == _MIRRED_PARMS and len(payload) >= _MIRRED_SIZE:
            devices.append(named(struct.unpack_from("=I", payload, 24)[0]))
            payload = _zeroed(payload, 24, 28)
        return payload

    return _each(options, one)


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

        return _edit_filter(kind, options, edit), tuple(devices)
    if kind == "htb":
        return _each(options, _canonical_htb), ()
    if kind == "sfq" and len(options) >= _SFQ_V1:
        return _zeroed(options, _SFQ_STATS, _SFQ_V1), ()
    return options, ()


def _canonical_htb(number: int, payload: bytes) -> bytes:
    """Return one attribute of htb without its packet counter, and without a class's derived level."""
    if number == HTB_INIT:
        return struct.pack("=I", _HTB_VERSION) + _zeroed(payload, 16, 20)[4:]
    if number == HTB_PARMS:
        return _zeroed(payload, 36, 40)
    return payload


def _with_number(action: str, data: bytes, edit: Callable[[bytes], bytes]) -> bytes:
    """Return an action's options with what begins with its number (struct tc_gen, struct tc_police) edited."""
    places = {POLICE_TBF} if action == "police" else _ACT_PARMS.get(action, {2})
    return _each(data, lambda number, payload: edit(payload) if number in places else payload)


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

    if _may_act(kind, options):
        _edit_filter(kind, options, look)
    return found


def unnumbered(kind: str, options: bytes, others: Container[tuple[str, int]]) -> bytes:
    """Return a filter's options without the numbers that other actions have: (kind, number)."""

    def free(action: str, data: bytes) -> bytes:
        return _with_number(
            action,
            data,
            lambda payload: _zeroed(payload, 0, 4) if (action, rt.as_u32(payload[:4])) in others else payload,
        )

    return _edit_filter(kind, options, free)


def loose(form: str, kind: str, options: bytes) -> bytes:
    """Return the options without what the kernel picks itself when it is not told: action indices, random seeds."""
    if form == "filter" and _may_act(kind, options):
        return _edit_filter(
            kind,
            options,
            lambda action, data: _with_number(action, data, lambda payload: _zeroed(payload, 0, 4)),
        )
    if form == "qdisc" and kind == "netem":
        head, rest = options[:_NETEM_HEAD], options[_NETEM_HEAD:]
        return head + _each(rest, lambda number, payload: None if number == NETEM_SEED else payload)
    return options


def replayable(kind: str, options: bytes, devices: tuple[str, ...], indices: Mapping[str, int]) -> bytes:
    """Return a filter's canonical options as the kernel takes them: interface numbers and rate tables filled in.

    Raises:
        KeyError: an interface that an action points at does not exist here.
    """
    if not _may_act(kind, options):
        return options
    left = list(devices)

    def fill(action: str, data: bytes) -> bytes:
        if action == "police":
            return _with_rate_tables(data)
        if action == "mpls":
            return _mpls(data)
        if action != "mirred":
            return data

        def aim(number: int, payload: bytes) -> bytes:
            if number != _MIRRED_PARMS or len(payload) < _MIRRED_SIZE:
                return payload
            name = left.pop(0)
            return payload[:24] + struct.pack("=I", 0 if name == "*" else indices[name]) + payload[28:]

        return _each(data, aim)

    return _edit_filter(kind, options, fill)


def _mpls(options: bytes) -> bytes:
    """Return the options of the action mpls without the protocol where its mode takes none; the dump always has it."""
    parms = dict(rt.attributes(options)).get(_MPLS_PARMS, b"")
    if len(parms) <= _MPLS_MODE or rt.as_u32(parms[_MPLS_MODE:]) not in _MPLS_WITHOUT_PROTOCOL:
        return options
    return _each(options, lambda number, payload: None if number == _MPLS_PROTOCOL else payload)


def resent(kind: str, options: bytes) -> bytes:
    """Return a qdisc's options such that the kernel, given them, dumps what it dumped.

    It keeps the times of CoDel in units of 1024 ns and those of PIE in units of 64 ns, and rounds down both when it
    takes and when it tells microseconds. An sfq whose limit was never set holds more flows than that limit, which the
    same limit, once sent, would cut. An mqprio without hardware dumps attributes that it refuses.
    """
    if kind == "sfq" and len(options) >= _SFQ_V1:
        limit, flows = struct.unpack_from("=I", options, 8)[0], struct.unpack_from("=I", options, 16)[0]
        return _zeroed(options, 8, 12) if limit < flows else options
    if kind == "mqprio" and len(options) >= _MQPRIO and not options[_MQPRIO_HW]:
        return options[:_MQPRIO]
    times = _ROUNDED_TIMES.get(kind)
    if times is None:
        return options
    exact = 8 if "pie" in kind else 0

    def raised(number: int, payload: bytes) -> bytes:
        value = rt.as_u32(payload) if number in times else 0
        if number not in times or (exact and value % exact == 0):
            return payload
        return struct.pack("=I", value + 1)

    return _each(options, raised)


def _with_rate_tables(options: bytes) -> bytes:
    """Return a police action's options with the tables that go with its rates (linux/pkt_sched.h, TC_RTAB_SIZE)."""
    parts = []
    for number, payload in rt.attributes(options, flags=True):
        if number & rt.TYPE_MASK in (POLICE_RATE, POLICE_PEAKRATE):
            continue
        told = payload
        if number & rt.TYPE_MASK == POLICE_TBF and len(payload) >= _POLICE_SIZE:
            mtu = struct.unpack_from("=I", payload, 16)[0]
            for offset, table_number in ((20, POLICE_RATE), (32, POLICE_PEAKRATE)):
                if struct.unpack_from("=I", payload, offset + 8)[0]:
                    spec, table = rate_table(payload[offset : offset + 12], mtu)
                    told = told[:offset] + spec + told[offset + 12 :]
                    parts.append(rt.attribute(table_number, table))
        parts.append(rt.attribute(number, told))
    return b"".join(parts)


def _may_act(kind: str, options: bytes) -> bool:
    """Return whether a filter has actions."""
    wanted = {_ACTIONS.get(kind), _POLICE.get(kind)}
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

    _edit_filter(kind, options, look)
    return "a loaded BPF program cannot be attached again once it is gone" if found else None

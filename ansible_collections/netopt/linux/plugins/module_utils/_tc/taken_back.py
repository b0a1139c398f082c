# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns options as the kernel dumps them into options that it takes back, and dumps alike then. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .netlink_options import (
    MIRRED_PARMS,
    MIRRED_SIZE,
    POLICE_PEAKRATE,
    POLICE_RATE,
    POLICE_TBF,
    SFQ_V1,
    each,
    edit_filter,
    may_act,
    zeroed,
)
from .rate_tables import rate_table

if TYPE_CHECKING:
    from collections.abc import Mapping

_POLICE_SIZE = 56  # struct tc_police
_MPLS_PARMS, _MPLS_PROTOCOL, _MPLS_MODE = 2, 4, 20  # TCA_MPLS_PARMS and _PROTO, and where m_action is in struct tc_mpls
_MPLS_WITHOUT_PROTOCOL = (3, 4)  # TCA_MPLS_ACT_MODIFY, _DEC_TTL
# Where options of tunnels are, in the action tunnel_key and in flower with its mask, and within them those of geneve
_TUNNEL_OPTIONS = {"tunnel_key": {11}, "flower": {84, 85}}
_GENEVE, _GENEVE_CLASS = 1, 1
# TCA_TAPRIO_ATTR_SCHED_ENTRY_LIST and _ADMIN_SCHED: the schedule that is followed, and the one that is to follow
_TAPRIO_ENTRIES, TAPRIO_NEXT = 2, 7
_MQPRIO, _MQPRIO_HW = 82, 17  # struct tc_mqprio_qopt, and where its hw is
# Attributes that hold microseconds which the kernel rounds: target, interval, ce_threshold.
_ROUNDED_TIMES = {"fq_codel": {1, 3, 7}, "codel": {1, 3, 5}, "pie": {1}, "fq_pie": {3}}


def replayable(kind: str, options: bytes, devices: tuple[str, ...], indices: Mapping[str, int]) -> bytes:
    """Return a filter's canonical options as the kernel takes them: interface numbers and rate tables filled in.

    Raises:
        KeyError: an interface that an action points at does not exist here.
    """
    options = _tunnel_options(kind, options)
    if not may_act(kind, options):
        return options
    left = list(devices)

    def fill(action: str, data: bytes) -> bytes:
        if action == "police":
            return _with_rate_tables(data)
        if action == "mpls":
            return _mpls(data)
        if action != "mirred":
            return _tunnel_options(action, data)

        def aim(number: int, payload: bytes) -> bytes:
            if number != MIRRED_PARMS or len(payload) < MIRRED_SIZE:
                return payload
            name = left.pop(0)
            return payload[:24] + struct.pack("=I", 0 if name == "*" else indices[name]) + payload[28:]

        return each(data, aim)

    return edit_filter(kind, options, fill)


def resent(kind: str, options: bytes) -> bytes:
    """Return a qdisc's options such that the kernel, given them, dumps what it dumped.

    It keeps the times of CoDel in units of 1024 ns and those of PIE in units of 64 ns, and rounds down both when it
    takes and when it tells microseconds. An sfq whose limit was never set holds more flows than that limit, which the
    same limit, once sent, would cut. An mqprio without hardware dumps attributes that it refuses. A taprio whose first
    schedule has not begun yet dumps it as the one to follow.
    """
    if kind == "taprio":
        return _begun(options)
    if kind == "sfq" and len(options) >= SFQ_V1:
        limit, flows = struct.unpack_from("=I", options, 8)[0], struct.unpack_from("=I", options, 16)[0]
        return zeroed(options, 8, 12) if limit < flows else options
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

    return each(options, raised)


def _begun(options: bytes) -> bytes:
    """Return a taprio's options with the schedule that is to follow as its schedule, where it has no other."""
    told = rt.attributes(options, flags=True)
    if _TAPRIO_ENTRIES in {number & rt.TYPE_MASK for number, _payload in told}:
        return options
    return b"".join(
        payload if number & rt.TYPE_MASK == TAPRIO_NEXT else rt.attribute(number, payload) for number, payload in told
    )


def _tunnel_options(kind: str, options: bytes) -> bytes:
    """Return the options of an action or a filter with each option of geneve in an attribute of its own.

    The kernel dumps all of them in one, and keeps the last of those that it is sent in one.
    """
    places = _TUNNEL_OPTIONS.get(kind)
    return (
        each(options, lambda number, payload: _apart(payload) if number in places else payload) if places else options
    )


def _apart(options: bytes) -> bytes:
    """Return the options of a tunnel with those of geneve taken apart: each begins with its class."""
    found: list[tuple[int, bytes]] = []
    for number, payload in rt.attributes(options, flags=True):
        if number & rt.TYPE_MASK != _GENEVE:
            found.append((number, payload))
            continue
        for part, told in rt.attributes(payload, flags=True):
            if part & rt.TYPE_MASK == _GENEVE_CLASS:
                found.append((number, b""))
            found[-1] = (number, found[-1][1] + rt.attribute(part, told))
    return b"".join(rt.attribute(number, payload) for number, payload in found)


def _mpls(options: bytes) -> bytes:
    """Return the options of the action mpls without the protocol where its mode takes none; the dump always has it."""
    parms = dict(rt.attributes(options)).get(_MPLS_PARMS, b"")
    if len(parms) <= _MPLS_MODE or rt.as_u32(parms[_MPLS_MODE:]) not in _MPLS_WITHOUT_PROTOCOL:
        return options
    return each(options, lambda number, payload: None if number == _MPLS_PROTOCOL else payload)


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

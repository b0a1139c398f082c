# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables that the kernel wants with a rate or a size, and does not dump. Pure.

They follow from the numbers that it does dump: time per packet size (struct tc_ratespec, TC_RTAB_SIZE) and size on
the wire per packet size (struct tc_sizespec). ATM carries 48 bytes of payload in a cell of 53.
"""

from __future__ import annotations

import struct

from .._netlink import messages as rt

RATESPEC = struct.Struct("=BBHhHI")  # cell_log, linklayer, overhead, cell_align, mpu, rate
SIZESPEC = struct.Struct("=BBhiIIII")  # cell_log, size_log, cell_align, overhead, linklayer, mpu, mtu, tsize
ENTRIES = 256
DEFAULT_MTU = 2047
ATM = 2
CELL_PAYLOAD, CELL = 48, 53
TICK_NS = 64  # PSCHED_SHIFT is 6
STAB_BASE, STAB_DATA = 1, 2


def _on_the_wire(size: int, *, mpu: int, linklayer: int) -> int:
    """Return how many bytes a packet of ``size`` bytes takes."""
    size = max(size, mpu)
    return -(-size // CELL_PAYLOAD) * CELL if linklayer == ATM else size


def rate_table(spec: bytes, mtu: int) -> tuple[bytes, bytes]:
    """Return (the ratespec with its cell_log, the table of ticks for 256 packet sizes).

    Args:
        spec: struct tc_ratespec as dumped, rate in bytes/s.
        mtu: largest packet size in bytes, 0 for the usual one.
    """
    _cell_log, linklayer, overhead, _align, mpu, rate = RATESPEC.unpack(spec)
    mtu = mtu or DEFAULT_MTU
    cell_log = max(1, (mtu // ENTRIES).bit_length())
    ticks = [
        min(0xFFFFFFFF, _on_the_wire((place + 1) << cell_log, mpu=mpu, linklayer=linklayer) * 10**9 // rate // TICK_NS)
        for place in range(ENTRIES)
    ]
    return RATESPEC.pack(cell_log, linklayer, overhead, -1, mpu, rate), struct.pack(f"={ENTRIES}I", *ticks)


def size_table(stab: bytes) -> bytes:
    """Return the payload of TCA_STAB with the table of sizes that goes with the base that was dumped."""
    base = dict(rt.attributes(stab)).get(STAB_BASE)
    if base is None or len(base) < SIZESPEC.size:
        return stab
    cell_log, size_log, _align, _overhead, linklayer, mpu, _mtu, entries = SIZESPEC.unpack_from(base)
    if not entries:
        return rt.attribute(STAB_BASE, base)
    sizes = [
        min(0xFFFF, _on_the_wire((place + 1) << cell_log, mpu=mpu, linklayer=linklayer) >> size_log)
        for place in range(entries)
    ]
    return rt.attribute(STAB_BASE, base) + rt.attribute(STAB_DATA, struct.pack(f"={entries}H", *sizes))

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rate that the options of a shaper say, as the kernel dumps them. Pure.

Part of the adjuster, which stands alone on a host, see ``_adapt/archive.py``.
"""

from __future__ import annotations

import struct
from typing import Iterator, Tuple

CAKE_RATE = 2  # TCA_CAKE_BASE_RATE64
_HTB_PARMS, _HTB_RATE64, _HTB_CEIL64 = 1, 6, 7  # TCA_HTB_*
_RATE_AT, _CEIL_AT = 8, 20  # in struct tc_htb_opt


def kbit_of(kind: str, options: bytes) -> int:
    """Return the rate that options of a shaper say, kbit/s; 0 where there is no such one rate."""
    told = dict(attributes(options))
    if kind == "cake":
        return int(struct.unpack("=Q", told[CAKE_RATE])[0]) // 125 if CAKE_RATE in told else 0
    if kind != "htb" or _HTB_PARMS not in told:
        return 0
    rate, ceil = (struct.unpack_from("=I", told[_HTB_PARMS], at)[0] for at in (_RATE_AT, _CEIL_AT))
    wide = ((_HTB_RATE64, rate), (_HTB_CEIL64, ceil))  # from 34 Gbit/s on
    rate, ceil = (struct.unpack("=Q", told[number])[0] if number in told else narrow for number, narrow in wide)
    return int(rate) // 125 if rate == ceil else 0


def attributes(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """Yield (number, payload) of each attribute in some bytes."""
    offset = 0
    while offset + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, offset)
        if length < 4:
            return
        yield number & 0x3FFF, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3

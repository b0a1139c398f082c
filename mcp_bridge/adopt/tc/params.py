# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parameters of qdiscs as plans have them, from the kernel's own options. Pure.

Layouts: linux/pkt_sched.h. What is as the kernel has it by itself is left out; what no plan has is told in words.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import R2Q, SIZESPEC, STAB_BASE, TICK_NS, as_u32, attributes

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_bridge.collection.kernel_state import TcObject

    Table = dict[int, tuple[str, int | None, Callable[[int], Any]]]

U32 = 2**32 - 1
MTU, FRAME = 1500, 14
ETHERNET, ATM = 1, 2
RATESPEC = struct.Struct("=BBHhH")  # cell_log, linklayer, overhead, cell_align, mpu: ahead of the rate
STAB_MTU, STAB_SIZE = 2047, 512  # tc's own, which the plan has as well


@dataclass
class Said:
    """What a plan says of a qdisc.

    Attributes:
        params: its parameters.
        unsaid: what no plan has, in tc's words.
    """

    params: dict[str, Any] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)


def params_of(one: TcObject, *, txqueuelen: int) -> Said | None:
    """Return the parameters of a qdisc, ``None`` of one that no plan has.

    Args:
        one: the qdisc.
        txqueuelen: of its interface; the kernel bases some defaults on it.
    """
    read = _READ.get(one.kind)
    return None if read is None else read(one.options or b"", txqueuelen)


def whole(value: float) -> float:
    """Return 100 for 100.0, and no more digits than the kernel keeps."""
    value = round(value, 6)
    return int(value) if value == int(value) else value


def mbit(bytes_per_second: int) -> float:
    """Return a rate in Mbit/s."""
    return whole(bytes_per_second * 8 / 1e6)


def size_at(ticks: int, rate: int) -> int:
    """Return the bytes that a rate sends in so many of the kernel's ticks."""
    return -(-ticks * TICK_NS * rate // 10**9)


def _numbers(options: bytes) -> dict[int, int]:
    """Return the attributes that are numbers."""
    found = {}
    for number, payload in attributes(options):
        if len(payload) in (1, 2, 4, 8):
            found[number] = int.from_bytes(payload, "little" if struct.pack("=H", 1)[0] else "big")
    return found


def _by_table(table: Table) -> Callable[[bytes, int], Said]:
    """Return what reads attributes by their number: the plan's name, the default, and what makes the value."""

    def read(options: bytes, _txqueuelen: int) -> Said:
        said = Said()
        for number, value in _numbers(options).items():
            name, usual, make = table.get(number, ("", value, int))
            if value == usual:
                continue
            made = make(value)
            if isinstance(made, str) and made.startswith("?"):
                said.unsaid.append(made[1:])
            else:
                said.params[name] = made
        return said

    return read


def _unsaid(word: str) -> Callable[[int], str]:
    return lambda value: f"?{word} {value}"


def codel_us(value: int) -> int:
    """Return the time that somebody has set, of which codel keeps units of 1024 ns: 5000 for 4999 microseconds."""

    def kept(microseconds: int) -> int:
        return ((microseconds * 1000 >> 10) << 10) // 1000

    return max((each for each in (value, value + 1) if kept(each) == value), key=_zeros, default=value)


def _zeros(value: int) -> int:
    return len(str(value)) - len(str(value).rstrip("0"))


def _fq_codel(options: bytes, _txqueuelen: int) -> Said:
    table: Table = {
        1: ("target_us", 4999, codel_us),
        2: ("limit", 10240, int),
        3: ("interval_us", 99999, codel_us),
        4: ("ecn", 1, bool),
        5: ("flows", 1024, int),
        6: ("quantum", MTU + FRAME, int),
        7: ("ce_threshold_us", None, codel_us),
        8: ("drop_batch", 64, int),
        9: ("memory_limit_bytes", 32 << 20, int),
        11: ("", 0, _unsaid("ce_threshold_mask")),
    }
    return _by_table(table)(options, 0)


_fq = _by_table(
    {
        1: ("limit", 10000, int),
        2: ("flow_limit", 100, int),
        3: ("quantum", 2 * (MTU + FRAME), int),
        4: ("initial_quantum", 10 * (MTU + FRAME), int),
        5: ("pacing", 1, bool),
        7: ("maxrate_mbit", U32, mbit),
        8: ("buckets", 10, lambda value: 1 << value),
        9: ("refill_delay_us", 40000, int),
        10: ("", 1023, _unsaid("orphan_mask")),
        11: ("low_rate_threshold_kbit", 68750, lambda value: value * 8 // 1000),
        12: ("ce_threshold_us", U32, int),
        13: ("timer_slack_ns", 10000, int),
        14: ("horizon_ms", 10_000_000, lambda value: value // 1000),
        15: ("horizon_drop", 1, bool),
    }
)

_DIFFSERV = ("diffserv3", "diffserv4", "diffserv8", "besteffort", "precedence")
_FLOWS = ("flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate")
_FRAMES = ("noatm", "atm", "ptm")
_ACKS = ("no", "yes", "aggressive")
_CAKE_LINK = ("overhead", "mpu", "atm")
_CAKE_RAW = 12


def _of(words: tuple[str, ...]) -> Callable[[int], str]:
    return lambda value: words[value] if value < len(words) else f"?{value}"


def _signed(value: int) -> int:
    return value - 2**32 if value >= 2**31 else value


def _cake(options: bytes, _txqueuelen: int) -> Said:
    said = _by_table(
        {
            2: ("bandwidth_mbit", 0, mbit),
            3: ("diffserv", 0, _of(_DIFFSERV)),
            4: ("atm", None, _of(_FRAMES)),
            5: ("isolation", 7, _of(_FLOWS)),
            6: ("overhead", None, _signed),
            7: ("rtt_ms", 100_000, lambda value: whole(value / 1000)),
            9: ("", 0, _unsaid("autorate-ingress")),
            10: ("memlimit_bytes", 0, int),
            11: ("nat", 0, bool),
            13: ("wash", 0, bool),
            14: ("mpu", None, int),
            15: ("ingress", 0, bool),
            16: ("ack_filter", 0, _of(_ACKS)),
            17: ("split_gso", 1, bool),
            18: ("", 0, _unsaid("fwmark")),
        }
    )(options, 0)
    raw = _CAKE_RAW in dict(attributes(options))
    for name in _CAKE_LINK:
        if raw or said.params.get(name) in (0, "noatm"):
            said.params.pop(name, None)
    if not raw and "overhead" not in said.params:
        said.params["overhead"] = 0
    return said


_SFQ = struct.Struct("=IiIIIII")  # struct tc_sfq_qopt, and depth and headdrop of v1
_SFQ_RED = struct.Struct("=II")  # limit and qth_min behind them


def _sfq(options: bytes, _txqueuelen: int) -> Said:
    said = Said()
    if len(options) < _SFQ.size:
        return said
    names = ("quantum", "perturb_s", "limit", "divisor", "flows", "depth", "headdrop")
    usual = (MTU + FRAME, 0, 127, 1024, 128, 127, 0)
    for name, value, default in zip(names, _SFQ.unpack_from(options), usual, strict=True):
        if value != default:
            said.params[name] = bool(value) if name == "headdrop" else value
    if len(options) >= _SFQ.size + _SFQ_RED.size and _SFQ_RED.unpack_from(options, _SFQ.size)[1]:
        said.unsaid.append("redflowlimit, min and max")
    return said


_TBF = struct.Struct("=8xI8xIIII")  # the rates stand at the end of each struct tc_ratespec
_TBF_PARMS, _TBF_RATE64, _TBF_PEAK64 = 1, 4, 5


def _tbf(options: bytes, _txqueuelen: int) -> Said:
    told = dict(attributes(options))
    rate, peak, limit, burst, mtu = _TBF.unpack_from(told[_TBF_PARMS])
    numbers = _numbers(options)
    rate, peak = numbers.get(_TBF_RATE64, rate), numbers.get(_TBF_PEAK64, peak)
    said = Said({"rate_mbit": mbit(rate), "burst_bytes": size_at(burst, rate), "limit_bytes": limit})
    _log, layer, overhead, _align, mpu = RATESPEC.unpack_from(told[_TBF_PARMS])
    if layer > 1 or overhead or mpu:
        said.unsaid.append(f"linklayer {layer}, overhead {overhead} and mpu {mpu}")
    if peak:
        said.params |= {"peakrate_mbit": mbit(peak), "mtu_bytes": size_at(mtu, peak)}
    return said


def _pfifo(options: bytes, txqueuelen: int) -> Said:
    limit = as_u32(options) if len(options) >= struct.calcsize("=I") else txqueuelen
    return Said({} if limit == max(1, txqueuelen) else {"limit": limit})


def _bfifo(options: bytes, txqueuelen: int) -> Said:
    limit = as_u32(options) if len(options) >= struct.calcsize("=I") else 0
    return Said({} if limit in (0, txqueuelen * (MTU + FRAME)) else {"limit_bytes": limit})


_HTB_GLOB, _HTB_QLEN, _HTB_OFFLOAD = 2, 5, 9
_HTB = struct.Struct("=4xII8x")  # version, rate2quantum, defcls, debug, direct_pkts


def _htb(options: bytes, txqueuelen: int) -> Said:
    told = dict(attributes(options))
    r2q, default = _HTB.unpack_from(told[_HTB_GLOB])
    said = Said({"default": f"1:{default:x}"} if default else {})
    if r2q != R2Q:
        said.params["r2q"] = r2q
    length = _numbers(options).get(_HTB_QLEN, txqueuelen)
    if length != max(2, txqueuelen):
        said.params["direct_qlen"] = length
    if _HTB_OFFLOAD in told:
        said.unsaid.append("offload")
    return said


def _nothing(_options: bytes, _txqueuelen: int) -> Said:
    return Said()


_READ: dict[str, Callable[[bytes, int], Said]] = {
    "fq": _fq,
    "fq_codel": _fq_codel,
    "cake": _cake,
    "sfq": _sfq,
    "tbf": _tbf,
    "pfifo": _pfifo,
    "bfifo": _bfifo,
    "pfifo_fast": _nothing,
    "htb": _htb,
}


def link_of(one: TcObject) -> Said:
    """Return what a link adds to each packet, as ``shaper`` has it, from a qdisc's table of sizes."""
    base = dict(attributes(one.stab or b"")).get(STAB_BASE)
    if base is None:
        return Said()
    _cell, _log, _align, overhead, layer, mpu, mtu, size = SIZESPEC.unpack_from(base)
    said = Said({"overhead_bytes": overhead})
    if mpu:
        said.params["mpu"] = mpu
    if layer in (ETHERNET, ATM):
        said.params["linklayer"] = {ETHERNET: "ethernet", ATM: "atm"}[layer]
    if size and (mtu, size) != (STAB_MTU, STAB_SIZE):
        said.unsaid.append(f"stab mtu {mtu} tsize {size}")
    return said

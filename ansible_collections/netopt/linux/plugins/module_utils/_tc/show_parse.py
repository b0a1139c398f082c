# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what ``tc -d`` prints, object by object, and words an object as a command. Pure."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .._common.patterns import pattern
from .._netlink import messages as rt
from .netlink_options import HTB_PARMS
from .objects import HOOK_NAMES, INGRESS, PLACED_FORMS, ROOT, TcObject, handle_text
from .rate_tables import TICK_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

HTB_RATE64, HTB_CEIL64 = 6, 7
HTB_OPT = struct.Struct("=8xI8xIIIIII")  # the rates stand at the end of struct tc_ratespec
_START = pattern(r"^(?:qdisc|class|filter) ")
_VOLATILE = pattern(
    r" (?:refcnt \d+|direct_packets_stat \d+|not_in_hw|in_hw(?: in_hw_count \d+)?"
    r"|\(rule hit \d+ success \d+\)|dev \S+(?= (?:parent|root|ingress)))(?= |$)"
)
# What tc prints of an object and does not take.
_TOLD = pattern(
    r" (?:ver \S+|level \d+|linklayer ethernet|mpu 0b?|overhead 0b?|index \d+ ref \d+ bind \d+"
    r"|terminal|order \d+:|\[[^\]]*\])(?= |$)|(?<=b)/\d+"
)


def pieces(output: str) -> list[str]:
    """Return the text of each qdisc, class or filter in what tc printed, as one line each."""
    found: list[list[str]] = []
    for line in output.splitlines():
        if _START.match(line):
            found.append([line])
        elif found and line.strip():
            found[-1].append(line.strip())
    return [" ".join(" ".join(lines).split()) for lines in found]


def tidy(text: str) -> str:
    """Return a piece without counters and other things that change by themselves."""
    return _VOLATILE.sub("", text).strip()


def shown(one: TcObject | None) -> str | None:
    """Return an object in words, ``None`` for none."""
    if one is None:
        return None
    if not one.text and one.form == "class" and one.kind == "htb" and one.options:
        return f"class htb {handle_text(one.handle)} {_where(one.parent)} {_rates(one.options)}"
    if one.form == "chain":
        return one.name + (f" with a template of {one.kind}" if one.kind else "")
    return one.text or f"{one.kind} {handle_text(one.handle)} parent {handle_text(one.parent)}"


def command_of(iface: str, verb: str, one: TcObject) -> str:
    """Return the tc command that an operator would type for a step on an object."""
    word = "del" if verb == "delete" else verb
    head = f"tc {one.form} {word} dev {iface}"
    if one.form in PLACED_FORMS:
        head += " " + (HOOK_NAMES.get(one.parent) or "parent " + handle_text(one.parent))
    if one.form == "chain":
        return f"{head} chain {one.chain}" + (
            f" {one.kind} with the template's match" if one.kind and word != "del" else ""
        )
    if one.form == "filter":
        head += f" protocol {one.protocol} pref {one.info >> 16}"
        head += f" chain {one.chain}" if one.chain else ""
        head += f" handle {one.handle_words} {one.kind}" if one.handle else ""
    elif one.form == "class":
        above = one.handle & 0xFFFF0000 if one.parent == ROOT else one.parent
        head += "" if verb == "delete" else f" parent {handle_text(above)}"
        head += f" classid {handle_text(one.handle)}"
    elif one.parent == INGRESS:
        head += f" {one.kind}"
    else:
        head += " root" if one.parent == ROOT else f" parent {handle_text(one.parent)}"
        head += f" handle {handle_text(one.handle)}" if one.handle else ""
    if verb == "delete" or one.parent == INGRESS:
        return head
    if one.form != "filter":
        head += f" {one.kind}"
    return f"{head} {_parameters(one)}".rstrip()


# What tc prints in other words than it takes: of a filter, and of a qdisc or class.
_REWORDED_FILTER = (
    (pattern(r"^filter.*? fh \S+(?: order \d+)?(?: key ht \S+ bkt \S+)?"), ""),
    (
        pattern(r"mirred \(Egress (\w+) to device ([^)]+)\) \w+"),
        lambda found: _mirred(found.group(1), found.group(2)),
    ),
    (pattern(r"(?<= )match ([0-9a-f]{8})/([0-9a-f]{8}) at"), r"match u32 0x\1 0x\2 at"),
    (pattern(r" \*?flowid (\S+:\S*)"), r" flowid \1"),
    (pattern(r" flowid(?! \S+:)"), ""),
)
_REWORDED = (
    (pattern(r"^qdisc \S+ \S+ (?:root|parent \S+)|^class \S+ \S+ (?:root|parent \S+)(?: leaf \S+)?"), ""),
    (pattern(r" lat (?=\d)"), " latency "),
    (pattern(r" limit (\d+)p(?= |$)"), r" limit \1"),
    (pattern(r" bands 3 priomap(?: \d+)+"), ""),
)


def _mirred(how: str, device: str) -> str:
    """Return a mirred action as tc takes it."""
    return f"mirred egress {how.lower()} dev {device}"


def _where(parent: int) -> str:
    """Return where an object hangs from, in tc's words."""
    return "root" if parent == ROOT else "parent " + handle_text(parent)


def _rates(options: bytes) -> str:
    """Return what an htb class is set to, in tc's words (linux/pkt_sched.h, struct tc_htb_opt)."""
    told = dict(rt.attributes(options))
    if HTB_PARMS not in told or len(told[HTB_PARMS]) < HTB_OPT.size:
        return ""
    rate, ceil, buffer, cbuffer, quantum, _level, prio = HTB_OPT.unpack_from(told[HTB_PARMS])
    if HTB_RATE64 in told:
        rate = struct.unpack_from("=Q", told[HTB_RATE64])[0]
    if HTB_CEIL64 in told:
        ceil = struct.unpack_from("=Q", told[HTB_CEIL64])[0]
    bursts = [-(-ticks * TICK_NS * speed // 10**9) for ticks, speed in ((buffer, rate), (cbuffer, ceil))]
    return f"prio {prio} quantum {quantum} rate {8 * rate}bit ceil {8 * ceil}bit burst {bursts[0]}b cburst {bursts[1]}b"


def _parameters(one: TcObject) -> str:
    """Return an object's parameters as tc takes them, as near as its text comes to that."""
    text = one.text or (_rates(one.options) if one.form == "class" and one.kind == "htb" and one.options else "")
    for old, words in _REWORDED_FILTER if one.form == "filter" else _REWORDED:
        text = old.sub(words, text)
    return " ".join(_TOLD.sub("", text).split())


def with_text(found: Sequence[TcObject], texts: Sequence[str]) -> list[TcObject]:
    """Return the objects with their pieces of text, matched by order; without, when the numbers differ."""
    if len(found) != len(texts):
        return list(found)
    return [TcObject(**{**vars(one), "text": tidy(text)}) for one, text in zip(found, texts)]

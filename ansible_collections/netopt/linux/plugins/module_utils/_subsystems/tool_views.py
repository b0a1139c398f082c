# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares what the tools print of a host before a change and after its rollback. Pure.

A view is ``{command: [line, ...]}``, a line for each object. It is kept as the tools print it; what moves by itself is
taken out when two views are compared, so that views of another release can be compared as well.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from .._common.errors import NetoptError
from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    View = Mapping[str, list[str]]

SHOWN = 10  # lines of each side in an error
SHOWN_CHARS = 200  # of each line
ORDERED = ("nft ",)

# Queues of flows are listed as classes while packets wait; a chain without a number is made by its filters.
_BY_THEMSELVES = {
    "tc": pattern(r"class (?:fq_codel|fq_pie|cake|sfq|hhf) .*|chain .*\bchain 0"),
}
_GONE = pattern(r"(?P<group>filter .*?\bchain \d+ ).*\bto device \*\)")
_MOVING = {
    "tc": pattern(
        # counted, drawn by lot, numbered by the kernel, or set by whoever reads the counters
        r" (?:refcnt \d+|direct_packets_stat \d+|not_in_hw|in_hw(?: in_hw_count \d+)?|used_hw_stats \w+"
        r"|\(rule hit \d+ success \d+\)|index \d+ ref \d+ bind \d+|(?:seed|perturbation) \d+"
        r"|(?:installed|used|expires) \d+ sec|(?:firstused|used) \d+ sec|id \d+(?= tag)|jited)(?= |$)"
    ),
    "nft": pattern(r" (?:expires \w+|last used \w+|packets \d+ bytes \d+|used \d+ \w+)(?= |$)"),
}


def differences(before: View, after: View) -> list[NetoptError]:
    """Return an error for each command of both views that prints other lines after the rollback, with those lines."""
    found = []
    for command in before:
        if command not in after:  # what it asks for has gone: if that is wrong, another command misses it
            continue
        was, now = (_still(command, lines) for lines in _without_gone(before[command], after[command]))
        gone, new = list((Counter(was) - Counter(now)).elements()), list((Counter(now) - Counter(was)).elements())
        if command.startswith(ORDERED) and not gone and not new:
            gone = [line for line, other in zip(was, now) if line != other]
            new = [other for line, other in zip(was, now) if line != other]
        if gone or new:
            found.append(_error(command, gone, new))
    return found


def _without_gone(was: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines of both without groups of filters that point at a device that is gone: no kernel takes these."""
    groups = tuple({found["group"] for found in map(_GONE.match, [*was, *now]) if found})
    if not groups:
        return was, now
    was, now = ([line for line in lines if not f"{line} ".startswith(groups)] for lines in (was, now))
    return was, now


def _still(command: str, lines: Iterable[str]) -> list[str]:
    """Return the lines of a command without what moves by itself."""
    tool = command.split(maxsplit=1)[0]
    passing, moving = _BY_THEMSELVES.get(tool), _MOVING.get(tool)
    plain = (" ".join(line.split()) for line in lines if not (passing and passing.fullmatch(line)))
    return [moving.sub("", line) if moving else line for line in plain]


def _error(command: str, gone: list[str], new: list[str]) -> NetoptError:
    first = f"without {_short(gone[0])}" if gone else f"with {_short(new[0])}"
    return NetoptError(
        f"After the rollback `{command}` prints other than before the change: {first}",
        stage="verify",
        key=command,
        wanted=_shown(gone),
        after=_shown(new),
        hint="All that netopt itself reads is as before the change; what the tool prints is not. Look at the lines "
        "that differ, and set by hand what is missing. If nobody has changed it since, this is a defect of netopt.",
    )


def _shown(lines: list[str]) -> str | None:
    more = [f"and {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
    return "\n".join([*map(_short, lines[:SHOWN]), *more]) or None


def _short(line: str) -> str:
    return line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]}..."

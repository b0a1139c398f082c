# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bands as classes of htb: these borrow what their parent has, by their priority. Pure.

A class sends what its own rate allows before any other borrows, so the rate of a band is the least that a plan has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import SMALLEST_MBIT, SPARED_CLASS, usual_quantum

from .classes import minor, name_of
from .matches import UnsaidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .bands import Spread
    from .led import Led

LEVELS = 8  # of priority, TC_HTB_NUMPRIO


def check_levels(found: Spread, above: Mapping[str, Any]) -> None:
    """See to it that the bands of a class have priorities.

    Raises:
        UnsaidError: there are too many of them.
    """
    first = above.get("priority", 0)
    if first + found.queues[-1].level < LEVELS:
        return
    if first:
        raise UnsaidError(f"bands that need more than {LEVELS} priorities, from the {first} of their class on")
    raise UnsaidError(f"more than {LEVELS} bands that packets get to, one before the other")


def difference(found: Spread, above: Mapping[str, Any]) -> str:
    """Return in words what is otherwise than with the bands of a class."""
    words = (
        f"In a plan its bands are classes of htb, each with {SMALLEST_MBIT} Mbit/s of its own whatever the others send"
    )
    if "ceil_mbit" in above:
        words += "; each borrows by its own priority"
        if any(each.quantum for each in found.queues):
            words += ", in turns of its own quantum"
    return f"{words}."


def as_classes(
    found: Spread, above: dict[str, Any], others: Iterable[Mapping[str, Any]], root: int, r2q: float
) -> tuple[dict[int, dict[str, Any]], list[Led]]:
    """Return the classes of bands by the places of their queues, and which packets each has.

    Args:
        found: the bands.
        above: the class that they are below; its priority becomes theirs, and its quantum where it borrows.
        others: all classes that there are.
        root: the handle of their qdisc.
        r2q: of their qdisc.
    """
    first = above.pop("priority", 0)
    turn = above.pop("quantum", usual_quantum(above["rate_mbit"], r2q))
    own = minor(above["classid"])
    taken = {minor(each["classid"]) for each in others}
    free = (number for number in (*range(own + 1, minor(SPARED_CLASS)), *range(1, own)) if number not in taken)
    classes: dict[int, dict[str, Any]] = {}
    for queue in found.queues:
        band = classes[queue.place] = {
            "classid": name_of(next(free)),
            "parent": above["classid"],
            "rate_mbit": SMALLEST_MBIT,
            "ceil_mbit": above.get("ceil_mbit", above["rate_mbit"]),
        }
        if first + queue.level:
            band["priority"] = first + queue.level
        if "cburst" in above:
            band["cburst"] = above["cburst"]
        if queue.quantum:
            band["quantum"] = queue.quantum
        elif "ceil_mbit" in above and turn != usual_quantum(SMALLEST_MBIT, r2q):
            band["quantum"] = turn
    entries = [replace(each, target=root | minor(classes[each.target]["classid"])) for each in found.entries]
    return classes, entries

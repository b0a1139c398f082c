# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rehearses many classes by making each distinct one once: the others differ from it in their place alone.

The kernel walks all classes of a qdisc for each class that is added (net/sched/sch_api.c, tc_bind_tclass()), so ten
thousand classes take seconds, and seconds more if a rehearsal made them all. What a class is set to depends on its own
words and on the device, not on its place; so the distinct ones are made on a device of their own, spread over several
htb qdiscs, and what the kernel made of each stands for all that are worded alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, List, Tuple

from .command import Command
from .creation_order import listing, qdisc_listing
from .objects import BULK, ROOT, TcObject, placed_copy, rows
from .observe import all_qdiscs, classes_of, links

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._netlink.route_socket import RouteSocket

Words = Tuple[str, ...]
WORKSHOP = "shapes.netopt"
GROUP = 200  # classes of one qdisc, so that walking them costs nothing
FIRST_GROUP, FIRST_LEAF = 0x10, 0x4000  # handles of the qdiscs that hold classes, and of leaf qdiscs
PLAIN_CLASS = ("htb", "rate", "1gbit", "quantum", "1514")


def split(todo: Sequence[Command], iface: str) -> tuple[list[Command], list[Command]]:
    """Return (what makes the classes of an interface and the qdiscs below them, all other commands).

    The first is empty for a small tree, which is rehearsed as it is.
    """
    starts = [("tc", "class", "add", "dev", iface), ("tc", "qdisc", "add", "dev", iface)]
    heavy: list[Command] = []
    light: list[Command] = []
    for one in todo:
        (heavy if one.words[:5] in starts and one.words[5] == "parent" else light).append(one)
    return (heavy, light) if len(heavy) > BULK else ([], list(todo))


def shapes_of(heavy: Sequence[Command]) -> dict[str, list[Command]]:
    """Return the first command of each distinct wording, by form."""
    found: dict[str, dict[Words, Command]] = {"class": {}, "qdisc": {}}
    for one in heavy:
        found[one.words[1]].setdefault(one.words[9:], one)
    return {form: list(each.values()) for form, each in found.items()}


def workshop_commands(shapes: dict[str, List[Command]], root: Words) -> list[Command]:
    """Return the commands that make each shape once on the workshop's device.

    Args:
        shapes: what ``shapes_of`` gives.
        root: the words of the htb that the classes are meant for.
    """
    made: list[Command] = []

    def add(one: Command | None, *words: str) -> None:
        key = "the rehearsal's own" if one is None else one.key
        made.append(Command(("tc", words[0], "add", "dev", WORKSHOP, *words[1:]), key))

    add(None, "qdisc", "root", "handle", "1:", "htb")
    count = len(shapes["class"]) + len(shapes["qdisc"])
    for group in range(-(-count // GROUP)):
        add(None, "class", "parent", "1:", "classid", f"1:{FIRST_GROUP + group:x}", *PLAIN_CLASS)
        add(None, "qdisc", "parent", f"1:{FIRST_GROUP + group:x}", "handle", f"{FIRST_GROUP + group:x}:", *root)
    for number, one in enumerate(shapes["class"]):
        classid = handle_of(number)
        add(one, "class", "parent", classid.partition(":")[0] + ":", "classid", classid, *one.words[9:])
    for number, one in enumerate(shapes["qdisc"]):
        classid = handle_of(len(shapes["class"]) + number)
        add(one, "class", "parent", classid.partition(":")[0] + ":", "classid", classid, *PLAIN_CLASS)
        add(one, "qdisc", "parent", classid, "handle", f"{FIRST_LEAF + number:x}:", *one.words[9:])
    return made


def handle_of(number: int) -> str:
    """Return the class in which a shape is made."""
    return f"{FIRST_GROUP + number // GROUP:x}:{number % GROUP + 1:x}"


def cloned(route: RouteSocket, heavy: Sequence[Command], shapes: dict[str, List[Command]]) -> list[TcObject]:
    """Return all classes and leaf qdiscs as the kernel would list them, from the shapes that were made.

    Args:
        route: a socket in the namespace where they were made.
        heavy: the commands that the objects stand for.
        shapes: what ``shapes_of`` gave.
    """
    there = links(route)
    names = {link["index"]: name for name, link in there.items()}
    distinct, flat = classes_of(route, there[WORKSHOP]["index"], names)
    made = {handle: distinct[number] for number, handle, _parent in rows(flat)}
    qdiscs = {one.handle: one for one in all_qdiscs(route, names)[WORKSHOP]}
    known: Dict[str, Dict[Words, TcObject]] = {"class": {}, "qdisc": {}}
    for number, one in enumerate(shapes["class"]):
        known["class"][one.words[9:]] = made[_handle(handle_of(number))]
    for number, one in enumerate(shapes["qdisc"]):
        known["qdisc"][one.words[9:]] = qdiscs[(FIRST_LEAF + number) << 16]
    found: dict[str, dict[int, TcObject]] = {"class": {}, "qdisc": {}}
    for one in heavy:
        form, parent, handle = one.words[1], _handle(one.words[6]), _handle(one.words[8])
        above = ROOT if form == "class" and not parent & 0xFFFF else parent
        found[form][handle] = placed_copy(known[form][one.words[9:]], handle, above)
    ordered = [found["qdisc"][handle] for handle in qdisc_listing(list(found["qdisc"]))]
    return ordered + [found["class"][handle] for handle in listing(list(found["class"]))]


def _handle(text: str) -> int:
    """Return a handle or a class as a number."""
    upper, _colon, lower = text.partition(":")
    return int(upper, 16) << 16 | int(lower or "0", 16)

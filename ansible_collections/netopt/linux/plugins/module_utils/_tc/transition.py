# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps that lead one interface's tree of qdiscs, classes and filters to another. Pure.

First every object of the current tree gets its fate, from the top down: it is kept, changed in place, or dropped.
Then come deletions (filters, qdiscs, classes from the bottom up) and creations (from the top down).
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .creation_order import by_depth, creation_order, qdisc_order
from .filter_steps import filter_steps
from .netlink_options import FQ_CODEL_FLOWS, HTB_PARMS, numbers
from .objects import INGRESS, PLACED_FORMS, ROOT, TcObject, default_kinds, major, placed, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .u32_steps import Steps

KEEP, CHANGE, DROP = "keep", "change", "drop"
# Qdiscs whose parameters the kernel changes in place; all that the dump holds is then set anew.
CHANGEABLE = frozenset({"fq", "fq_codel", "cake", "netem", "tbf", "pfifo", "bfifo"})
# Classes whose left-out attributes go back to their default on a change.
ABSOLUTE = frozenset({"htb"})
# Parents that put a working default where a child was; others drop every packet there.
REFILLED = frozenset({"htb", "hfsc", "prio", "drr", "qfq", "multiq", "ets", "netem", "cbq"})
QUEUE = struct.pack("=I", 1)  # struct tc_fifo_qopt: one packet; of a queue that is there for a moment
# Qdiscs that make their children by themselves, of the kind that net.core.default_qdisc says.
SELF_FILLED = frozenset({"mq", "mqprio"})


class Tree:
    """The objects of one interface, looked up by handle and by place."""

    def __init__(self, found: Sequence[TcObject]) -> None:
        self.all = list(found)
        mine = placed(self.all)
        self.qdiscs = {one.handle: one for one in mine if one.form == "qdisc"}
        self.classes = {one.handle: one for one in mine if one.form == "class"}
        self.child_qdisc = {one.parent: one for one in self.qdiscs.values()}
        self.class_children: dict[int, list[TcObject]] = defaultdict(list)
        self.class_list: dict[int, list[TcObject]] = defaultdict(list)
        for one in self.classes.values():
            self.class_children[one.parent].append(one)
        for one in self.all:
            if one.form == "class":  # those too that come with their qdisc: all are in one table
                self.class_list[major(one.handle)].append(one)
        self.places: dict[int, list[TcObject]] = defaultdict(
            list
        )  # filters and chains by the qdisc that they belong to
        for one in mine:
            if one.form in PLACED_FORMS:
                self.places[major(one.parent)].append(one)
        self.qdiscs_under: dict[int, list[TcObject]] = defaultdict(list)
        for one in self.qdiscs.values():
            if one.parent not in (ROOT, INGRESS):
                self.qdiscs_under[major(one.parent)].append(one)

    def filters(self, handle: int) -> list[TcObject]:
        """Return the filters and chains at a qdisc and its classes."""
        return self.places.get(handle, [])

    def owner(self, one: TcObject) -> TcObject | None:
        """Return the class or qdisc that an object hangs from, ``None`` for a root."""
        if one.form == "class" and one.parent == ROOT:
            return self.qdiscs.get(major(one.handle))
        if one.parent in (ROOT, INGRESS):
            return None
        return self.classes.get(one.parent) or self.qdiscs.get(major(one.parent))


class Transition:
    """Leads ``current`` to ``wanted``: fates first, then steps."""

    def __init__(self, current: Tree, wanted: Tree) -> None:
        self._now = current
        self._then = wanted
        self._fates: dict[tuple[str, int], str] = {}

    def fate(self, one: TcObject) -> str:
        """Return what becomes of a qdisc or class of the current tree."""
        path = [one]
        while (one.form, one.handle) not in self._fates:
            above = self._now.owner(one)
            if above is None:
                break
            one = above
            path.append(one)
        for each in reversed(path):  # owners first, without recursion: trees may be deep
            if (each.form, each.handle) not in self._fates:
                self._fates[each.form, each.handle] = self._decide(each)
        return self._fates[path[0].form, path[0].handle]

    def _decide(self, one: TcObject) -> str:
        """Return the fate of an object whose owner's fate is known."""
        owner = self._now.owner(one)
        if owner is not None and self._fates[owner.form, owner.handle] == DROP:
            return DROP
        wanted = (self._then.qdiscs if one.form == "qdisc" else self._then.classes).get(one.handle)
        if wanted is None or _made_once(wanted) != _made_once(one):
            return DROP
        if one.form == "qdisc" and self._loses_child(one):
            return DROP
        if same(one, wanted):
            return KEEP
        return CHANGE if self._changes_in_place(one, wanted) else DROP

    def _loses_child(self, one: TcObject) -> bool:
        """Return whether a child goes without a successor, where the kernel would put one that drops everything."""
        if one.kind in REFILLED or one.parent == INGRESS:
            return False
        return any(child.parent not in self._then.child_qdisc for child in self._now.qdiscs_under[one.handle])

    def _changes_in_place(self, one: TcObject, wanted: TcObject) -> bool:
        """Return whether a change message leads from one's options to the wanted ones."""
        before, after = one.options or b"", wanted.options or b""
        if one.form == "class":
            if one.kind == "htb" and self._now.class_children[one.handle] and _leaf_part(before) != _leaf_part(after):
                return False  # the kernel ignores quantum and prio of a class that has children
            return one.kind in ABSOLUTE or numbers(one.kind, before) <= numbers(one.kind, after)
        if one.kind not in CHANGEABLE:
            return False
        if one.kind == "fq_codel" and _flows(before) != _flows(after):
            return False
        return one.kind == "tbf" or numbers(one.kind, before) <= numbers(one.kind, after)

    def _is_lost(self, handle: int) -> bool:
        """Return whether a class goes away or is made anew, so that filters must let go of it."""
        one = self._now.classes.get(handle)
        return one is not None and self.fate(one) == DROP

    def steps(self) -> Steps:
        """Return (verb, object) for every step, in order."""
        filters = {qdisc: self._filter_steps(qdisc) for qdisc in {**self._now.places, **self._then.places}}
        found: Steps = [step for qdisc in sorted(filters) for step in filters[qdisc][0]]
        found += self._qdisc_deletions()
        found += self._class_deletions()
        return found + self._creations({each: filters[each][1] for each in filters})

    def _filter_steps(self, handle: int) -> tuple[Steps, Steps]:
        """Return (deletions, creations) of filters and chains at one qdisc and its classes."""
        holder = self._now.qdiscs.get(handle)
        gone = holder is None or self.fate(holder) == DROP  # then its filters go with it
        return filter_steps([] if gone else self._now.filters(handle), self._then.filters(handle), self._is_lost)

    def _qdisc_deletions(self) -> Steps:
        """Return the deletions of dropped qdiscs that do not go away with their owner or by being replaced."""
        found: Steps = []
        for one in self._now.qdiscs.values():
            owner = self._now.owner(one)
            if self.fate(one) != DROP or (owner is not None and self.fate(owner) == DROP):
                continue
            if not self._replaceable(one.parent):
                found.append(("delete", one))
        return found

    def _replaceable(self, place: int) -> bool:
        """Return whether the qdisc at a place can be replaced by the wanted one in a single message."""
        wanted, there = self._then.child_qdisc.get(place), self._now.child_qdisc.get(place)
        if wanted is None or place == INGRESS or wanted.handle in self._now.qdiscs:
            return False
        return there is None or there.handle not in self._then.qdiscs  # its handle is wanted at another place

    def _class_deletions(self) -> Steps:
        """Return the deletions of dropped classes of qdiscs that stay, children before parents."""
        dropped = {
            handle: one.parent
            for handle, one in self._now.classes.items()
            if self.fate(one) == DROP and self.fate(self._now.qdiscs[major(handle)]) != DROP
        }
        order = by_depth(dropped, list(dropped))
        return [("delete", self._now.classes[handle]) for handle in reversed(order)]

    def _creations(self, filters: dict[int, Steps]) -> Steps:
        """Return what makes the wanted tree, qdisc by qdisc, in order."""
        parents = {
            handle: 0 if one.parent in (ROOT, INGRESS) else major(one.parent)
            for handle, one in self._then.qdiscs.items()
        }
        found: Steps = []
        for handle in qdisc_order(parents, list(self._then.qdiscs)):
            made = self._qdisc_creation(self._then.qdiscs[handle])
            found += made + [step for verb, one in made if verb != "change" for step in _emptying(one)]
            found += self._class_creations(handle)
            found += filters.get(handle, [])
        return found

    def _qdisc_creation(self, qdisc: TcObject) -> Steps:
        """Return the step that makes or changes one wanted qdisc."""
        now = self._now.qdiscs.get(qdisc.handle)
        fate = DROP if now is None else self.fate(now)
        if fate == KEEP:
            return []
        if fate == CHANGE:
            return [("change", _changing(qdisc))]
        there = self._now.child_qdisc.get(qdisc.parent)
        replaces = there is not None and self._replaceable(qdisc.parent) and not self._goes_with_owner(there)
        return [("replace" if replaces else "add", qdisc)]

    def _goes_with_owner(self, one: TcObject) -> bool:
        """Return whether a qdisc vanishes with the class or qdisc that it hangs from."""
        owner = self._now.owner(one)
        return owner is not None and self.fate(owner) == DROP

    def _class_creations(self, handle: int) -> Steps:
        """Return the steps that make and change the wanted classes of one qdisc, parents first."""
        listed = self._then.class_list[handle]
        verbs = {one.handle: self._class_verb(one) if one.handle in self._then.classes else KEEP for one in listed}
        parents = {one.handle: one.parent for one in listed}
        order = creation_order(parents, [one.handle for one in listed])
        return [(verbs[each], self._then.classes[each]) for each in order if verbs[each] != KEEP]

    def _class_verb(self, wanted: TcObject) -> str:
        """Return the verb that makes one wanted class."""
        now = self._now.classes.get(wanted.handle)
        fate = DROP if now is None else self.fate(now)
        return "add" if fate == DROP else fate


def _made_once(one: TcObject) -> tuple[object, ...]:
    """Return what of a qdisc or class stays as it was made."""
    return one.kind, one.parent, one.stab, one.emptied


def _emptying(one: TcObject) -> Steps:
    """Return what takes away the queues that a new qdisc has at the places that shall have none."""
    queues = [TcObject("qdisc", "pfifo", 0, one.handle | minor, options=QUEUE) for minor in one.emptied]
    return [(verb, queue) for queue in queues for verb in ("add", "delete")]


def _leaf_part(options: bytes) -> tuple[int, int]:
    """Return (quantum, prio) of an htb class."""
    payload = dict(rt.attributes(options)).get(HTB_PARMS, bytes(44))
    return struct.unpack_from("=I", payload, 32)[0], struct.unpack_from("=I", payload, 40)[0]


def _flows(options: bytes) -> bytes | None:
    """Return the number of flows of an fq_codel, which is fixed once it is made."""
    return dict(rt.attributes(options)).get(FQ_CODEL_FLOWS)


def _changing(qdisc: TcObject) -> TcObject:
    """Return a qdisc as a change message wants it: without what is fixed and must not be sent again."""
    if qdisc.kind != "fq_codel" or qdisc.options is None:
        return qdisc
    options = b"".join(
        rt.attribute(number, payload)
        for number, payload in rt.attributes(qdisc.options, flags=True)
        if number != FQ_CODEL_FLOWS
    )
    values = {**qdisc.as_dict(), "options": options.hex()}
    return TcObject.from_dict(values)


def tree_steps(current: Sequence[TcObject], wanted: Sequence[TcObject]) -> Steps:
    """Return (verb, object) steps that lead one interface's objects to the wanted ones; none when they are the same."""
    return Transition(Tree(current), Tree(wanted)).steps()


def default_kind_for(verb: str, one: TcObject, wanted: Sequence[TcObject]) -> str | None:
    """Return which net.core.default_qdisc a step needs so that what the kernel makes by itself is what is wanted."""
    if one.form != "qdisc":
        return None
    if verb == "delete" and one.parent == ROOT:
        kinds = default_kinds(list(wanted), 0)
    elif one.kind in SELF_FILLED:
        kinds = default_kinds(list(wanted), one.handle)
    else:
        return None
    return next((kind for kind in kinds if kind not in ("mq", "noqueue")), None)

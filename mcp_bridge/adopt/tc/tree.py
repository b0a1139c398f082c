# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of the tc tree of an interface by their place, and what was read of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import INGRESS, ROOT, handle_text, major, objects

from .params import params_of
from .reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject


CLASSFUL = ("htb", "hfsc")
ONE_BELOW = ("netem", "tbf")
QUEUES = ("pfifo_fast", "fq_codel", "fq", "cake")  # that a device may have by itself, see net.core.default_qdisc
NOTHING = "It is nothing without the qdisc above it, which no plan has."


class Tree:
    """The objects of one interface by their place.

    Attributes:
        txqueuelen: of the interface.
        qdiscs: those with a handle, by the class or the qdisc that they are below.
        plain: those without one, which the device has by itself.
        usual: the kind of these.
        classes: all of them.
        filters: all of them.
        arriving: whether packets that pass here arrive.
        stand_in: whether the interface stands in for another one, so that its kind and its queues' number say nothing.
        reading: what was read.
        netem_at: the netem that ``reading`` has, where it is below classes.
    """

    def __init__(self, state: Mapping[str, Any], name: str, *, arriving: bool = False, stand_in: bool = False) -> None:
        interface = state["interfaces"][name]
        found = objects(interface)
        self.txqueuelen: int = interface["link"]["txqlen"]
        qdiscs = [one for one in found if one.form == "qdisc"]
        self.qdiscs = {_place(one, qdiscs): one for one in qdiscs if one.handle}
        self.plain = [one for one in qdiscs if not one.handle]
        self.usual = next((one.kind for one in self.plain if one.kind in QUEUES), QUEUES[0])
        self.classes = [one for one in found if one.form == "class"]
        self.filters = [one for one in found if one.form == "filter"]
        self.arriving = arriving
        self.stand_in = stand_in
        self.reading = Reading(name)
        self.netem_at: TcObject | None = None
        self._looked_at: set[int] = set()  # qdiscs, by handle
        self._refused: set[int] = set()  # those of them that no plan has
        self._asked: set[int] = set()  # the handles whose filters were looked at

    def look_at(self, qdiscs: Iterable[TcObject]) -> None:
        """Note that something was read or told of qdiscs."""
        self._looked_at |= {one.handle for one in qdiscs}

    def refuse(self, one: TcObject, reason: str) -> None:
        """Note a qdisc that no plan has, with all that is below it."""
        self.look_at([one])
        self._refused.add(one.handle)
        self.reading.leave(one, reason)

    def filters_at(self, parent: int) -> list[TcObject]:
        """Return the filters at a qdisc or a class, of which something is read or told."""
        self._asked.add(parent)
        return [one for one in self.filters if one.parent == parent and not one.at_hook]

    def below(self, root: TcObject) -> dict[int, TcObject]:
        """Return the qdiscs in the classes, the bands or the queues of one, by their place."""
        return {place: one for place, one in self.qdiscs.items() if place != ROOT and major(place) == root.handle}

    def classes_of(self, root: TcObject) -> list[TcObject]:
        """Return the classes of a qdisc, without the one that hfsc itself counts as."""
        found = [one for one in self.classes if one.kind == root.kind and major(one.handle) == root.handle]
        return [one for one in found if one.handle != root.handle]

    def queue(self, one: TcObject) -> dict[str, Any] | None:
        """Return a qdisc without classes as a plan has it, ``None`` where none has it."""
        said = params_of(one, txqueuelen=self.txqueuelen) if one.kind not in CLASSFUL else None
        if said is None:
            self.refuse(one, f"No plan has the qdisc {one.kind} here.")
            return None
        self.look_at([one])
        for words in said.unsaid:
            self.reading.leave(one, f"No plan has {words} of {one.kind}.")
        return {"type": one.kind, **({"params": said.params} if said.params else {})}

    def set_all(self, changes: Mapping[str, Any], origin: TcObject) -> None:
        """Set what a qdisc with classes says; a netem below these is of its own origin."""
        for name, value in changes.items():
            self.reading.set(name, value, self.netem_at if name == "netem" and self.netem_at else origin)

    def tell_of_the_rest(self) -> None:
        """Tell of objects below the root that nothing was told of."""
        told = [each.one for each in self.reading.unsaid]
        filters = [one for one in self.filters if not (one.at_hook or one.is_first_table or one in told)]
        below = [one for place, one in self.qdiscs.items() if place not in (ROOT, INGRESS)]
        for above, place in ((one, place) for one in self.qdiscs.values() for place in one.emptied):
            why = f"The queue of {handle_text(above.handle | place)} was taken away: it drops all."
            self.reading.leave(above, why)
        if self.reading.changes:
            self._tell_of_refused(below, filters)
        elif ROOT in self.qdiscs:
            for one in (*[each for each in below if each not in told], *self.classes, *filters):
                self.reading.leave(one, NOTHING)

    def _tell_of_refused(self, below: Sequence[TcObject], filters: Sequence[TcObject]) -> None:
        """Tell of qdiscs that nobody looked at, and of what is in those that no plan has."""
        kinds = {one.handle: one.kind for one in below}
        for one in below:
            if one.handle not in self._looked_at:
                self.refuse(one, f"No plan has {one.kind} at this place.")
        for one in filters:
            at = major(one.parent)
            if at in kinds and (at in self._refused or one.parent not in self._asked):
                self.reading.leave(one, f"No plan has filters at {kinds[at]}.")
        for one in self.classes:
            if major(one.handle) in self._refused and one.handle != major(one.handle):
                self.reading.leave(one, NOTHING)


def _place(one: TcObject, qdiscs: Sequence[TcObject]) -> int:
    """Return the parent of a qdisc; one below a qdisc without classes may name it with any number, and is its 1."""
    above = next((each for each in qdiscs if each.handle == one.parent), None)
    return one.parent | 1 if above is not None and above.kind in ONE_BELOW else one.parent

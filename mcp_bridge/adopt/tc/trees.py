# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tc tree of an interface as a plan's changes, and the objects in it that no plan has. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import (
    INGRESS,
    R2Q,
    ROOT,
    SHAPER_CLASS,
    UNLIMITED_MBIT,
    cake_of_link,
    handle_text,
    major,
    objects,
)
from mcp_bridge.models.traffic import DscpMatch

from .band_classes import as_classes, check_levels, difference
from .bands import FAST, bands_of, spread, through
from .classes import Filters, class_said, filters_said, in_order, minor, name_of
from .curves import BENT, STRAIGHT, classes_said, default_said
from .matches import UnsaidError
from .netem import as_pfifo, is_idle, netem_of
from .params import link_of, params_of
from .reading import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .bands import Spread
    from .classes import Led


CLASSFUL = ("htb", "hfsc")
ONE_BELOW = ("netem", "tbf")
QUEUES = ("pfifo_fast", "fq_codel", "fq", "cake")  # that a device may have by itself, see net.core.default_qdisc
BUCKET = ("rate_mbit", "burst_bytes")  # of a tbf
NETEM_MATCH = DscpMatch.model_fields.keys()
LOSES = {
    "loss_pct",
    "loss_correlation_pct",
    "loss_model",
    "corrupt_pct",
    "corrupt_correlation_pct",
}  # which meets each packet by itself
ENDS = "A plan's netem ends by itself: say duration_s, or apply it again."


def _place(one: TcObject, qdiscs: Sequence[TcObject]) -> int:
    """Return the parent of a qdisc; one below a qdisc without classes may name it with any number, and is its 1."""
    above = next((each for each in qdiscs if each.handle == one.parent), None)
    return one.parent | 1 if above is not None and above.kind in ONE_BELOW else one.parent


class Tree:
    """The objects of one interface by their place."""

    def __init__(self, state: Mapping[str, Any], name: str, *, arriving: bool = False) -> None:
        interface = state["interfaces"][name]
        found = objects(interface)
        self.txqueuelen: int = interface["link"]["txqlen"]
        qdiscs = [one for one in found if one.form == "qdisc"]
        self.qdiscs = {_place(one, qdiscs): one for one in qdiscs if one.handle}
        self.usual = next((one.kind for one in qdiscs if not one.handle and one.kind in QUEUES), QUEUES[0])
        self.classes = [one for one in found if one.form == "class"]
        self.filters = [one for one in found if one.form == "filter"]
        self.reading = Reading(name)
        self._arriving = arriving
        self._looked_at: set[int] = set()
        self._spreads: dict[int, Spread | None] = {}  # of the bands that were looked at, by handle
        self._asked: set[int] = set()  # the handles whose filters were looked at
        self._netem_at: TcObject | None = None  # where a netem below classes is

    def read(self) -> Reading:
        """Return what the tree below the root says."""
        for parent, one in list(self.qdiscs.items()):
            if one.kind == "netem" and one.handle | 1 not in self.qdiscs and is_idle(one.options or b""):
                self.qdiscs[parent] = replace(one, kind="pfifo", options=as_pfifo(one.options or b""))
                self.reading.differ(one, "It impairs nothing: a plan has a pfifo of its length there.")
        for parent, one in list(self.qdiscs.items()):
            self._narrowest(parent, one)
        root = self.qdiscs.get(ROOT)
        if root is not None:
            self._root(root)
        self._leave_the_rest(root)
        return self.reading

    def _leave_the_rest(self, root: TcObject | None) -> None:
        """Tell of objects below the root that nothing was told of."""
        told = [each.one for each in self.reading.unsaid]
        filters = [one for one in self.filters if not (one.at_hook or one.is_first_table or one in told)]
        below = [one for parent, one in self.qdiscs.items() if parent not in (ROOT, INGRESS)]
        if self.reading.changes:
            kinds = {one.handle: one.kind for one in below}
            for one in below:
                if one.handle not in self._looked_at:
                    self.reading.leave(one, f"No plan has {one.kind} at this place.")
            for one in filters:
                if one.parent in kinds and one.parent not in self._asked:
                    self.reading.leave(one, f"No plan has filters at {kinds[one.parent]}.")
        elif root is not None:
            for one in (*[each for each in below if each not in told], *self.classes, *filters):
                self.reading.leave(one, "It is nothing without the qdisc above it, which no plan has.")

    def _narrowest(self, parent: int, one: TcObject) -> None:
        """Put the tbf below another one in its place, where it lets pass nothing that the upper one would hold back."""
        below = self.qdiscs.get(one.handle | 1)
        if below is None or {one.kind, below.kind} != {"tbf"} or self.qdiscs.get(parent) is not one:
            return
        wide, narrow = (self._params(each) for each in (one, below))
        if "peakrate_mbit" not in wide and all(narrow[name] <= wide[name] for name in BUCKET):
            self.reading.differ(one, "The tbf below it is as narrow or narrower: a plan has that one alone.")
            self.qdiscs[parent] = replace(below, parent=parent)
            del self.qdiscs[one.handle | 1]

    def _params(self, one: TcObject) -> dict[str, Any]:
        """Return the parameters of a qdisc that plans have."""
        said = params_of(one, txqueuelen=self.txqueuelen)
        return said.params if said else {}

    def _root(self, root: TcObject) -> None:
        """Take in the root and what is below it."""
        tree = self._htb(root) if root.kind == "htb" else self._hfsc(root) if root.kind == "hfsc" else None
        if tree is not None:
            for name, value in tree.items():
                self.reading.set(name, value, self._netem_at if name == "netem" and self._netem_at else root)
            self._with_link(root)
        elif root.kind == "hfsc":
            self._looked_at.add(root.handle)
        elif root.kind == "mq":
            self._mq(root)
        elif root.kind == "netem":
            self._netem(root)
        elif bands_of(root) is not None:
            self._banded(root)
        else:
            self._plain(root)
        if root.kind not in CLASSFUL and bands_of(root) is None:
            for one in self._at(root.handle):
                self.reading.leave(one, f"No plan has filters at {root.kind}.")

    def _plain(self, root: TcObject) -> None:
        """Take in a root without classes."""
        said = self._queue(root)
        if said is not None:
            self.reading.set("qdisc", said, root)
            below = self.qdiscs.get(root.handle | 1)
            if below is not None and below.kind == "netem":
                self._impair(below)
        if root.stab and said is not None and root.kind == "cake":
            said["params"] = {**cake_of_link(link_of(root).params), **said.get("params", {})}
            self.reading.differ(root, "The plan says it, but by cake's own words for what a link adds to packets.")
        elif root.stab:
            self.reading.leave(root, "No plan has stab of this qdisc.")

    def _at(self, parent: int) -> list[TcObject]:
        self._asked.add(parent)
        return self._filters_at(parent)

    def _queue(self, one: TcObject) -> dict[str, Any] | None:
        """Return a qdisc without classes as a plan has it, ``None`` where none has it."""
        self._looked_at.add(one.handle)
        said = params_of(one, txqueuelen=self.txqueuelen) if one.kind not in CLASSFUL else None
        if said is None:
            self.reading.leave(one, f"No plan has the qdisc {one.kind} here.")
            return None
        for words in said.unsaid:
            self.reading.leave(one, f"No plan has {words} of {one.kind}.")
        return {"type": one.kind, **({"params": said.params} if said.params else {})}

    def _own(self, root: TcObject) -> list[TcObject]:
        """Return the classes of a qdisc, without the one that hfsc itself counts as."""
        found = [one for one in self.classes if one.kind == root.kind and major(one.handle) == root.handle]
        return [one for one in found if one.handle != root.handle]

    def _htb(self, root: TcObject) -> dict[str, Any]:
        """Return an htb with its classes, their queues and their packets."""
        said = params_of(root, txqueuelen=self.txqueuelen)
        params = dict(said.params) if said else {}
        for words in said.unsaid if said else ():
            self.reading.leave(root, f"No plan has {words} of htb.")
        own = self._own(root)
        classes = [class_said(one, params.get("r2q", R2Q), self.reading) for one in own]
        return self._classes(root, params, [one.handle for one in own], classes, self._led(root, own, params))

    def _hfsc(self, root: TcObject) -> dict[str, Any] | None:
        """Return an hfsc as the htb that does the same, ``None`` where none does."""
        own = self._own(root)
        classes = classes_said(own)
        default = default_said(root)
        inner = {each.get("parent") for each in classes or ()}
        if not classes or default not in {each["classid"] for each in classes} - inner:
            self.reading.leave(root, BENT)
            return None
        self.reading.differ(root, STRAIGHT)
        params: dict[str, Any] = {"default": default}
        return self._classes(root, params, [one.handle for one in own], classes, self._led(root, own, params))

    def _led(self, root: TcObject, own: Sequence[TcObject], params: Mapping[str, Any]) -> Filters:
        """Return whom the filters at a qdisc lead where; tell of those at its classes."""
        for one in own:
            for each in self._at(one.handle):
                self.reading.leave(each, "No plan has filters at a class; lead to the class from the root.")
        return filters_said(self._at(root.handle), self.reading, params.get("default"))

    def _classes(
        self,
        root: TcObject,
        params: dict[str, Any],
        places: Sequence[int],
        classes: list[dict[str, Any]],
        filters: Filters,
    ) -> dict[str, Any]:
        """Return an htb with its classes, their queues and their packets.

        Args:
            root: the qdisc.
            params: its parameters.
            places: where the qdisc of each class is.
            classes: what a plan says of each; those of bands are added.
            filters: who is led where.
        """
        self._looked_at.add(root.handle)
        default = params.pop("default", None)
        found: dict[str, Any] = {"qdisc": {"type": "htb", **({"params": params} if params else {})}}
        impaired: dict[str, TcObject] = {}
        below: dict[int, list[Led]] = {}
        named = {each.target & 0xFFFF for each in filters.led} | {(filters.rest or 0) & 0xFFFF}
        named.add(minor(default) if default else 0)
        for place, said_of in list(zip(places, classes, strict=True)):
            if bands_of(self.qdiscs.get(place)) is None:
                self._leaf(place, said_of, impaired)
            elif entries := self._bands(self.qdiscs[place], said_of, classes, impaired, named):
                below[root.handle | minor(said_of["classid"])] = entries
        default = self._into_bands(filters, root.handle | minor(default) if default else 0, below)
        inner = {each.get("parent") for each in classes}
        leaves = {each["classid"] for each in classes} - inner
        for said_of in classes:
            if said_of["classid"] in inner:
                said_of.pop("quantum", None)  # which is for packets that wait in the class
        if classes:
            found["htb_classes"] = in_order(classes, filters.led, self.reading)
        default = self._default(root, default, filters.rest, leaves)
        if default is not None:
            found["default_class"] = default
        if impaired:
            found["netem"] = self._impaired(impaired, leaves)
        return found

    def _default(self, root: TcObject, default: str | None, rest: int | None, leaves: set[str]) -> str | None:
        """Return the class of what no match fits, of those that packets wait in."""
        if rest is not None:
            if default not in (None, name_of(rest)):
                why = f"What is not IP waits in {default}, in a plan as all the rest in {name_of(rest)}."
                self.reading.differ(root, why)
            default = name_of(rest)
        if default is not None and default not in leaves:
            why = (
                f"Packets wait in no class {default}: what no filter matches passes by all classes, in a plan as here."
            )
            self.reading.differ(root, why)
            return None
        return default

    def _bands(
        self,
        top: TcObject,
        said: dict[str, Any],
        classes: list[dict[str, Any]],
        impaired: dict[str, TcObject],
        named: Iterable[int],
    ) -> list[Led]:
        """Take in the bands below a class as classes; return which packets each has, nothing where no plan has them."""
        found = self._spread(top, said)
        if found is None:
            return []
        self._looked_at |= {one.handle for one in (*found.held, *found.idle)}
        for one in found.idle:
            self.reading.differ(one, "No packet gets there: no filter and no priority leads to its band.")
        if len(found.queues) == 1:
            self._leaf(found.queues[0].place, said, impaired)
            self.reading.differ(top, "All packets wait in one of its bands: a plan has the queue of that one alone.")
            return []
        self.reading.differ(top, difference(said))
        bands, entries = as_classes(found, said, classes, named)
        for place, band in bands:
            self._leaf(place, band, impaired)
            classes.append(band)
        return entries

    def _spread(self, top: TcObject, said: dict[str, Any]) -> Spread | None:
        """Return which packets wait where in bands below a class; ``None``, and why, where no plan has them."""
        if top.handle in self._spreads:
            return self._spreads[top.handle]
        self._looked_at.add(top.handle)
        self._spreads[top.handle] = None
        told = Reading(self.reading.name)
        try:
            found = spread(top, self.qdiscs, self._filters_at, told, arriving=self._arriving)
            check_levels(found, said)
        except UnsaidError as error:
            self.reading.leave(top, f"No plan has {error}.")
            return None
        self.reading.unsaid += told.unsaid
        self._asked |= {one.handle for one in found.held}
        self._spreads[top.handle] = found
        return found

    def _into_bands(self, filters: Filters, default: int, below: Mapping[int, list[Led]]) -> str | None:
        """Have packets led to classes with bands be led to these; return the class of what no filter matches."""
        last = filters.rest or default
        entries = below.get(last)
        if entries:
            while filters.led and filters.led[-1].target == last:
                filters.led.pop()  # what it does not match is led there as well
        filters.led = through(filters.led, below, self.reading)
        if entries:
            filters.led += entries[:-1]
            filters.rest = filters.rest and entries[-1].target
            default = entries[-1].target if default == last else default
        return name_of(default) if default else None

    def _leaf(self, place: int, said: dict[str, Any], impaired: dict[str, TcObject]) -> None:
        """Take in the queue of a class."""
        below = self.qdiscs.get(place)
        if below is not None and below.kind == "netem":
            impaired[said["classid"]] = below
            below = self.qdiscs.get(below.handle | 1)
        leaf = self._queue(below) if below is not None else None
        if leaf is not None:
            said["leaf"] = leaf

    def _impaired(self, impaired: dict[str, TcObject], leaves: set[str]) -> dict[str, Any]:
        """Return the netem of some classes."""
        first = self._netem_at = next(iter(impaired.values()))
        netem = self._netem_said(first)
        same = []
        for name, one in impaired.items():
            if netem_of(one.options or b"").params == netem_of(first.options or b"").params:
                same.append(name)
            else:
                self.reading.leave(one, "A plan has one netem, which may be for several classes; this one differs.")
            self._looked_at.add(one.handle)
        if set(same) != leaves:
            netem["classes"] = same
        self.reading.differ(first, f"{ENDS} And ssh passes beside it.")
        return netem

    def _netem_said(self, one: TcObject) -> dict[str, Any]:
        """Return what a netem does."""
        self._looked_at.add(one.handle)
        said = netem_of(one.options or b"")
        for words in said.unsaid:
            self.reading.leave(one, f"No plan has {words} of netem.")
        return dict(said.params)

    def _impair(self, one: TcObject, match: dict[str, Any] | None = None) -> None:
        """Take in a netem that is for all packets, or for those that match."""
        netem = self._netem_said(one)
        self.reading.set("netem", {**netem, **({"match": match} if match else {})}, one)
        self.reading.differ(one, f"{ENDS} And ssh passes beside it.")

    def _netem(self, root: TcObject) -> None:
        """Take in a netem at the root, one below it that does something else, and the queue below."""
        self._impair(root)
        below = self.qdiscs.get(root.handle | 1)
        if below is not None and below.kind == "netem" and self._as_one(below):
            below = self.qdiscs.get(below.handle | 1)
        if below is None:
            return
        if below.kind == "htb":
            for name, value in self._htb(below).items():
                self.reading.set(name, value, below)
            self.reading.differ(below, "In a plan htb is above netem: packets find their class first.")
            return
        said = self._queue(below)
        if said is not None:
            self.reading.set("qdisc", said, below)
            if below.kind == "tbf":
                self.reading.differ(
                    below, "In a plan tbf is above netem: packets are held to its rate first, and delayed then."
                )

    def _as_one(self, below: TcObject) -> bool:
        """Take in a netem below another one; return whether one can do what both do."""
        upper, lower = self.reading.changes["netem"], netem_of(below.options or b"")
        does = [{name for name in each if name != "limit"} for each in (upper, lower.params)]
        if lower.unsaid or does[0] & does[1] or not any(each <= LOSES for each in does):
            return False
        self._looked_at.add(below.handle)
        upper.update({name: value for name, value in lower.params.items() if name != "limit"})
        self.reading.differ(below, "In a plan one netem does what both do.")
        return True

    def _banded(self, root: TcObject) -> None:
        """Take in bands at the root: a netem that some packets are led to, or an htb without a bound."""
        if any(one.kind == "netem" and major(parent) == root.handle for parent, one in self.qdiscs.items()):
            self._beside(root)
            return
        if root.stab:
            self.reading.leave(root, "No plan has stab of this qdisc.")
        is_bare = not any(major(parent) == root.handle for parent in self.qdiscs if parent != ROOT)
        if bands_of(root) == FAST and is_bare and not self._filters_at(root.handle):
            self.reading.set("qdisc", {"type": "pfifo_fast"}, root)
            self.reading.differ(root, "Its bands are those of pfifo_fast, which a plan has.")
            return
        top = {"classid": SHAPER_CLASS, "rate_mbit": UNLIMITED_MBIT}
        found = self._spread(root, top)
        if found is None:
            return
        if len(found.queues) == 1:
            self.reading.leave(
                root,
                "No plan has it: all packets wait in one of its bands, no filter and no priority leads to another.",
            )
            return
        for name, value in self._classes(root, {"default": SHAPER_CLASS}, [ROOT], [top], Filters()).items():
            self.reading.set(name, value, self._netem_at if name == "netem" and self._netem_at else root)

    def _filters_at(self, parent: int) -> list[TcObject]:
        return [one for one in self.filters if one.parent == parent and not one.at_hook]

    def _beside(self, root: TcObject) -> None:
        """Take in a netem that bands lead some packets to."""
        bands = {parent: one for parent, one in self.qdiscs.items() if parent != ROOT and major(parent) == root.handle}
        impaired = [one for one in bands.values() if one.kind == "netem"]
        filters = filters_said(self._at(root.handle), self.reading)
        led = filters.led
        if len(impaired) != 1 or not any(each.target == impaired[0].parent for each in led):
            self.reading.leave(root, "No plan has a netem in some bands, but for one that filters lead packets to.")
            return
        (netem,) = impaired
        band = (netem.parent & 0xFFFF) - 1
        of_root = bands_of(root)
        if of_root and band in of_root.priomap and filters.rest is None:
            self.reading.differ(
                root, "Packets of some priorities pass the netem as well; a plan's meets what it matches."
            )
        taken = False
        for each in led:
            if each.target != netem.parent:
                continue
            if taken or not each.match.keys() <= NETEM_MATCH:
                self.reading.leave(each.one, "A plan's netem has one match: proto, sports, dports, src and dst.")
                continue
            self._impair(netem, each.match)
            taken = True
        beside = bands.pop(filters.rest or 0, None)
        said = self._queue(beside) if beside not in (None, netem) else None
        if beside is not None and said is not None:
            self.reading.set("qdisc", said, beside)
            if self._queue_below(netem) != said:
                self.reading.differ(beside, f"In a plan {beside.kind} is where packets wait below the netem as well.")
        for one in bands.values():
            if one is not netem:
                self.reading.leave(one, f"No plan has {one.kind} beside a netem that is for some packets.")
                self._looked_at.add(one.handle)

    def _queue_below(self, netem: TcObject) -> dict[str, Any] | None:
        """Return the qdisc below a netem as a plan has it, ``None`` where there is none."""
        below = self.qdiscs.get(netem.handle | 1)
        return self._queue(below) if below is not None else None

    def _mq(self, root: TcObject) -> None:
        """Take in the trees of the queues below mq; a plan has the same one for each."""
        below = [one for parent, one in sorted(self.qdiscs.items()) if parent != ROOT and major(parent) == root.handle]
        found: dict[str, Any] = {"type": "mq"}
        trees, netems = [], []
        for one in below:
            if one.kind == "htb":
                tree = self._htb(one)
                netems.append(tree.pop("netem", None))
                qdisc = tree.pop("qdisc")
                trees.append((one, {**qdisc, **tree}))
            else:
                said = self._queue(one)
                trees += [(one, said)] if said is not None else []
        if trees:
            found["per_queue"] = self._common(trees)
        self.reading.set("qdisc", found, root)
        if self._netem_at and all(each == netems[0] for each in netems):
            self.reading.set("netem", netems[0], self._netem_at)
        elif self._netem_at:
            self.reading.leave(self._netem_at, "A plan has the same netem in each queue.")

    def _common(self, trees: list[tuple[TcObject, dict[str, Any]]]) -> dict[str, Any]:
        """Return what all queues have; classes of some alone are left."""
        first = dict(trees[0][1])
        shared = [
            each
            for each in first.get("htb_classes", [])
            if all(each in other.get("htb_classes", []) for _one, other in trees)
        ]
        if "htb_classes" in first:
            first["htb_classes"] = shared
        for one, tree in trees:
            more = [each["classid"] for each in tree.get("htb_classes", []) if each not in shared]
            if more:
                names = ", ".join(handle_text(one.handle | minor(name)) for name in more)
                self.reading.leave(one, f"A plan has the same classes in each queue; not in each are {names}.")
            if {**tree, "htb_classes": 0} != {**first, "htb_classes": 0}:
                self.reading.leave(one, "A plan has the same qdisc in each queue; here it is another one.")
        return first

    def _with_link(self, root: TcObject) -> None:
        """Take in what the link adds to packets: a plan says it of a shaper, which stands for the class above all."""
        link = link_of(root)
        if not link.params:
            return
        classes = self.reading.changes.get("htb_classes", [])
        tops = [each for each in classes if "parent" not in each]
        if len(tops) != 1 or "ceil_mbit" in tops[0] or "match" in tops[0] or tops[0]["classid"] != SHAPER_CLASS:
            self.reading.leave(root, "No plan has stab, but of an htb with one class 1:1 above all others.")
            return
        for words in link.unsaid:
            self.reading.leave(root, f"No plan has {words}.")
        (top,) = tops
        own = [name for name in ("priority", "burst", "cburst", "quantum", "leaf") if name in top]
        if own:
            self.reading.leave(root, f"No plan has {', '.join(own)} of the class of a shaper.")
        self.reading.set("shaper", {"egress_mbit": top["rate_mbit"], **link.params}, root)
        below = [
            {name: value for name, value in each.items() if (name, value) != ("parent", SHAPER_CLASS)}
            for each in classes
            if each is not top
        ]
        if below:
            self.reading.changes["htb_classes"] = below
        else:
            for name in ("htb_classes", "default_class"):
                self.reading.changes.pop(name, None)

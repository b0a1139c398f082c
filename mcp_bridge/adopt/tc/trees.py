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
    cake_of_link,
    handle_text,
    major,
    objects,
)
from mcp_bridge.models.traffic import DscpMatch

from .classes import class_said, filters_said, in_order, minor, name_of
from .curves import BENT, STRAIGHT, classes_said, default_said
from .netem import as_pfifo, is_idle, netem_of
from .params import link_of, params_of
from .reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject


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

    def __init__(self, state: Mapping[str, Any], name: str) -> None:
        interface = state["interfaces"][name]
        found = objects(interface)
        self.txqueuelen: int = interface["link"]["txqlen"]
        qdiscs = [one for one in found if one.form == "qdisc"]
        self.qdiscs = {_place(one, qdiscs): one for one in qdiscs if one.handle}
        self.usual = next((one.kind for one in qdiscs if not one.handle and one.kind in QUEUES), QUEUES[0])
        self.classes = [one for one in found if one.form == "class"]
        self.filters = [one for one in found if one.form == "filter"]
        self.reading = Reading(name)
        self._looked_at: set[int] = set()
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
        if self.reading.changes:
            for parent, one in self.qdiscs.items():
                if one.handle not in self._looked_at and parent not in (ROOT, INGRESS):
                    self.reading.leave(one, f"No plan has {one.kind} at this place.")
        elif root is not None:
            below = [one for parent, one in self.qdiscs.items() if parent not in (ROOT, INGRESS)]
            filters = [one for one in self.filters if not (one.at_hook or one.is_first_table)]
            for one in (*below, *self.classes, *filters):
                self.reading.leave(one, f"It is nothing without the {root.kind} above it, which no plan has.")
        return self.reading

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
        elif root.kind == "prio":
            self._prio(root)
        else:
            self._plain(root)
        if root.kind not in (*CLASSFUL, "prio"):
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
        return [one for one in self.filters if one.parent == parent and not one.at_hook]

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
        return self._classes(root, params, own, [class_said(one, params.get("r2q", R2Q), self.reading) for one in own])

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
        return self._classes(root, {"default": default}, own, classes)

    def _classes(
        self, root: TcObject, params: dict[str, Any], own: list[TcObject], classes: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """Return an htb with its classes, their queues and their packets.

        Args:
            root: the qdisc.
            params: its parameters.
            own: its classes.
            classes: what a plan says of each.
        """
        self._looked_at.add(root.handle)
        default = params.pop("default", None)
        found: dict[str, Any] = {"qdisc": {"type": "htb", **({"params": params} if params else {})}}
        impaired: dict[str, TcObject] = {}
        for one, said_of in zip(own, classes, strict=True):
            self._leaf(one, said_of, impaired)
        for one in own:
            for each in self._at(one.handle):
                self.reading.leave(each, "No plan has filters at a class; lead to the class from the root.")
        filters = filters_said(self._at(root.handle), self.reading, default)
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

    def _leaf(self, one: TcObject, said: dict[str, Any], impaired: dict[str, TcObject]) -> None:
        """Take in the queue of a class."""
        below = self.qdiscs.get(one.handle)
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

    def _prio(self, root: TcObject) -> None:
        """Take in a netem that a prio leads some packets to."""
        bands = {parent: one for parent, one in self.qdiscs.items() if parent != ROOT and major(parent) == root.handle}
        impaired = [one for one in bands.values() if one.kind == "netem"]
        filters = filters_said(self._at(root.handle), self.reading)
        led = filters.led
        if len(impaired) != 1 or not any(each.target == impaired[0].parent for each in led):
            self.reading.leave(root, "No plan has the qdisc prio, but for a netem that filters lead packets to.")
            return
        (netem,) = impaired
        band = (netem.parent & 0xFFFF) - 1
        if band in (root.options or b"")[4:20] and filters.rest is None:
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

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that make what a plan asks of traffic control. Pure.

On the interface, the root qdisc is ``1:``. Shaping and classes make it an htb (or the chosen cake); a chosen
classless qdisc then sits in the leaves. netem sits above a classless qdisc and below a classful one, and a band or a
class beside it spares the answers of ssh. Ingress is redirected to a device of our own (``ifb_name``) and shaped there.
Unclassified traffic never escapes a shaper or netem: without a default class it gets a class of its own.
Below mq each TX queue has such a tree of its own, in the place of the root.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .class_tree import SHAPER_CLASS, SPARED_CLASS, classes_of, led, minor
from .class_words import R2Q, class_words
from .command import Command, for_each_queue
from .intent import MQ, Intent
from .netem import TABLES, is_for_some, netem_words, spared, spares_ssh, table_of
from .netem_classes import is_named, refuse_classes
from .objects import ifb_name
from .parameters import as_number, cake_of_link, qdisc_words, stab_words
from .queue_trees import CLASSES_MAX, LAST_HANDLE, QUEUE, open_handle
from .u32_tables import filters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FREE_HANDLES = 0x4000  # from where on handles are taken that no class suggests, and then from the first one on
FIRST_HANDLE = 2
TAKEN_HANDLES = (1, 0xFFFF)  # the root's, the ingress hook's
FIGURES = ("rate_mbit", "ceil_mbit", "priority", "burst", "cburst", "quantum")  # of a class, in its words
# From where on netem takes its handle, by the table that its jitter follows: the kernel does not show the table, so the
# handle tells one from the other.
TABLE_HANDLES = {name: 0x6000 + 0x3000 * number for number, name in enumerate(TABLES)}
BANDS = ["prio", "bands", "2", "priomap"]  # netem is in the second band; behind it, which band each packet takes
ALL_BUT_SPARED, ONLY_MATCHED = [*BANDS, *["1"] * 16], [*BANDS, *["0"] * 16]  # but for what a filter says
IFB_QUEUE_LENGTH = 1000  # an ifb's own 32 would drop bursts


def commands(wanted: Intent, iface: str, *, queues: int | None = None) -> list[Command]:
    """Return the commands for one interface, in order.

    Args:
        wanted: what is asked of it, maybe together with others.
        iface: the interface.
        queues: how many TX queues it has; ``None`` where nobody knows: commands for each queue are there once then.

    Raises:
        NetoptError: the plan cannot be turned into commands.
    """
    found = _commands(wanted.of(iface), iface)
    if queues is None:
        return found
    return for_each_queue(found, iface, queues) if wanted.of(iface).kind == MQ else found


def _commands(wanted: Intent, iface: str) -> list[Command]:
    """Return the commands, with those for each TX queue once."""
    layout = _Layout(wanted, iface)
    if wanted.shapes_ingress:
        layout.ingress_device()
    if wanted.absent:
        layout.reset(iface)
        layout.tc("qdisc", "del", "dev", iface, "root", key=f"{iface} qdisc root")
    elif wanted.kind == MQ:
        layout.queues()
    elif wanted.shapes_egress:
        layout.egress()
    if wanted.shapes_ingress:
        layout.ingress()
    else:
        layout.no_ingress()
    return layout.commands


def _arriving(wanted: Intent, device: str) -> list[Command]:
    """Return what makes the tree of our ingress device."""
    qdisc = wanted.qdisc or {}
    if qdisc.get("type") == "cake":
        qdisc = {**qdisc, "params": {**(qdisc.get("params") or {}), "ingress": True}}
    layout = _Layout(replace(wanted, qdisc=qdisc or None), device)
    layout.egress()
    return layout.commands


class _Layout:
    """Collects the commands for one interface and hands out handles."""

    top = "1:"  # the handle of the tree's root

    def __init__(self, wanted: Intent, iface: str) -> None:
        self._wanted = wanted
        self._iface = iface
        self._kind = wanted.kind
        self._params = dict((wanted.qdisc or {}).get("params") or {})
        self._used = set(TAKEN_HANDLES)
        self._free = {"": FREE_HANDLES, **TABLE_HANDLES}
        self._worded: dict[tuple[Any, ...], tuple[str, ...]] = {}
        self.commands: list[Command] = []

    def tc(self, *words: str, key: str) -> None:
        """Add one tc command."""
        self.commands.append(Command(("tc", *words), key))

    def reset(self, device: str) -> None:
        """Put a qdisc with a handle of the kernel's choice at the root: whatever was there goes, and 1: is free."""
        self.tc("qdisc", "replace", "dev", device, "root", "pfifo", key=f"{device} qdisc root")

    def _root(self, device: str, words: list[str]) -> None:
        """Set the root qdisc of a device; an htb is told what the link adds, cake knows by its own parameters."""
        self.reset(device)
        key = f"{device} qdisc {words[0]}"
        stab = stab_words(self._wanted.shaper or {}) if words[0] == "htb" else []
        self.tc("qdisc", "replace", "dev", device, "root", "handle", self.top, *stab, *words, key=key)

    def _handle(self, prefer: int, table: str) -> str:
        """Return a handle that is free, without its colon: ``prefer`` where it is."""
        handle = prefer
        if table or not prefer or prefer in self._used:
            free = self._free[table]
            while free in self._used:
                free = free + 1 if free < LAST_HANDLE else FIRST_HANDLE
            handle = self._free[table] = free
        self._used.add(handle)
        return f"{handle:x}"

    def _child(self, device: str, parent: str, words: list[str], *, prefer: int, table: str = "") -> str:
        """Add a qdisc below ``parent`` and return its handle, ``prefer`` where that is free.

        Args:
            device: where.
            parent: what it hangs from.
            words: the qdisc.
            prefer: the handle, 0 for any.
            table: of a netem, the name of the table that it follows.
        """
        handle = self._handle(prefer, table) + ":"
        key = f"{device} qdisc {words[0]}"
        self.tc("qdisc", "add", "dev", device, "parent", parent, "handle", handle, *words, key=key)
        return handle

    def _class_name(self, classid: str) -> str:
        """Return a class of the plan's, or the root, as it is called in this tree."""
        return self.top + classid.partition(":")[2]

    def queues(self) -> None:
        """Add mq and, where the plan has one, the tree of each queue."""
        for field in ("htb_classes", "egress_mbit"):
            if getattr(self._wanted, field):
                raise NetoptError(
                    "mq cannot hold its queues to one rate, nor hold classes",
                    stage="plan",
                    key=f"{field if field != 'egress_mbit' else 'shaper.egress_mbit'}",
                    hint="Say under qdisc.per_queue what each queue is to have.",
                )
        wanted = self._wanted.of_queue
        if len(wanted.htb_classes) > CLASSES_MAX:
            raise NetoptError(
                f"{len(wanted.htb_classes)} classes for each queue, and {CLASSES_MAX} is the most",
                stage="plan",
                key="qdisc.per_queue.htb_classes",
                hint="Use fewer classes, or htb at the root.",
            )
        self._root(self._iface, [MQ])
        if wanted.shapes_egress:
            layout = _QueueLayout(wanted, self._iface)
            layout.egress()
            self.commands += [replace(one, handles=layout.handles) for one in layout.commands]

    def egress(self) -> None:
        """Add what shapes egress."""
        wanted, netem = self._wanted, self._wanted.netem
        if wanted.htb_classes or self._kind == "htb" or (wanted.egress_mbit and self._kind != "cake"):
            self._htb()
            return
        if netem and netem.get("classes"):
            refuse_classes(netem, ())
        if self._kind is None:
            self._root(self._iface, self._bands)
            self._impaired(self.top, None, netem or {})
            return
        if wanted.limit_mbit:
            self._params.update(cake_of_link(wanted.shaper or {}), bandwidth_mbit=wanted.limit_mbit)
        words = qdisc_words(self._kind, self._params)
        if netem and self._kind != "tbf":
            self._root(self._iface, self._bands)
            self._impaired(self.top, words, netem)
            return
        self._root(self._iface, words)
        if netem:
            self._impaired(self._child(self._iface, self.top + "1", self._bands, prefer=0x10), None, netem)

    @property
    def _bands(self) -> list[str]:
        """The prio by which netem meets some packets and others pass beside it."""
        return ONLY_MATCHED if (self._wanted.netem or {}).get("match") else ALL_BUT_SPARED

    def _impaired(
        self, handle: str, words: list[str] | None, netem: Mapping[str, Any], led: Sequence[Any] | None = None
    ) -> None:
        """Add netem to the second band of a prio, and the filters that say which packets take which band.

        Args:
            handle: the prio's.
            words: the qdisc that packets wait in, in either band; ``None`` for the kernel's own.
            netem: what it does to packets.
            led: the matches that lead packets to the class that the prio is in, ``None`` where it is in none.
        """
        prefer = 0x20 if led is None else 0
        added = self._child(self._iface, f"{handle}2", netem_words(netem), prefer=prefer, table=table_of(netem))
        for parent in (f"{handle}1", f"{added}1") if words else ():
            self._child(self._iface, parent, words or [], prefer=0)
        found = [{"classid": f"{handle}1", "match": spared(netem)}] if spares_ssh(netem, led or ()) else []
        if netem.get("match"):
            found.append({"classid": f"{handle}2", "match": [netem["match"]]})
        self._filters(handle, found)

    def _htb(self) -> None:
        """Add an htb with its classes, their leaves and their filters."""
        classes, default = classes_of(self._wanted)
        params = dict(self._params) if self._kind == "htb" else {}
        if default is not None:
            params["default"] = default
        self._root(self._iface, qdisc_words("htb", params))
        r2q = as_number(params.get("r2q") or R2Q)
        for one in classes:
            self._class(self._iface, one, r2q)
        if self._wanted.netem:
            refuse_classes(self._wanted.netem, classes)
        leaf = {"type": self._kind, "params": self._params} if self._kind not in (None, "htb") else None
        if leaf or self._wanted.netem or any("leaf" in one for one in classes):
            parents = {one["parent"] for one in classes}
            leaves = [one for one in classes if one["classid"] not in parents]
            self._used.update(minor(one["classid"]) for one in leaves)
            for one in leaves:
                self._leaf(one, one.get("leaf") or leaf)
        filtered = classes if self._wanted.filters else [one for one in classes if one["classid"] == SPARED_CLASS]
        named = [{**one, "classid": self._class_name(one["classid"])} for one in led(self._wanted, filtered)]
        self._filters(self.top, named)

    def _class(self, device: str, one: dict[str, Any], r2q: float) -> None:
        """Add one htb class; the words for the same figures are made once."""
        figures = (r2q, *(one.get(name) for name in FIGURES))
        words = self._worded.get(figures)
        if words is None:
            words = self._worded[figures] = tuple(class_words(one, r2q))
        parent, classid = (self._class_name(one[field]) for field in ("parent", "classid"))
        made = ("tc", "class", "add", "dev", device, "parent", parent, "classid", classid, *words)
        self.commands.append(Command(made, f"{device} class {one['classid']}"))

    def _leaf(self, one: Mapping[str, Any], leaf: dict[str, Any] | None) -> None:
        """Add the qdiscs below one leaf class: netem where asked for, and the leaf's qdisc."""
        classid = one["classid"]
        handle = minor(classid)
        if handle not in TAKEN_HANDLES:
            self._used.discard(handle)
        parent, netem = self._class_name(classid), self._wanted.netem
        words = qdisc_words(leaf["type"], leaf.get("params") or {}) if leaf is not None else None
        if netem and is_for_some(netem):
            if is_named(classid, netem):
                prio = self._child(self._iface, parent, self._bands, prefer=handle)
                self._impaired(prio, words, netem, (one.get("match") or ()) if netem.get("classes") else ())
                return
            netem = None
        if netem and classid != SPARED_CLASS:
            added = self._child(self._iface, parent, netem_words(netem), prefer=handle, table=table_of(netem))
            parent, handle = added + "1", 0
        if words:
            self._child(self._iface, parent, words, prefer=handle)

    def _filters(self, parent: str, classes: list[dict[str, Any]]) -> None:
        """Add the filters of classes at a qdisc, in the classes' order."""
        for protocol, preference, words, classid in filters(classes):
            where = ["dev", self._iface, "parent", parent, "protocol", protocol, "pref", str(preference)]
            what = f"for class {classid}" if classid else "of classes"
            self.tc("filter", "add", *where, *words, key=f"{self._iface} filter {what}")

    def ingress_device(self) -> None:
        """Add the device that ingress is redirected to."""
        device = ifb_name(self._iface)
        made = ("ip", "link", "add", "name", device, "type", "ifb")
        self.commands.append(Command(made, f"{device} link", unless=device))
        settings = ("ip", "link", "set", "dev", device, "txqueuelen", str(IFB_QUEUE_LENGTH), "up")
        self.commands.append(Command(settings, f"{device} link"))

    def ingress(self) -> None:
        """Add what shapes ingress on our device, and the redirection to it."""
        device = ifb_name(self._iface)
        self._used = set(TAKEN_HANDLES)
        shaper = self._wanted.shaper or {}
        rate = shaper.get("ingress_mbit")
        if self._wanted.ingress or self._kind == MQ:
            self.commands += _arriving(self._wanted.arriving, device)
        elif self._kind == "cake":
            params = {**self._params, **cake_of_link(shaper), "bandwidth_mbit": rate, "ingress": True}
            self._root(device, qdisc_words("cake", params))
        else:
            self._root(device, qdisc_words("htb", {"default": SHAPER_CLASS}))
            self._class(device, {"classid": SHAPER_CLASS, "parent": "1:", "rate_mbit": rate}, R2Q)
            if self._kind not in (None, "htb", "tbf"):
                self._child(device, SHAPER_CLASS, qdisc_words(str(self._kind), self._params), prefer=0x10)
        self.tc("qdisc", "replace", "dev", self._iface, "ingress", key=f"{self._iface} qdisc ingress")
        self.tc("filter", "del", "dev", self._iface, "ingress", key=f"{self._iface} filter ingress")
        words = ["dev", self._iface, "ingress", "protocol", "all", "pref", "1", "u32", "match", "u32", "0", "0"]
        action = ["action", "mirred", "egress", "redirect", "dev", device]
        self.tc("filter", "add", *words, *action, key=f"{self._iface} filter ingress")

    def no_ingress(self) -> None:
        """Add what takes an ingress shaper of ours away; needless where there is no device of ours."""
        device = ifb_name(self._iface)
        removal = ("tc", "qdisc", "del", "dev", self._iface, "ingress")
        self.commands.append(Command(removal, f"{self._iface} qdisc ingress", when=device))
        self.commands.append(Command(("ip", "link", "del", "dev", device), f"{device} link", when=device))


class _QueueLayout(_Layout):
    """Collects the commands for the tree of any TX queue below mq, with what differs from queue to queue left open."""

    top = open_handle(0) + ":"

    def __init__(self, wanted: Intent, iface: str) -> None:
        super().__init__(wanted, iface)
        self.handles = 1  # how many it has handed out, that of the tree's root included

    def _root(self, device: str, words: list[str]) -> None:
        """Set the root qdisc of the tree."""
        place = ("parent", f"1:{QUEUE}", "handle", self.top)
        self.tc("qdisc", "replace", "dev", device, *place, *words, key=f"{device} qdisc {words[0]}")

    def _handle(self, prefer: int, table: str) -> str:
        """Return the next open handle; a netem takes the place of its table out of four."""
        del prefer
        number = self.handles
        self.handles += 1 + (len(TABLES) if table else 0)
        return open_handle(number + (1 + TABLES.index(table) if table else 0))

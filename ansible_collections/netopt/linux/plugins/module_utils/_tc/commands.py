# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that make what a plan asks of traffic control. Pure.

On the interface, the root qdisc is ``1:``. Shaping and classes make it an htb (or the chosen cake); a chosen
classless qdisc then sits in the leaves. netem sits above a classless qdisc and below a classful one, and a band or a
class beside it spares the answers of ssh. Ingress is redirected to a device of our own (``ifb_name``) and shaped there.
Unclassified traffic never escapes a shaper or netem: without a default class it gets a class of its own.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, replace
from typing import Any, Tuple

from .class_tree import SPARED, SPARED_CLASS, classes_of, minor
from .intent import Intent
from .objects import ifb_name
from .parameters import as_number, cake_of_link, netem_words, number, qdisc_words, stab_words
from .u32_tables import filters

_BARE = re.compile(r"[0-9A-Za-z_./:=@,+ -]+")
FREE_HANDLES = 0x4000  # from where on handles are taken that no class suggests, and then from the first one on
FIRST_HANDLE, LAST_HANDLE = 2, 0xFFFE
TAKEN_HANDLES = (1, 0xFFFF)  # the root's, the ingress hook's
R2Q = 10
SMALLEST_QUANTUM, SHORT_QUANTUM, LARGEST_QUANTUM = 1000, 1514, 200000  # outside, the kernel warns and clamps
BURST_MS = 1
FIGURES = ("rate_mbit", "ceil_mbit", "priority", "burst", "cburst", "quantum")  # of a class, in its words
SMALLEST_BURST = 1600
SPARING = ["prio", "bands", "2", "priomap", *["1"] * 16]  # all in the second band, but for what a filter says
IFB_QUEUE_LENGTH = 1000  # an ifb's own 32 would drop bursts


@dataclass(frozen=True)
class Command:
    """One command of the script.

    Attributes:
        words: the program and its arguments.
        key: what it makes, for error messages.
        unless: a device whose existence makes the command needless.
        when: a device without which the command is needless.
    """

    words: Tuple[str, ...]
    key: str
    unless: str | None = None
    when: str | None = None

    @property
    def line(self) -> str:
        """The command as bash takes it."""
        line = " ".join(self.words)
        if not _BARE.fullmatch(line):
            line = " ".join([shlex.quote(word) for word in self.words])
        device = self.unless or self.when
        if device is None:
            return line
        test = f"ip link show dev {shlex.quote(device)} >/dev/null 2>&1"
        return f"{'if ' + test if self.when else 'if ! ' + test}; then {line}; fi"


def commands(wanted: Intent, iface: str) -> list[Command]:
    """Return the commands for one interface, in order.

    Raises:
        NetoptError: the plan cannot be turned into commands.
    """
    wanted = wanted.of(iface)
    layout = _Layout(wanted, iface)
    if wanted.shapes_ingress:
        layout.ingress_device()
    if wanted.absent:
        layout.reset(iface)
        layout.tc("qdisc", "del", "dev", iface, "root", key=f"{iface} qdisc root")
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

    def __init__(self, wanted: Intent, iface: str) -> None:
        self._wanted = wanted
        self._iface = iface
        self._kind = (wanted.qdisc or {}).get("type")
        self._params = dict((wanted.qdisc or {}).get("params") or {})
        self._used = set(TAKEN_HANDLES)
        self._free = FREE_HANDLES
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
        self.tc("qdisc", "replace", "dev", device, "root", "handle", "1:", *stab, *words, key=key)

    def _child(self, device: str, parent: str, words: list[str], *, prefer: int) -> str:
        """Add a qdisc below ``parent`` and return its handle, ``prefer`` where that is free."""
        handle = prefer
        if not prefer or prefer in self._used:
            while self._free in self._used:
                self._free = self._free + 1 if self._free < LAST_HANDLE else FIRST_HANDLE
            handle = self._free
        self._used.add(handle)
        key = f"{device} qdisc {words[0]}"
        self.tc("qdisc", "add", "dev", device, "parent", parent, "handle", f"{handle:x}:", *words, key=key)
        return f"{handle:x}:"

    def egress(self) -> None:
        """Add what shapes egress."""
        wanted, netem = self._wanted, self._wanted.netem
        if wanted.htb_classes or self._kind == "htb" or (wanted.egress_mbit and self._kind != "cake"):
            self._htb()
            return
        if self._kind is None:
            self._root(self._iface, SPARING)
            self._impaired("1:", None)
            return
        if wanted.limit_mbit:
            self._params.update(cake_of_link(wanted.shaper or {}), bandwidth_mbit=wanted.limit_mbit)
        words = qdisc_words(self._kind, self._params)
        if netem and self._kind != "tbf":
            self._root(self._iface, SPARING)
            self._impaired("1:", words)
            return
        self._root(self._iface, words)
        if netem:
            self._impaired(self._child(self._iface, "1:1", SPARING, prefer=0x10), None)

    def _impaired(self, handle: str, words: list[str] | None) -> None:
        """Add netem to the second band of a prio, and what leads to the first band what is to be spared.

        Args:
            handle: the prio's.
            words: the qdisc that packets wait in, in either band; ``None`` for the kernel's own.
        """
        netem = self._child(self._iface, f"{handle}2", netem_words(self._wanted.netem or {}), prefer=0x20)
        for parent in (f"{handle}1", f"{netem}1") if words else ():
            self._child(self._iface, parent, words or [], prefer=0)
        self._filters(handle, [{"classid": f"{handle}1", "match": SPARED}])

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
        leaf = {"type": self._kind, "params": self._params} if self._kind not in (None, "htb") else None
        if leaf or self._wanted.netem or any("leaf" in one for one in classes):
            parents = {one["parent"] for one in classes}
            leaves = [one for one in classes if one["classid"] not in parents]
            self._used.update(minor(one["classid"]) for one in leaves)
            for one in leaves:
                self._leaf(one["classid"], one.get("leaf") or leaf)
        filtered = [one for one in classes if self._wanted.filters or one["classid"] == SPARED_CLASS]
        self._filters("1:", [one for one in filtered if one.get("match")])

    def _class(self, device: str, one: dict[str, Any], r2q: float) -> None:
        """Add one htb class; the words for the same figures are made once."""
        figures = (r2q, *(one.get(name) for name in FIGURES))
        words = self._worded.get(figures)
        if words is None:
            words = self._worded[figures] = tuple(self._class_words(one, r2q))
        classid = one["classid"]
        made = ("tc", "class", "add", "dev", device, "parent", one["parent"], "classid", classid, *words)
        self.commands.append(Command(made, f"{device} class {classid}"))

    @staticmethod
    def _class_words(one: dict[str, Any], r2q: float) -> list[str]:
        """Return the words for the figures of one htb class."""
        rate, ceil = as_number(one["rate_mbit"]), as_number(one.get("ceil_mbit") or one["rate_mbit"])
        words = ["htb", "rate", number(rate) + "mbit", "ceil", number(ceil) + "mbit"]
        if one.get("priority") is not None:
            words += ["prio", number(one["priority"])]
        for name, mbit in (("burst", rate), ("cburst", ceil)):
            size, default = one.get(name), int(mbit * 125 * BURST_MS)
            if size is not None:
                words += [name, number(size) + "b" if isinstance(size, (int, float)) else str(size)]
            elif default > SMALLEST_BURST:
                words += [name, f"{default}b"]
        quantum = rate * 125000 / r2q
        if one.get("quantum") is not None:
            words += ["quantum", number(one["quantum"])]
        elif not SMALLEST_QUANTUM <= quantum <= LARGEST_QUANTUM:
            words += ["quantum", str(SHORT_QUANTUM if quantum < SMALLEST_QUANTUM else LARGEST_QUANTUM)]
        return words

    def _leaf(self, classid: str, leaf: dict[str, Any] | None) -> None:
        """Add the qdiscs below one leaf class: netem where asked for, and the leaf's qdisc."""
        handle = minor(classid)
        if handle not in TAKEN_HANDLES:
            self._used.discard(handle)
        parent = classid
        if self._wanted.netem and classid != SPARED_CLASS:
            parent = self._child(self._iface, parent, netem_words(self._wanted.netem), prefer=handle) + "1"
            handle = 0
        if leaf is not None:
            self._child(self._iface, parent, qdisc_words(leaf["type"], leaf.get("params") or {}), prefer=handle)

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
        if self._wanted.ingress:
            self.commands += _arriving(self._wanted.arriving, device)
        elif self._kind == "cake":
            params = {**self._params, **cake_of_link(shaper), "bandwidth_mbit": rate, "ingress": True}
            self._root(device, qdisc_words("cake", params))
        else:
            self._root(device, qdisc_words("htb", {"default": "1:1"}))
            self._class(device, {"classid": "1:1", "parent": "1:", "rate_mbit": rate}, R2Q)
            if self._kind not in (None, "htb", "tbf"):
                self._child(device, "1:1", qdisc_words(str(self._kind), self._params), prefer=0x10)
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

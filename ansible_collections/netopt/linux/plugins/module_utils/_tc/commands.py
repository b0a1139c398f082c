# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands that make what a plan asks of traffic control. Pure.

On the interface, the root qdisc is ``1:``. Shaping and classes make it an htb (or the chosen cake); a chosen
classless qdisc then sits in the leaves. netem sits above a classless qdisc and below a classful one. Ingress is
redirected to a device of our own (``ifb_name``) and shaped there. Unclassified traffic never escapes a shaper or
netem: without a default class it gets a class of its own.
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import dataclass
from typing import Any, Tuple

from .._common.errors import NetoptError
from .intent import Intent
from .objects import ifb_name
from .parameters import as_number, netem_words, number, qdisc_words
from .u32_match import selectors

_BARE = re.compile(r"[0-9A-Za-z_./:=@,+ -]+")
UNLIMITED_MBIT = 400000
REST_CLASS = "1:fffe"  # for what no filter matches
REST_MBIT = 1
GROUP_SIZE = 2000  # filters per preference; the kernel numbers at most 4095 in one
FREE_HANDLES = 0x4000  # from where on handles are taken that no class suggests, and then from the first one on
FIRST_HANDLE, LAST_HANDLE = 2, 0xFFFE
ROOTS = ("1:", "1:0")
TAKEN_HANDLES = (1, 0xFFFF)  # the root's, the ingress hook's
R2Q = 10
SMALLEST_QUANTUM, SHORT_QUANTUM, LARGEST_QUANTUM = 1000, 1514, 200000  # outside, the kernel warns and clamps
BURST_MS = 1
SHOWN = 64  # names of classes in a message
SMALLEST_BURST = 1600
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


def classes_of(wanted: Intent) -> tuple[list[dict[str, Any]], str | None]:
    """Return (all htb classes with their parents, in the order in which filters for them are asked, the default class).

    Raises:
        NetoptError: a class that is named does not exist, is there twice, or is below itself.
    """
    return _Layout(wanted, "").classes()


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
        """Set the root qdisc of a device."""
        self.reset(device)
        key = f"{device} qdisc {words[0]}"
        self.tc("qdisc", "replace", "dev", device, "root", "handle", "1:", *words, key=key)

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
            self._root(self._iface, netem_words(netem or {}))
            return
        if wanted.egress_mbit:
            self._params["bandwidth_mbit"] = wanted.egress_mbit
        words = qdisc_words(self._kind, self._params)
        if netem and self._kind != "tbf":
            self._root(self._iface, netem_words(netem))
            self._child(self._iface, "1:1", words, prefer=0x10)
            return
        self._root(self._iface, words)
        if netem:
            self._child(self._iface, "1:1", netem_words(netem), prefer=0x10)

    def classes(self) -> tuple[list[dict[str, Any]], str | None]:
        """Return (all classes with their parents, the default class)."""
        wanted = self._wanted
        default = wanted.default_class or (self._params.get("default") if self._kind == "htb" else None)
        classes: list[dict[str, Any]] = []
        top = "1:"
        if wanted.egress_mbit or not wanted.htb_classes:
            bounded = wanted.egress_mbit is not None
            if bounded or wanted.netem:
                rate = wanted.egress_mbit or UNLIMITED_MBIT
                ceil = (wanted.shaper or {}).get("ceil_mbit") or rate
                classes.append({"classid": "1:1", "parent": "1:", "rate_mbit": rate, "ceil_mbit": ceil})
                top = "1:1"
        if wanted.default_class is not None:
            _known(wanted.default_class, [*classes, *wanted.htb_classes], "default_class")
        if not wanted.htb_classes:
            return classes, str(default) if default is not None else ("1:1" if classes else None)
        classes += [{"parent": top, **one} for one in wanted.htb_classes]
        if default is None and (wanted.egress_mbit or wanted.netem):
            ceil = classes[0]["ceil_mbit"] if top == "1:1" else UNLIMITED_MBIT
            rate = min(REST_MBIT, as_number(ceil))
            classes.append({"classid": REST_CLASS, "parent": top, "rate_mbit": rate, "ceil_mbit": ceil})
            default = REST_CLASS
        return _parents_first(classes), None if default is None else str(default)

    def _htb(self) -> None:
        """Add an htb with its classes, their leaves and their filters."""
        classes, default = self.classes()
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
            self._used.update(_minor(one["classid"]) for one in leaves)
            for one in leaves:
                self._leaf(one["classid"], one.get("leaf") or leaf)
        if self._wanted.filters:
            self._filters([one for one in classes if one.get("match")])

    def _class(self, device: str, one: dict[str, Any], r2q: float) -> None:
        """Add one htb class; the words for the same figures are made once."""
        figures = (one["rate_mbit"], one.get("ceil_mbit"), one.get("priority"), one.get("burst"), r2q)
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
        burst = one.get("burst")
        if burst is not None:
            words += ["burst", number(burst) + "b" if isinstance(burst, (int, float)) else str(burst)]
        for name, mbit in (("burst", rate), ("cburst", ceil)):
            default = int(mbit * 125 * BURST_MS)
            if default > SMALLEST_BURST and not (name == "burst" and burst is not None):
                words += [name, f"{default}b"]
        quantum = rate * 125000 / r2q
        if not SMALLEST_QUANTUM <= quantum <= LARGEST_QUANTUM:
            words += ["quantum", str(SHORT_QUANTUM if quantum < SMALLEST_QUANTUM else LARGEST_QUANTUM)]
        return words

    def _leaf(self, classid: str, leaf: dict[str, Any] | None) -> None:
        """Add the qdiscs below one leaf class: netem where asked for, and the leaf's qdisc."""
        minor = _minor(classid)
        if minor not in TAKEN_HANDLES:
            self._used.discard(minor)
        parent = classid
        if self._wanted.netem:
            parent = self._child(self._iface, parent, netem_words(self._wanted.netem), prefer=minor) + "1"
            minor = 0
        if leaf is not None:
            self._child(self._iface, parent, qdisc_words(leaf["type"], leaf.get("params") or {}), prefer=minor)

    def _filters(self, classes: list[dict[str, Any]]) -> None:
        """Add the filters of all classes, in the classes' order."""
        counts = {"ip": 0, "ipv6": 0}
        for one in classes:
            for match in one["match"]:
                for family, words in selectors(match):
                    preference = counts[family] // GROUP_SIZE * 2 + (1 if family == "ip" else 2)
                    counts[family] += 1
                    where = ["dev", self._iface, "parent", "1:", "protocol", family, "pref", str(preference)]
                    key = f"{self._iface} filter for class {one['classid']}"
                    self.tc("filter", "add", *where, "u32", *words, "flowid", one["classid"], key=key)

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
        rate = (self._wanted.shaper or {})["ingress_mbit"]
        if self._kind == "cake":
            params = dict((self._wanted.qdisc or {}).get("params") or {}, bandwidth_mbit=rate, ingress=True)
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


def _minor(classid: str) -> int:
    """Return the minor number of a class written ``1:10``."""
    try:
        return int(classid.rpartition(":")[2], 16)
    except ValueError:
        raise NetoptError(
            f"{classid} is no class", stage="plan", key="htb_classes.classid", wanted=classid, hint="Write it as 1:10."
        ) from None


def _known(name: str, classes: list[dict[str, Any]], key: str) -> None:
    """Raise unless a class exists; the kernel takes a missing one for the root, without a word."""
    if all(one["classid"] != name for one in classes) and _minor(name) not in {
        _minor(one["classid"]) for one in classes
    }:
        raise NetoptError(
            f"{key}: there is no class {name}",
            stage="plan",
            key=key,
            wanted=name,
            hint="Classes there are: " + (", ".join(one["classid"] for one in classes[:SHOWN]) or "none") + ".",
        )


def _parents_first(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the classes with each parent before its children, else in their order.

    Raises:
        NetoptError: a class is its own ancestor, or two have the same name.
    """
    names = [one["classid"] for one in classes]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise NetoptError(
            f"The class {twice[0]} is there twice",
            stage="plan",
            key=f"htb_classes {twice[0]}",
            hint="Give every class a name of its own; with a shaper, 1:1 is the shaper's.",
        )
    named = set(names)
    for one in classes:
        if one["parent"] not in ROOTS and one["parent"] not in named:
            _known(one["parent"], classes, f"htb_classes {one['classid']} parent")
    parents = {one["classid"]: one["parent"] for one in classes}
    found: list[dict[str, Any]] = []
    done: set[str] = set()
    waiting = list(classes)
    while waiting:
        ready = [one for one in waiting if parents[one["classid"]] in done or parents[one["classid"]] not in parents]
        if not ready:
            raise NetoptError(
                f"The class {waiting[0]['classid']} is below itself",
                stage="plan",
                key=f"htb_classes {waiting[0]['classid']}",
                hint="Let the chain of parents end at the root, 1:.",
            )
        found += ready
        done.update(one["classid"] for one in ready)
        waiting = [one for one in waiting if one["classid"] not in done]
    return found

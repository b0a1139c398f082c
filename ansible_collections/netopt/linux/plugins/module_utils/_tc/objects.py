# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values of traffic control: one qdisc, class or filter, and the interface that holds them. Pure.

A tc State is ``{"interfaces": {name: interface or None}}``; ``None`` is an interface that does not exist, which only
an ``ifb-`` device of ours may be. An interface is ``{"link": {...}, "default": bool, "objects": [...]}``; ``default``
in a wanted State says "whatever tree the kernel gives by itself".

Where an interface has many qdiscs or many classes, all of these are in ``"bulk"`` instead: ``{form: {"shapes": [...],
"rows": [...]}}``. A shape is an object without handle and parent, ``rows`` holds the number of a shape, a handle and a
parent for each object, one behind the other: ten thousand classes of a provider differ in little more than that.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Dict

from .._common.quick_dataclass import dataclass
from .netlink_options import loose, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

State = Dict[str, Any]
BULK = 256  # more objects of one form than so many are kept by shape

ROOT, INGRESS = 0xFFFFFFFF, 0xFFFFFFF1  # parents that are no handles: TC_H_ROOT, TC_H_INGRESS
HOOKS = 0xFFFF0000  # the handle of ingress and clsact, which any other qdisc may have as well
INGRESS_HOOK, EGRESS_HOOK = 0xFFFFFFF2, 0xFFFFFFF3
HOOK_NAMES = {INGRESS_HOOK: "ingress", EGRESS_HOOK: "egress"}
PLACED_FORMS = ("filter", "chain")  # these have a place and no handle that others hang from
U32_FIRST = 0x800  # tables from here on are numbered by the kernel
GONE = "*"  # stands for a device that an action points at and that is there no more
NAME_LENGTH = 15  # IFNAMSIZ without the zero byte
PROTOCOLS = {0x0003: "all", 0x0800: "ip", 0x86DD: "ipv6", 0x0806: "arp", 0x8100: "802.1Q"}


def major(handle: int) -> int:
    """Return the handle of the qdisc that ``handle`` belongs to."""
    return handle & 0xFFFF0000


def handle_text(handle: int) -> str:
    """Return a handle as tc writes it: ``1:``, ``1:10``, ``root``."""
    if handle == ROOT:
        return "root"
    if handle == INGRESS:
        return "ingress"
    return "%x:%s" % (handle >> 16, "%x" % (handle & 0xFFFF) if handle & 0xFFFF else "")


def ifb_name(iface: str) -> str:
    """Return the name of the device through which the ingress of ``iface`` is shaped, at most 15 characters."""
    name = "ifb-" + iface
    return name if len(name) <= NAME_LENGTH else "ifb-" + hashlib.sha256(iface.encode()).hexdigest()[:11]


@dataclass(frozen=True)
class TcObject:
    """One qdisc, class, filter or chain of filters, in the kernel's own form.

    Attributes:
        form: ``qdisc``, ``class``, ``filter`` or ``chain``.
        kind: ``htb``, ``u32``, ...; of a chain that of its template, empty without one.
        handle: 32 bits, major and minor; a filter's own handle.
        parent: the handle it hangs from.
        info: a filter's preference (high half) and protocol (low half, network order); else 0.
        chain: a filter's or a chain's number.
        options: TCA_OPTIONS without what is volatile; ``None`` when there are none.
        stab: TCA_STAB as dumped.
        devices: the interfaces that its actions point at, in their order.
        text: what ``tc -d`` says about it.
        shared: whether it takes part in a shared block.
        estimated: whether it has a rate estimator, of which the kernel does not tell the times.
        unknown: attributes of the dump that nobody here knows.
        ingress: whether it is a filter at the ingress hook that was made by the hook's handle, and says so.
        emptied: of a qdisc, the places below it (minor numbers) whose queue was taken away: packets are dropped there.
    """

    form: str
    kind: str
    handle: int
    parent: int
    info: int = 0
    chain: int | None = None
    options: bytes | None = None
    stab: bytes | None = None
    devices: tuple[str, ...] = ()
    text: str = ""
    shared: bool = False
    estimated: bool = False
    unknown: bytes = b""
    ingress: bool = False
    emptied: tuple[int, ...] = ()

    @property
    def key(self) -> tuple[Any, ...]:
        """What identifies the object on its interface."""
        if self.form == "filter":
            return (self.form, self.parent, self.chain or 0, self.info, self.handle)
        if self.form == "chain":
            return (self.form, self.parent, self.chain or 0)
        return (self.form, self.handle)

    @property
    def at_hook(self) -> bool:
        """Whether it is at the ingress or the egress hook; the hooks are known by their place, not by their handle."""
        return (self.form == "qdisc" and self.parent == INGRESS) or (
            self.form in PLACED_FORMS and (self.ingress or self.parent in HOOK_NAMES)
        )

    @property
    def name(self) -> str:
        """The object in tc's words, without its interface."""
        if self.form not in PLACED_FORMS:
            top = self.form == "qdisc" and self.parent in (ROOT, INGRESS)
            return f"{self.form} {handle_text(self.parent if top else self.handle)}"
        where = HOOK_NAMES.get(self.parent) or "parent " + handle_text(self.parent)
        if self.form == "chain":
            return f"chain {where} chain {self.chain}"
        chain = f" chain {self.chain}" if self.chain else ""
        if not self.info:
            return f"filter {where}{chain} handle {self.handle_words}"  # no dump lists it, see u32_unlisted.py
        return f"filter {where} protocol {self.protocol} pref {self.info >> 16}{chain} handle {self.handle_words}"

    @property
    def protocol(self) -> str:
        """A filter's protocol in tc's words."""
        number = (self.info & 0xFF) << 8 | (self.info >> 8 & 0xFF)
        return PROTOCOLS.get(number, "0x%04x" % number)

    @property
    def is_first_table(self) -> bool:
        """Whether it is the table that the kernel makes by itself for a group of u32 filters."""
        return (
            self.kind == "u32"
            and self.form == "filter"
            and self.handle >> 20 >= U32_FIRST
            and not self.handle & 0xFFFFF
        )

    @property
    def handle_words(self) -> str:
        """A filter's handle in tc's words; u32 has tables, buckets and nodes."""
        if self.kind != "u32":
            return hex(self.handle)
        table, bucket, node = self.handle >> 20, self.handle >> 12 & 0xFF, self.handle & 0xFFF
        if not bucket and not node:
            return "%x:" % table
        return "%x:%s:%s" % (table, "%x" % bucket if bucket else "", "%x" % node if node else "")

    def as_dict(self) -> dict[str, Any]:
        """Return the object as JSON can carry it; fields that say nothing are left out."""
        found: dict[str, Any] = {"form": self.form, "kind": self.kind, "handle": self.handle, "parent": self.parent}
        said = {name: getattr(self, name) for name in ("info", "text", "shared", "estimated", "ingress")}
        found.update({name: value for name, value in said.items() if value})
        raw = (("options", self.options), ("stab", self.stab), ("unknown", self.unknown or None))
        found.update({name: value.hex() for name, value in raw if value is not None})
        if self.chain is not None:
            found["chain"] = self.chain
        found.update({name: list(getattr(self, name)) for name in ("devices", "emptied") if getattr(self, name)})
        return found

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> TcObject:
        """Return the object that ``as_dict`` described."""
        values = dict(found)
        for name in ("options", "stab", "unknown"):
            if name in values:
                values[name] = bytes.fromhex(values[name])
        values.update({name: tuple(values[name]) for name in ("devices", "emptied") if name in values})
        return cls(**values)


def _fixed(one: TcObject) -> tuple[Any, ...]:
    """Return what of an object is compared as it is."""
    return one.kind, one.parent, one.stab, one.devices, one.chain or 0, one.unknown, one.emptied


def same(current: TcObject, wanted: TcObject) -> bool:
    """Return whether ``current`` is what is wanted; what ``wanted`` leaves to the kernel may be anything."""
    if _fixed(current) != _fixed(wanted):
        return False
    if current.options == wanted.options:
        return True
    if current.options is None or wanted.options is None:
        return (current.options or b"") == (wanted.options or b"")
    now, then = (shown(one.form, one.kind, one.options or b"") for one in (current, wanted))
    if now == then:
        return True
    free = loose(wanted.form, wanted.kind, then)
    if wanted.form != "filter" and free != then:
        return False
    return loose(current.form, current.kind, now) == free  # an action may have to go by another number


def objects(interface: dict[str, Any] | None) -> list[TcObject]:
    """Return the objects of one interface of a State, in the kernel's order: qdiscs, classes, filters and chains."""
    if not interface:
        return []
    single = [TcObject.from_dict(found) for found in interface["objects"]]
    bulk = interface.get("bulk")
    if not bulk:
        return single
    found: list[TcObject] = []
    for form in ("qdisc", "class"):
        found += expanded(form, bulk[form]) if form in bulk else [one for one in single if one.form == form]
    return [*found, *(one for one in single if one.form in PLACED_FORMS)]


def expanded(form: str, bulk: dict[str, Any], only: frozenset[int] | None = None) -> list[TcObject]:
    """Return the objects of one form that are kept by shape; ``only`` those with some handles."""
    shapes = [TcObject.from_dict({**shape, "form": form, "handle": 0, "parent": 0}) for shape in bulk["shapes"]]
    return [
        placed_copy(shapes[shape], handle, parent)
        for shape, handle, parent in rows(bulk["rows"])
        if only is None or handle in only
    ]


def rows(flat: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Return (number of the shape, handle, parent) for each object that is kept by shape."""
    numbers = iter(flat)
    return zip(numbers, numbers, numbers)


def placed_copy(one: TcObject, handle: int, parent: int) -> TcObject:
    """Return an object like another at another place; faster than ``dataclasses.replace``."""
    copy = object.__new__(TcObject)
    vars(copy).update(vars(one), handle=handle, parent=parent)
    return copy


def packed(found: Sequence[TcObject]) -> dict[str, Any]:
    """Return objects as a State has them: ``{"objects": [...]}``, with ``"bulk"`` where there are many."""
    bulk: dict[str, Any] = {}
    for form in ("qdisc", "class"):
        mine = [one for one in found if one.form == form]
        if len(mine) > BULK:
            bulk[form] = by_shape(mine)
    single = [one.as_dict() for one in found if one.form not in bulk]
    return {"objects": single, "bulk": bulk} if bulk else {"objects": single}


def by_shape(found: Sequence[TcObject]) -> dict[str, Any]:
    """Return objects of one form by shape."""
    numbers: dict[tuple[Any, ...], int] = {}
    shapes: list[TcObject] = []
    flat: list[int] = []
    for one in found:
        shape = (one.kind, one.options, one.stab, one.shared, one.estimated, one.unknown, one.emptied)
        number = numbers.get(shape)
        if number is None:
            number = numbers[shape] = len(shapes)
            shapes.append(one)
        flat += (number, one.handle, one.parent)
    return told_by_shape(shapes, flat)


def told_by_shape(shapes: Sequence[TcObject], flat: list[int]) -> dict[str, Any]:
    """Return shapes, and the rows that are placed copies of them, as a State has them."""
    left_out = ("form", "handle", "parent", "text")
    told = ({name: value for name, value in one.as_dict().items() if name not in left_out} for one in shapes)
    return {"shapes": list(told), "rows": flat}


def placed(found: list[TcObject]) -> list[TcObject]:
    """Return the objects that somebody put there, without what the kernel makes by itself.

    That are qdiscs of handle 0, and the class of hfsc that has the qdisc's own handle.
    """
    return [
        one for one in found if one.handle & 0xFFFF or one.form in PLACED_FORMS or (one.form == "qdisc" and one.handle)
    ]


def has_root(found: list[TcObject]) -> bool:
    """Return whether somebody put a root qdisc there."""
    return any(one.form == "qdisc" and one.parent == ROOT and one.handle for one in found)


def default_kinds(found: list[TcObject], under: int) -> tuple[str, ...]:
    """Return the kinds of the qdiscs that the kernel made by itself under a handle; 0 stands for the default tree."""
    return tuple(
        sorted(
            one.kind
            for one in found
            if one.form == "qdisc"
            and not one.handle
            and (not under or (one.parent != ROOT and major(one.parent) == under))
        )
    )

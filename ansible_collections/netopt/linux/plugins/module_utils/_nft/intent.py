# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan asks of nftables."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._common.intents import OneIntent
from .._common.quick_dataclass import dataclass
from .._tc.intent import by_sender
from .._tc.intent import intent as _tc_intent
from .by_sender import of_all
from .class_maps import lookups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._tc.intent import Intent as TcIntent
    from .class_maps import Lookup


@dataclass(frozen=True)
class Intent(OneIntent):
    """What a plan asks of nftables; falsy when it asks nothing.

    Attributes:
        ifaces: the plan's interfaces; limits apply to what arrives there, marks to what leaves there. Empty: all.
        dscp: entries of ``changes.dscp``.
        connection_limits: entries of ``changes.connection_limits``.
        rate_limits: entries of ``changes.rate_limits``.
        nat_rules: entries of ``changes.nat_rules``.
        accept_established: whether established connections pass ahead of the limits; ``None``: when there are any.
        drop_invalid: whether packets that belong to no connection are dropped.
        classes: entries of ``changes.htb_classes`` that packets find by maps and rules; empty where filters alone do.
        by_sender: whether they are found ahead of address translation, by who sends.
        tree: what is asked of their tree, where filters find them too; ``None`` where maps and rules alone do.
        shapes: whether the plan sets the root qdisc of the interfaces, so that it says how packets find classes there.
        absent: the table is to go away, whatever else is said.
        plan: the name of the plan whose rules these are, ``""`` for the one without a name; each rule says it.
        former: the table as it was before any plan had rules, where it is to be so again: a State.
    """

    ifaces: tuple[str, ...] = ()
    dscp: tuple[dict[str, Any], ...] = ()
    connection_limits: tuple[dict[str, Any], ...] = ()
    rate_limits: tuple[dict[str, Any], ...] = ()
    nat_rules: tuple[dict[str, Any], ...] = ()
    classes: tuple[dict[str, Any], ...] = ()
    by_sender: bool = False
    tree: TcIntent | None = None
    shapes: bool = False
    accept_established: bool | None = None
    drop_invalid: bool = False
    absent: bool = False
    plan: str = ""
    former: Mapping[str, Any] | None = None

    @cached_property
    def lookups(self) -> list[Lookup]:
        """The rules by which packets find their classes, see ``class_maps.py`` and ``by_sender.py``."""
        found = lookups(self.classes, self.ifaces)
        return found if self.tree is None else of_all(found, self.tree)

    def entries(self, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (the path, the entry) of each entry of a field; the path of a plan with a name begins with it."""
        for number, entry in enumerate(getattr(self, field)):
            yield self.whose(f"{field}[{number}]"), entry

    def whose(self, path: str) -> str:
        """Return a path that says whose it is."""
        return f"{self.plan}: {path}" if self.plan else path

    @property
    def rules(self) -> bool:
        """Whether any rules are asked for beside those that find classes."""
        lists = (self.dscp, self.connection_limits, self.rate_limits, self.nat_rules)
        return any(lists) or bool(self.accept_established) or self.drop_invalid

    def __bool__(self) -> bool:
        """Say whether anything is asked."""
        return self.rules or bool(self.classes) or self.absent or self.former is not None


def intent(changes: Mapping[str, Any], ifaces: tuple[str, ...], *, plan: str = "") -> Intent:
    """Return what normalised ``changes`` ask of nftables on ``ifaces``; keys set to ``None`` count as left out."""
    tracking = changes.get("connection_tracking") or {}
    tree = _tc_intent(changes, ifaces)
    ahead = by_sender(tree.htb_classes)
    return Intent(
        ifaces=tuple(ifaces),
        dscp=_entries(changes, "dscp"),
        connection_limits=_entries(changes, "connection_limits"),
        rate_limits=_entries(changes, "rate_limits"),
        nat_rules=_entries(changes, "nat_rules"),
        classes=tuple(tree.htb_classes) if ahead or not tree.filters else (),
        by_sender=ahead,
        tree=tree if ahead and tree.filters else None,
        shapes=tree.shapes_egress,
        accept_established=tracking.get("accept_established"),
        drop_invalid=bool(tracking.get("drop_invalid")),
        plan=plan,
    )


def _entries(changes: Mapping[str, Any], key: str) -> tuple[dict[str, Any], ...]:
    """Return a list of the plan with unset keys left out."""
    return tuple(
        {name: value for name, value in entry.items() if value is not None} for entry in changes.get(key) or ()
    )

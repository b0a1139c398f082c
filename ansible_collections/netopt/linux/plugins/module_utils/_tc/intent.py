# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan asks of traffic control. Pure."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

from .._common.intents import OneIntent
from .._common.quick_dataclass import dataclass
from .netem import INGRESS, direction_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


MAP_FROM = 257  # so many matches are looked up in maps of nftables, fewer are tried one by one as u32 filters

BY_RULE = ("skb_priority", "uid")  # what no filter of tc can tell, and a rule of nftables can

NETEM = "netem"

MQ = "mq"  # the qdisc that has a tree of its own for each TX queue

CHAIN_PREFIX = "classify"  # begins the name of the chain that does so; the interfaces' names follow


def looked_up(classes: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether packets find these htb classes by table ``inet netopt`` and not by filters.

    They do where there are many matches, or one on what only a rule can tell: one of the two decides for all classes.
    """
    count = 0
    for one in classes:
        matches = one.get("match") or ()
        count += len(matches)
        if count >= MAP_FROM or any(match.get(name) is not None for match in matches for name in BY_RULE):
            return True
    return False


def by_sender(classes: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a match of these htb classes names who sends: rules know that ahead of address translation."""
    return any(names_sender(match) for one in classes for match in one.get("match") or ())


def names_sender(match: Mapping[str, Any]) -> bool:
    """Return whether a match is about a source that translation may change; it leaves the version of IP as it is."""
    return not str(match.get("src") or "/0").endswith("/0")


@dataclass(frozen=True)
class Intent(OneIntent):
    """What a plan asks of the qdiscs of some interfaces; falsy when it asks nothing.

    Attributes:
        ifaces: the interfaces.
        qdisc, shaper, ingress, netem, htb_classes, default_class: the plan's fields, ``None`` or empty when not set.
            A netem that meets what arrives is part of ``ingress``.
        mtu: the MTU that the plan sets, on which the kernel bases some defaults.
        absent: whether the kernel's own qdisc shall be back instead.
        filters: whether the classes' matches become filters; else maps of nftables do, see ``_nft/class_maps.py``.
        former_root: what is to stand at the root again since no plan asks for anything there; ``None`` otherwise.
        former_hook: what is to stand at the hooks again where our ingress shaper goes, and its device, see
            ``origin.py``.
    """

    ifaces: Tuple[str, ...] = ()
    qdisc: Dict[str, Any] | None = None
    shaper: Dict[str, Any] | None = None
    ingress: Dict[str, Any] | None = None
    netem: Dict[str, Any] | None = None
    htb_classes: List[Dict[str, Any]] = field(default_factory=list)
    default_class: str | None = None
    mtu: int | None = None
    absent: bool = False
    filters: bool = True
    former_root: Dict[str, Any] | None = None
    former_hook: Dict[str, Any] | None = None

    def __bool__(self) -> bool:
        gives_back = self.former_root is not None or self.former_hook is not None
        return bool(self.ifaces) and (self.absent or gives_back or self.shapes_egress or self.shapes_ingress)

    @property
    def sets_root(self) -> bool:
        """Whether the root qdisc is touched at all."""
        return self.absent or self.shapes_egress or self.former_root is not None

    @property
    def kind(self) -> str | None:
        """The type of the qdisc, ``None`` where the plan names none."""
        return (self.qdisc or {}).get("type")

    @property
    def shapes_egress(self) -> bool:
        """Whether the root qdisc is ours to set."""
        return bool(self.qdisc or self.netem or self.htb_classes or self.egress_mbit)

    @property
    def shapes_ingress(self) -> bool:
        """Whether the ingress hook is ours to set."""
        return bool(self.ingress or (self.shaper or {}).get("ingress_mbit"))

    @property
    def arriving(self) -> Intent:
        """What is asked of the device that what arrives is redirected to, as if it left there."""
        shaper, own = dict(self.shaper or {}), self.ingress or {}
        rate = shaper.pop("ingress_mbit", None)
        return Intent(
            ifaces=self.ifaces,
            qdisc=own.get("qdisc") or self._of_arriving,
            shaper={**shaper, "egress_mbit": rate, "ceil_mbit": None},
            netem=own.get("netem"),
            htb_classes=list(own.get("htb_classes") or ()),
            default_class=own.get("default_class"),
            mtu=self.mtu,
        )

    @property
    def _of_arriving(self) -> Dict[str, Any] | None:
        """The qdisc that serves both ways: of mq that of its queues, where it is none with classes.

        Netem alone shapes nothing that arrives, and beside a rate alone no other rate and no classes serve.
        """
        rate_alone = not (self.ingress or {}).keys() - {NETEM}
        if rate_alone and ((self.shaper or {}).get("ingress_mbit") is None or self.kind in ("htb", "tbf")):
            return None
        if self.kind != MQ:
            return self.qdisc
        return self.of_queue.qdisc if self.of_queue.kind != "htb" else None

    @property
    def of_queue(self) -> Intent:
        """What is asked of each TX queue below mq, as if it were an interface: a queue, or a tree of classes."""
        own = dict((self.qdisc or {}).get("per_queue") or {})
        classes, default = own.pop("htb_classes", None), own.pop("default_class", None)
        return Intent(
            ifaces=self.ifaces,
            qdisc=own or None,
            netem=self.netem,
            htb_classes=list(classes or ()),
            default_class=default,
            mtu=self.mtu,
        )

    @property
    def egress_mbit(self) -> float | None:
        """What classes may be guaranteed together, in Mbit/s."""
        shaper = self.shaper or {}
        return shaper.get("egress_mbit") or shaper.get("ceil_mbit")

    @property
    def limit_mbit(self) -> float | None:
        """The rate that egress is shaped to, in Mbit/s."""
        shaper = self.shaper or {}
        return shaper.get("ceil_mbit") or shaper.get("egress_mbit")


def intent(changes: Mapping[str, Any], ifaces: Iterable[str], *, absent: bool = False, alone: bool = False) -> Intent:
    """Return what normalised ``changes`` ask of the qdiscs of ``ifaces``.

    Args:
        changes: the changes.
        ifaces: the interfaces.
        absent: whether the kernel's own qdisc shall be back instead.
        alone: whether there is no table of nftables to go with it, so that any number of matches become filters.
    """
    classes = list(changes.get("htb_classes") or ())
    ingress, netem = changes.get("ingress"), changes.get(NETEM)
    if netem and direction_of(netem) == INGRESS:
        ingress, netem = {**(ingress or {}), NETEM: netem}, None
    return Intent(
        ifaces=tuple(ifaces),
        qdisc=changes.get("qdisc"),
        shaper=changes.get("shaper"),
        ingress=ingress,
        netem=netem,
        htb_classes=classes,
        default_class=changes.get("default_class"),
        mtu=changes.get("mtu"),
        absent=absent,
        filters=alone or not looked_up(classes),
    )

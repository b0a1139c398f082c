# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shaping, classes and marking: what ``changes`` says about traffic on an interface."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from mcp_bridge.collection.adapting import INTERVAL_MIN_MS, REFLECTORS_MAX

from .base import NO_BOOL, U32_MAX, WHOLE, Mbit, Strict
from .endpoints import Address, Cidr, Ports
from .qdisc import LeafQdisc
from .scalars import Classid, Dscp, Fwmark, Parent, Size, TcpFlags, lower

Proto = Annotated[Literal["tcp", "udp", "icmp", "icmpv6", "sctp"], BeforeValidator(lower)]
"""A transport protocol, in any case."""

PORT_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})


class Adapt(Strict):
    """How a shaper follows an uplink whose own rate varies, by the delay to hosts beyond it. Off without it."""

    reflectors: Annotated[list[Address], Field(min_length=1, max_length=REFLECTORS_MAX)]
    """Addresses of hosts beyond the uplink that answer pings; each host pings them for as long as the plan holds."""
    egress_min_mbit: Mbit | None = None
    """Least rate of what leaves; egress_mbit is the rate that it has at rest."""
    egress_max_mbit: Mbit | None = None
    """Largest rate of what leaves; egress_mbit by default."""
    ingress_min_mbit: Mbit | None = None
    """Least rate of what arrives; ingress_mbit is the rate that it has at rest."""
    ingress_max_mbit: Mbit | None = None
    """Largest rate of what arrives; ingress_mbit by default."""
    delay_ms: Annotated[float, Field(gt=0, le=60_000), NO_BOOL, WHOLE] | None = None
    """Delay above the least one from which on the rate goes down, ms; 30 by default."""
    interval_ms: Annotated[int, Field(ge=INTERVAL_MIN_MS, le=60_000), NO_BOOL] | None = None
    """How often reflectors are pinged and rates moved, ms; 500 by default."""


class Shaper(Strict):
    """Rates for a whole interface, Mbit/s."""

    egress_mbit: Mbit | None = None
    """Rate of what leaves, and what classes may be guaranteed together."""
    ingress_mbit: Mbit | None = None
    """Rate of what arrives, shaped through an ifb device."""
    ceil_mbit: Mbit | None = None
    """Rate of what leaves, where it is to be more than what is guaranteed."""
    overhead_bytes: Annotated[int, Field(ge=-64, le=256), NO_BOOL] | None = None
    """Bytes that the link adds to each packet."""
    mpu: Annotated[int, Field(ge=0, le=256), NO_BOOL] | None = None
    """Smallest size that a packet counts as on the link, bytes."""
    linklayer: Annotated[Literal["ethernet", "atm", "ptm"], BeforeValidator(lower)] | None = None
    """Framing of the link: cells of ATM, or the coding of PTM, which cake alone knows."""
    adapt: Adapt | None = None
    """Rates that follow the uplink's."""

    @model_validator(mode="after")
    def _check(self) -> Shaper:
        if self.egress_mbit is None and self.ingress_mbit is None:
            raise PydanticCustomError("shaper_empty", "A shaper needs egress_mbit or ingress_mbit")
        if self.ceil_mbit is not None and self.egress_mbit is None:
            raise PydanticCustomError("shaper_ceil", "ceil_mbit bounds egress and needs egress_mbit")
        return self


class Link(Strict):
    """The uplink behind the interface: what it carries at most, as measured."""

    up_mbit: Mbit
    """What it sends, Mbit/s."""
    down_mbit: Mbit
    """What arrives by it, Mbit/s."""
    overhead_bytes: Annotated[int, Field(ge=-64, le=256), NO_BOOL] | None = None
    """Bytes that it adds to each packet."""


class DscpMatch(Strict):
    """Which packets; every field given must fit."""

    proto: Proto | None = None
    """Transport protocol; ports without one mean the protocols that have ports."""
    sports: Ports | None = None
    """Source ports."""
    dports: Ports | None = None
    """Destination ports."""
    src: Cidr | None = None
    """Source network."""
    dst: Cidr | None = None
    """Destination network."""

    @model_validator(mode="after")
    def _check(self) -> DscpMatch:
        if (self.sports or self.dports) and self.proto and self.proto not in PORT_PROTOCOLS:
            raise PydanticCustomError("match_ports", "{proto} has no ports", {"proto": self.proto})
        check_family(proto=self.proto, src=self.src, dst=self.dst)
        return self


def check_family(*, proto: str | None, src: str | None, dst: str | None) -> None:
    """Refuse a match that mixes IPv4 and IPv6 and so could never hold."""
    families = {":" in network for network in (src, dst) if network is not None}
    families |= {proto == "icmpv6"} if proto in {"icmp", "icmpv6"} else set()
    if len(families) > 1:
        raise PydanticCustomError("match_family", "IPv4 and IPv6 are mixed in one match, no packet can fit it")


class HtbMatch(DscpMatch):
    """Which packets go to a class."""

    fwmark: Fwmark | None = None
    """Firewall mark, with a mask where not all bits count: ``0x10/0xff``."""
    dscp: Dscp | None = None
    """DiffServ code point that the packet carries."""
    max_length: Annotated[int, Field(ge=20, le=65_535), NO_BOOL] | None = None
    """Largest size of the IP packet, bytes."""
    tcp_flags: TcpFlags | None = None
    """Flags of TCP that are set, or not set where ``!`` stands in front; means tcp."""
    skb_priority: Annotated[int, Field(ge=0, le=U32_MAX), NO_BOOL] | None = None
    """Priority that the sending socket or a rule gave the packet (SO_PRIORITY)."""
    uid: Annotated[int, Field(ge=0, lt=U32_MAX), NO_BOOL] | None = None
    """User whose socket sends the packet."""

    @model_validator(mode="after")
    def _check_not_empty(self) -> HtbMatch:
        if not self.model_dump(exclude_none=True):
            raise PydanticCustomError("match_empty", "A match of a class names at least one property of a packet")
        if self.tcp_flags and self.proto not in {None, "tcp"}:
            raise PydanticCustomError("match_flags", "{proto} has no flags of TCP", {"proto": self.proto})
        return self


class HtbClass(Strict):
    """A class of the root htb."""

    classid: Classid
    """``1:`` and a hexadecimal minor."""
    parent: Parent | None = None
    """Parent class; by default the root, or the shaper's class where there is a shaper."""
    rate_mbit: Mbit
    """Guaranteed rate, Mbit/s."""
    ceil_mbit: Mbit | None = None
    """Rate up to which the class may borrow, Mbit/s; the rate by default."""
    priority: Annotated[int, Field(ge=0, le=7), NO_BOOL] | None = None
    """Who borrows first, 0 before 7."""
    burst: Size | None = None
    """Bytes that may be sent at the ceiling's speed in one go."""
    cburst: Size | None = None
    """Bytes that may be sent at the link's speed in one go, whatever the ceiling."""
    quantum: Annotated[int, Field(ge=1000, le=10_000_000), NO_BOOL] | None = None
    """Bytes that the class sends before the next one of its priority borrows; made from the rate by default."""
    leaf: LeafQdisc | None = None
    """Queueing discipline of the class."""
    match: list[HtbMatch] | None = None
    """Packets of this class; one fitting match is enough."""


class DscpRule(Strict):
    """Packets that are marked with a code point."""

    match: DscpMatch
    """Which packets; empty for all that leave by the interface."""
    dscp: Dscp
    """Code point by name or number."""

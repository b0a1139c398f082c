# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits, connection tracking and address translation: what ``changes`` says about the firewall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from .base import NO_BOOL, U32_MAX, Strict
from .endpoints import Address, Cidr, Port
from .scalars import Rate, RuleInterface, lower
from .traffic import PORT_PROTOCOLS, Proto, check_family

PortProtocol = Annotated[Literal["tcp", "udp", "sctp"], BeforeValidator(lower)]
"""A protocol that has ports, in any case."""

Seconds = Annotated[int, Field(ge=1, le=2**31 - 1), NO_BOOL]
Word = BeforeValidator(lower)


class ConnectionLimit(Strict):
    """Concurrent connections to a port, counted per source prefix."""

    protocol: PortProtocol
    """Transport protocol."""
    port: Port
    """Destination port."""
    limit: Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL]
    """Connections that one prefix may hold."""
    mask: Annotated[int, Field(ge=1, le=32), NO_BOOL] = 32
    """Bits of an IPv4 source that make a prefix; IPv6 uses twice as many, at most 64."""
    action: Annotated[Literal["reject", "drop"], Word] = "reject"
    """What happens to a connection too many."""


class RateLimit(Strict):
    """New connections (or packets) per time."""

    rate: Rate
    """Events per second, minute, hour or day."""
    burst: Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL] | None = None
    """Events above the rate that are let through at once."""
    protocol: Proto | None = None
    """Transport protocol; all by default."""
    port: Port | None = None
    """Destination port; all by default."""
    per_source: bool = False
    """Whether each source address has a rate of its own."""
    per: Annotated[Literal["connections", "packets"], Word] = "connections"
    """What is counted."""

    @model_validator(mode="after")
    def _check(self) -> RateLimit:
        if self.port is not None and self.protocol and self.protocol not in PORT_PROTOCOLS:
            raise PydanticCustomError("rate_port", "{protocol} has no ports", {"protocol": self.protocol})
        return self


class ConnectionTracking(Strict):
    """Size and timeouts of connection tracking, and what happens to tracked packets."""

    max_connections: Annotated[int, Field(ge=1, le=2**31 - 1), NO_BOOL] | None = None
    """Entries that the table may hold (net.netfilter.nf_conntrack_max)."""
    tcp_timeout_established: Seconds | None = None
    """Seconds until an idle established connection is forgotten."""
    tcp_timeout_close_wait: Seconds | None = None
    """Seconds until a connection in CLOSE_WAIT is forgotten."""
    accept_established: bool | None = None
    """Whether packets of known connections are accepted first."""
    drop_invalid: bool | None = None
    """Whether packets that fit no connection are dropped."""


class NatRule(Strict):
    """Address translation."""

    type: Annotated[Literal["snat", "dnat", "masquerade"], Word]
    """What is translated: the source, the destination, or the source to the interface's address."""
    iface: RuleInterface | None = None
    """Interface by which packets leave (snat, masquerade) or arrive (dnat); the plan's by default."""
    protocol: PortProtocol | None = None
    """Transport protocol."""
    port: Port | None = None
    """Destination port."""
    src: Cidr | None = None
    """Source network."""
    dst: Cidr | None = None
    """Destination network."""
    to_addr: Address | None = None
    """New address."""
    to_port: Port | None = None
    """New port."""

    @model_validator(mode="after")
    def _check(self) -> NatRule:
        if self.type == "masquerade" and self.to_addr is not None:
            raise PydanticCustomError("nat_masquerade", "masquerade takes the interface's address and no to_addr")
        if self.type != "masquerade" and self.to_addr is None:
            raise PydanticCustomError("nat_to_addr", "{type} needs to_addr", {"type": self.type})
        if (self.port is not None or self.to_port is not None) and self.protocol is None:
            raise PydanticCustomError("nat_port", "port and to_port need a protocol: tcp, udp or sctp")
        check_family(proto=None, src=self.src, dst=self.dst)
        check_family(proto=None, src=self.src or self.dst, dst=self.to_addr)
        return self

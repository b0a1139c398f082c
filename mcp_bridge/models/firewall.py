# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits, connection tracking and address translation: what ``changes`` says about the firewall."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mcp_bridge.collection.icmp import ICMP_TYPES, TYPE_MAX, type_number, types_wanted

from .base import NO_BOOL, U32_MAX, Strict, refusal
from .endpoints import Address, Cidr, Port, Ports
from .scalars import Rate, RuleInterface, lower
from .traffic import PORT_PROTOCOLS, Proto, check_family

PortProtocol = Annotated[Literal["tcp", "udp", "sctp"], BeforeValidator(lower)]
"""A protocol that has ports, in any case."""

Seconds = Annotated[int, Field(ge=1, le=2**31 - 1), NO_BOOL]
Word = BeforeValidator(lower)
Networks = Annotated[list[Cidr], Field(min_length=1, max_length=64)]
"""Networks of either IP version."""

_TYPE_NAMES = sorted({name for names in ICMP_TYPES.values() for name in names})
IcmpType = Annotated[
    int | str,
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": TYPE_MAX},
                {"type": "string", "maxLength": max(map(len, _TYPE_NAMES))},
            ]
        }
    ),
    NO_BOOL,
]
"""A type of ICMP messages by name or number; kept as a number."""


def _one_way_to_say_ports(port: int | None, ports: list[str] | None) -> None:
    """Refuse a limit that names a port and several ports."""
    if port is not None and ports is not None:
        raise PydanticCustomError("port_and_ports", "port is one port, ports are several: keep one of the two")


class ConnectionLimit(Strict):
    """Concurrent connections to a port, or to several together, counted per source prefix."""

    protocol: PortProtocol
    """Transport protocol."""
    port: Port | None = None
    """Destination port."""
    ports: Ports | None = None
    """Destination ports whose connections are counted together; all where neither is given."""
    limit: Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL]
    """Connections that one prefix may hold."""
    mask: Annotated[int, Field(ge=1, le=32), NO_BOOL] = 32
    """Bits of an IPv4 source that make a prefix; IPv6 uses twice as many, at most 64."""
    action: Annotated[Literal["reject", "drop"], Word] = "reject"
    """What happens to a connection too many."""
    src: Networks | None = None
    """Networks whose connections are limited; all by default."""
    excepted: Networks | None = Field(default=None, alias="except")
    """Networks whose connections are not."""

    @model_validator(mode="after")
    def _check(self) -> ConnectionLimit:
        _one_way_to_say_ports(self.port, self.ports)
        return self


class RateLimit(Strict):
    """New connections (or packets) per time."""

    rate: Rate
    """Events per second, minute, hour or day."""
    burst: Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL] | None = None
    """Events above the rate that are let through at once."""
    protocol: Proto | None = None
    """Transport protocol; all by default."""
    port: Port | None = None
    """Destination port."""
    ports: Ports | None = None
    """Destination ports that share the rate; all where neither is given."""
    per_source: bool = False
    """Whether each source address has a rate of its own."""
    per: Annotated[Literal["connections", "packets"], Word] = "connections"
    """What is counted."""
    icmp_type: IcmpType | None = None
    """Type of ICMP messages, by name or number; needs a protocol, icmp or icmpv6."""
    src: Networks | None = None
    """Networks of senders that are limited; all by default."""
    excepted: Networks | None = Field(default=None, alias="except")
    """Networks of senders that are not."""

    @field_validator("icmp_type", mode="after")
    @classmethod
    def _number(cls, value: int | str | None, info: ValidationInfo) -> int | None:
        protocol = info.data.get("protocol")
        if value is None or "protocol" not in info.data:
            return None
        if protocol not in ICMP_TYPES:
            raise refusal("icmp_type", "icmp_type needs a protocol: icmp or icmpv6")
        number = type_number(protocol, value)
        if number is None:
            raise refusal("icmp_type", f"Not a type of {protocol}: {types_wanted(protocol)}")
        return number

    @model_validator(mode="after")
    def _check(self) -> RateLimit:
        _one_way_to_say_ports(self.port, self.ports)
        has_ports = self.port is not None or self.ports is not None
        if has_ports and self.protocol and self.protocol not in PORT_PROTOCOLS:
            raise PydanticCustomError("rate_port", "{protocol} has no ports", {"protocol": self.protocol})
        versions = {":" in network for network in self.src or ()}
        if self.protocol in ICMP_TYPES and versions == {self.protocol == "icmp"}:
            message = "src names no sender of {protocol}, which is of the other IP version"
            raise PydanticCustomError("rate_src", message, {"protocol": self.protocol})
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

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where packets come from and go to: ports, networks, addresses, hosts. Each has one canonical spelling."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from .base import NO_BOOL, PORT_MAX, WORD_LENGTH_MAX, refusal

PORTS_COUNT_MAX = 64

_PORTS = re.compile(r"([0-9]{1,5})(?:\s*-\s*([0-9]{1,5}))?")
_HOST_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_HOST_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")

Port = Annotated[int, Field(ge=1, le=PORT_MAX), NO_BOOL]


def _port_range(value: object) -> str:
    """Return ``N`` or ``N-M`` for a port or a range of ports."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= PORT_MAX else value
    match = _PORTS.fullmatch(text.strip()) if isinstance(text, str) and len(text) <= WORD_LENGTH_MAX else None
    if match:
        low, high = int(match[1]), int(match[2] or match[1])
        if 1 <= low <= high <= PORT_MAX:
            return str(low) if low == high else f"{low}-{high}"
    raise refusal("ports", f"Not a port or a range of ports 'N-M' with 1 <= N <= M <= {PORT_MAX}")


def _ports(value: object) -> list[str]:
    """Return ports and ranges as a sorted list without repetition."""
    items = value if isinstance(value, list | tuple) else [value]
    if not 1 <= len(items) <= PORTS_COUNT_MAX:
        raise refusal("ports", f"A list of ports needs 1 to {PORTS_COUNT_MAX} entries")
    ranges = sorted(_bounds(_port_range(item)) for item in items)
    merged: list[tuple[int, int]] = []
    for low, high in ranges:
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return [str(low) if low == high else f"{low}-{high}" for low, high in merged]


def _bounds(text: str) -> tuple[int, int]:
    """Return the first and last port of ``N`` or ``N-M``."""
    low, _, high = text.partition("-")
    return int(low), int(high or low)


_PORT_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": PORT_MAX},
        {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$"},
    ]
}

Ports = Annotated[
    list[str],
    PlainValidator(_ports),
    WithJsonSchema(
        {
            "anyOf": [
                *_PORT_SCHEMA["anyOf"],
                {"type": "array", "items": _PORT_SCHEMA, "minItems": 1, "maxItems": PORTS_COUNT_MAX},
            ]
        }
    ),
]
"""A port, a range ``N-M``, or a list of those; kept as a list of strings, ranges that touch are joined."""


def _cidr(value: object) -> str:
    """Return an IPv4 or IPv6 network in canonical form, with its prefix length."""
    if not isinstance(value, str) or len(value) > WORD_LENGTH_MAX or "%" in value:
        raise refusal("cidr", "Not an IP address or network such as 192.0.2.0/24 or 2001:db8::/32")
    try:
        return str(ipaddress.ip_network(value.strip()))
    except ValueError:
        pass
    try:
        network = ipaddress.ip_network(value.strip(), strict=False)
    except ValueError:
        raise refusal("cidr", "Not an IP address or network such as 192.0.2.0/24 or 2001:db8::/32") from None
    raise refusal("cidr", f"Has bits set beyond its prefix length; the network is {network}")


def _address(value: object) -> str:
    """Return an IPv4 or IPv6 address in canonical form."""
    if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX and "%" not in value:
        try:
            return str(ipaddress.ip_address(value.strip()))
        except ValueError:
            pass
    raise refusal("address", "Not an IP address such as 192.0.2.1 or 2001:db8::1")


Cidr = Annotated[str, PlainValidator(_cidr), WithJsonSchema({"type": "string", "maxLength": 49})]
"""An IPv4 or IPv6 network; a bare address is a network of one."""

Address = Annotated[str, PlainValidator(_address), WithJsonSchema({"type": "string", "maxLength": 45})]
"""An IPv4 or IPv6 address."""


def host(value: object) -> str:
    """Return a host name or address that no tool can take for an option."""
    if isinstance(value, str) and 0 < len(value) <= WORD_LENGTH_MAX:
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            pass
        if all(_HOST_LABEL.fullmatch(label) for label in value.removesuffix(".").split(".")):
            return value
    raise refusal("host", "Not a host name or IP address")


def _host_port(value: object) -> str:
    """Return ``host:port``, or ``[address]:port`` for IPv6."""
    match = _HOST_PORT.fullmatch(value) if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX else None
    if match and 1 <= int(match[3]) <= PORT_MAX:
        name = host(match[1] or match[2])
        return f"[{name}]:{int(match[3])}" if ":" in name else f"{name}:{int(match[3])}"
    raise refusal("host_port", "Not host:port, such as db1:5432 or [2001:db8::1]:443")


Host = Annotated[str, PlainValidator(host), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 255})]
"""A host name or an IP address."""

HostPort = Annotated[
    str, PlainValidator(_host_port), WithJsonSchema({"type": "string", "pattern": "^(\\[[^\\]]+\\]|[^:]+):[0-9]{1,5}$"})
]
"""A TCP service, ``host:port``."""

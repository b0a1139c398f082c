# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A flow as the kernel tracks it (linux/netfilter/nf_conntrack_common.h). Pure."""

from __future__ import annotations

import ipaddress
from typing import Union

from .._common.quick_dataclass import dataclass

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
IPS_SRC_NAT, IPS_DST_NAT = 1 << 4, 1 << 5
TCP = 6


@dataclass(frozen=True)
class Tuple:
    """One direction of a flow; protocols without ports have 0."""

    protocol: int
    src: Address
    dst: Address
    sport: int = 0
    dport: int = 0


@dataclass(frozen=True)
class Entry:
    """A tracked flow.

    Attributes:
        sent: as its first packet was sent.
        answered: as answers to it come; the other way round unless it is translated.
        status: the kernel's bits, ``IPS_...``.
        handle: the attributes by which the kernel finds it again.
    """

    sent: Tuple
    answered: Tuple
    status: int
    handle: bytes

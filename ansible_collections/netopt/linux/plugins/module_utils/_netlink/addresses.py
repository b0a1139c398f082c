# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the host's own addresses over rtnetlink."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

from . import messages as rt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .flow import Address
    from .route_socket import RouteSocket

RTM_GETADDR = 22  # linux/rtnetlink.h
IFA_ADDRESS, IFA_LOCAL = 1, 2
IFADDRMSG = struct.Struct("=BBBBi")  # family, prefix length, flags, scope, index


def addresses(route: RouteSocket) -> Iterator[tuple[int, Address]]:
    """Yield the host's addresses with the number of the interface that each is on."""
    for body in route.dump(RTM_GETADDR, IFADDRMSG.pack(0, 0, 0, 0, 0)):
        index = IFADDRMSG.unpack_from(body)[4]
        told = dict(rt.attributes(body[IFADDRMSG.size :]))
        packed = told.get(IFA_LOCAL) or told.get(IFA_ADDRESS)
        if packed:
            yield index, ipaddress.ip_address(packed)

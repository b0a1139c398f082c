# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Default routes, from the kernel's messages."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink import interfaces
from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt


def route(oif: int = 0, *, bits: int = 0, metric: int = 0, hops: tuple[int, ...] = (), **more: int) -> bytes:
    """Return a route as the kernel dumps it."""
    body = interfaces.RTMSG.pack(2, bits, 0, more.get("tos", 0), more.get("table", 254), 4, 0, more.get("kind", 1), 0)
    body += rt.u32(interfaces.RTA_TABLE, more.get("table", 254))
    if metric:
        body += rt.u32(interfaces.RTA_PRIORITY, metric)
    if oif:
        body += rt.u32(interfaces.RTA_OIF, oif)
    if hops:
        gateway = rt.attribute(5, bytes(4))
        each = (interfaces.NEXTHOP.pack(interfaces.NEXTHOP.size + len(gateway), 0, 0, one) + gateway for one in hops)
        body += rt.attribute(interfaces.RTA_MULTIPATH, b"".join(each))
    return body


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ([], []),
        ([route(2)], [2]),
        ([route(2, metric=100), route(3, metric=50)], [3]),
        ([route(2, metric=100), route(3, metric=100), route(4, metric=101)], [2, 3]),
        ([route(2), route(2)], [2]),
        ([route(hops=(5, 3))], [5, 3]),
        ([route(hops=(5, 3), metric=1), route(3, metric=1), route(4, metric=1)], [5, 3, 4]),
        ([route(2, bits=1), route(3, bits=24)], []),
        ([route(2, table=100), route(3, kind=7), route(4, tos=16)], []),
        ([route()], []),
    ],
)
def test_equal_defaults(routes: list[Any], expected: list[int]) -> None:
    """Those with the lowest metric in the main table; half of the address space is no default route."""
    assert interfaces.equal_defaults(routes) == expected

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lets go of the flows that rules had translated which are there no more, so that they meet the rules that are."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from .._netlink import conntrack
from .._netlink.addresses import addresses
from .._netlink.route_socket import RouteSocket
from .translations import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._host.commands import Tools
    from .._netlink.flow import Address


def let_go(rules: Sequence[str], tools: Tools) -> int:
    """Delete the flows that some rules had translated, and return how many; their next packets count as new.

    Where the kernel does not let us, the report gets a warning with the rules and the commands.

    Args:
        rules: as nft listed them, see ``translations.removed``.
        tools: its warnings are those of the report.
    """
    gone = [parse(rule) for rule in rules]
    count = 0
    own: dict[str, set[Address]] = {}
    with RouteSocket() as route:
        names = dict(socket.if_nameindex())
        for index, address in addresses(route):
            own.setdefault(names.get(index, ""), set()).add(address)
    try:
        for version in sorted({version for one in gone for version in one.versions}):
            for status in sorted({one.status for one in gone}):
                rest = [one for one in gone if version in one.versions and one.status == status]
                met = [
                    entry
                    for entry in conntrack.flows(version, status=status)
                    if any(one.has_translated(entry, own) for one in rest)
                ]
                count += sum(conntrack.forget(entry) for entry in met)
    except conntrack.TrackingUnknownError as error:
        tools.warnings.append(
            f"Flows that were translated by rules which are gone now stay translated until they end, since the kernel "
            f"does not delete them ({error}): {'; '.join(rules)}. On a host with conntrack-tools: "
            f"{'; '.join(dict.fromkeys(one.command for one in gone))}"
        )
    return count

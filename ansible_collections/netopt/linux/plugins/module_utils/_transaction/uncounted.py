# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells of connections that are open already when their limit comes: the kernel counts a connection as it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._lockout.session import listening, peers
from .._nft.kept import newly_limited

if TYPE_CHECKING:
    from collections.abc import Mapping


def uncounted(current: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> list[str]:
    """Return a warning for each TCP port of this host that is limited anew while connections to it are open.

    Args:
        current: the State of table ``inet netopt``.
        wanted: the State that a plan leads to, ``None`` where nobody knows yet.
    """
    found = []
    limited = newly_limited(current, wanted) if wanted else []
    some = {port for ports in limited if len(ports) == 1 for port in ports}
    if len(some) < len(limited):  # ports of this host's own connections to others are in ranges as well
        some |= {port for port in listening() if any(port in ports for ports in limited)}
    ports = sorted(some)
    open_now = peers(ports) if ports else {}
    for port in ports:
        held = len(open_now.get(port, ()))
        if held:
            found.append(
                f"connection_limits: {held} {'connection is' if held == 1 else 'connections are'} open to port {port} "
                "now and not counted: its limit counts those that are made from now on. Restart the service, or end "
                f"them with ss -K sport = :{port}, to have all of them counted."
            )
    return found

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this process may change what a plan changes: in a scratch namespace it may, on the host it may not always."""

from __future__ import annotations

from .._common.errors import NetoptError
from .._common.files import text_of

CAP_NET_ADMIN = 12  # linux/capability.h
NEEDS_NET_ADMIN = ("link", "route", "tc", "nft", "adapt")


def check_net_admin(subsystem: str) -> None:
    """See that this process may change a subsystem.

    Raises:
        NetoptError: it lacks CAP_NET_ADMIN.
    """
    if subsystem not in NEEDS_NET_ADMIN or may_change_network():
        return
    raise NetoptError(
        "This process may not change the network of the host: it lacks CAP_NET_ADMIN",
        stage="apply",
        key="CAP_NET_ADMIN",
        wanted="CAP_NET_ADMIN",
        after="not among the capabilities of this process",
        hint="Log in as root or set become: true; in a container, start it with --cap-add NET_ADMIN.",
    )


def may_change_network() -> bool:
    """Return whether this process has CAP_NET_ADMIN (proc(5), CapEff)."""
    for line in text_of("/proc/self/status").splitlines():
        name, _colon, value = line.partition(":")
        if name == "CapEff":
            return bool(int(value, 16) >> CAP_NET_ADMIN & 1)
    return True  # a /proc that does not say: the kernel will

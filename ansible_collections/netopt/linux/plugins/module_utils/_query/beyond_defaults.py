# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds kernel parameters that are not as a new network namespace of this kernel has them. Reads only.

What a namespace cannot tell is given with no default: parameters of the machine as a whole, which it lacks or shares,
and those that it takes over from the first one (``net/ipv4/tcp_ipv4.c``, tcp_sk_init; ``devconf_inherit_init_net``).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Iterator

from .._common.errors import NetoptError
from .._common.files import text_of
from .._host.scratch_namespace import ScratchUnavailableError, in_scratch_namespace
from .._sysctl.keys import canonical, holds_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

TOP = "/proc/sys"
NET = "net"
LONGEST = 1024  # characters of a value; what is longer is no setting
OF_THE_DEVICE = (".mtu", ".accept_dad")  # an interface without ARP looks for no duplicates
LOOPBACK = ".lo."
TAKEN_OVER = (
    "net.ipv4.conf.",
    "net.ipv4.neigh.",
    "net.ipv6.neigh.",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_congestion_control",
    "net.ipv4.tcp_allowed_congestion_control",
    "net.core.default_qdisc",
)


def beyond_defaults() -> dict[str, list[str | None]]:
    """Return ``{key: [value, default]}`` of what differs from a new namespace, and of what that cannot tell.

    Raises:
        NetoptError: no namespace can be made here.
    """
    mine = values()
    try:
        fresh: dict[str, str] = in_scratch_namespace(values)
    except ScratchUnavailableError as error:
        raise NetoptError(
            f"A scratch network namespace cannot be made here: {error}",
            stage="observe",
            hint="It takes root with CAP_SYS_ADMIN; without it, what this kernel has by default cannot be told.",
        ) from None
    found: dict[str, list[str | None]] = {}
    for key, value in mine.items():
        default = _default(key, mine, fresh)
        # those of an interface's neighbours outside the first namespace are not to be told
        told = default is not None or _of_new_ones(key) == key
        if told and default != value and not key.endswith(OF_THE_DEVICE):
            found[key] = [value, default]
    return found


def _default(key: str, mine: Mapping[str, str], fresh: Mapping[str, str]) -> str | None:
    """Return what a key has on this kernel unless somebody sets it, ``None`` where that is not to be told."""
    if _of_new_ones(key) != key and key not in fresh:
        return mine.get(_of_new_ones(key))  # as this host sets up new interfaces
    return None if key.startswith(TAKEN_OVER) and LOOPBACK not in key else fresh.get(key)


def _of_new_ones(key: str) -> str:
    """Return the key by which the kernel sets up new interfaces, for the key of one; other keys as they are."""
    parts = key.split(".")
    of_one = len(parts) == 5 and parts[2] in ("conf", "neigh") and parts[3] != "all"
    return ".".join([*parts[:3], "default", *parts[4:]]) if of_one else key


def values() -> dict[str, str]:
    """Return what may be written below ``net``, by key."""
    found = {}
    for path in _files(os.path.join(TOP, NET)):
        try:
            value = " ".join(text_of(path).split())
            key = canonical(os.path.relpath(path, TOP))
        except (OSError, ValueError, NetoptError):  # write-only, or not text
            continue
        if value and len(value) <= LONGEST:
            found[key] = value
    return found


def _files(folder: str) -> Iterator[str]:
    for top, _folders, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)
            if not holds_secret(path) and os.access(path, os.W_OK):
                yield path

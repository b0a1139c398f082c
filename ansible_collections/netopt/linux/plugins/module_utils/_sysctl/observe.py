# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads sysctl keys and the kernel modules that bring them."""

from __future__ import annotations

import array
import contextlib
import fcntl
import os
import socket
import struct
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import text_of
from .keys import canonical, proc_path

if TYPE_CHECKING:
    from .._host.commands import Tools

    State = dict[str, Any]

PROC_SYS = "/proc/sys"
PROC_SYS_NET = "/proc/sys/net"  # may be a mount of its own
SYS_MODULE = "/sys/module"
# Registered for the initial network namespace alone ever since there are namespaces (net/core/sysctl_net_core.c,
# net_core_table), so its presence tells where this process is. Comparing with /proc/1/ns/net would not: in a
# container PID 1 is the container's own.
INITIAL_NETNS_KEYS = ("net.core.netdev_max_backlog", "net.core.dev_weight")
RTF_RA_DEFAULT = 0x00040000 | 0x00010000  # RTF_ADDRCONF | RTF_DEFAULT, linux/ipv6_route.h
SIOCETHTOOL = 0x8946
ETHTOOL_GFLAGS = 0x00000025
ETH_FLAG_LRO = 1 << 15


def file_of(key: str) -> str:
    """Return the path of the file that holds a key."""
    return os.path.join(PROC_SYS, proc_path(key))


def read(key: str) -> str | None:
    """Return the value of a key with its fields joined by single spaces, ``None`` where the kernel has no such key.

    Raises:
        NetoptError: the key is there and cannot be read.
    """
    try:
        text = text_of(file_of(key))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NetoptError(
            f"{key} cannot be read: {error.strerror}", stage="observe", key=key, hint="Reading it takes root."
        ) from None
    return " ".join(text.split())


def _on_read_only_mount(key: str) -> bool:
    """Tell whether a key lies on a mount that is read-only, as in most containers."""
    return bool(os.statvfs(PROC_SYS_NET if key.startswith("net.") else PROC_SYS).f_flag & os.ST_RDONLY)


def in_initial_netns() -> bool:
    """Tell whether this process is in the initial network namespace."""
    return any(os.path.exists(file_of(key)) for key in INITIAL_NETNS_KEYS)


def _expand(key: str) -> list[str]:
    """Return the keys that a key or a pattern names on this host."""
    if "*" not in key:
        return [key]
    head, _star, tail = key.partition("*")
    folder = file_of(head.rstrip("."))
    if not os.path.isdir(folder):
        return []
    names = sorted(os.listdir(folder))
    return [canonical(f"{head.rstrip('.').replace('.', '/')}/{name}/{tail.lstrip('.')}") for name in names]


def module_state(module: str, tools: Tools) -> str:
    """Return ``missing``, ``loadable``, ``idle`` or ``used`` for a kernel module; a built-in one counts as used."""
    folder = os.path.join(SYS_MODULE, module.replace("-", "_"))
    if os.path.isdir(folder):
        with contextlib.suppress(FileNotFoundError):  # a module that is built in counts no users
            if text_of(os.path.join(folder, "refcnt")).strip() == "0":
                return "idle"
        return "used"
    try:
        found = tools.run(["modprobe", "-n", module], stage="observe", check=False)
    except NetoptError:  # no modprobe on this host: nothing can be loaded
        return "missing"
    return "loadable" if found.rc == 0 else "missing"


def _lro() -> dict[str, bool]:
    """Return which interfaces have large receive offload on, by interface (ethtool's flags, one ioctl each)."""
    found = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        for _index, name in socket.if_nameindex():
            value = array.array("B", struct.pack("II", ETHTOOL_GFLAGS, 0))
            request = struct.pack("16sP8x", name.encode(), value.buffer_info()[0])
            try:
                fcntl.ioctl(query, SIOCETHTOOL, request)
            except OSError:  # a device without ethtool has no LRO either
                continue
            found[name] = bool(struct.unpack("II", value.tobytes())[1] & ETH_FLAG_LRO)
    return found


def _ra_default() -> list[str]:
    """Return the interfaces with a default route from router advertisements that forwarding would remove."""
    try:
        lines = text_of("/proc/self/net/ipv6_route").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        fields = line.split()
        flags, iface = int(fields[8], 16), fields[9]
        learned = flags & RTF_RA_DEFAULT == RTF_RA_DEFAULT
        if learned and read(f"net/ipv6/conf/{iface}/accept_ra") != "2" and iface not in found:
            found.append(iface)
    return found


def observe(scope: dict[str, Any], tools: Tools) -> State:
    """Return the state of what a scope names; see ``subsystem`` for its shape.

    Raises:
        NetoptError: a key cannot be read.
    """
    keys = dict.fromkeys(name for key in scope["keys"] for name in _expand(key))
    values = {key: read(key) for key in keys}
    read_only = [key for key, value in values.items() if value is not None and not os.access(file_of(key), os.W_OK)]
    found = {
        "values": values,
        "read_only": read_only,
        "mounted_read_only": [key for key in read_only if _on_read_only_mount(key)],
        "modules": {module: module_state(module, tools) for module in scope.get("modules", [])},
        "initial_netns": in_initial_netns(),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "lro": _lro() if scope.get("lro") else {},
        "ra_default": _ra_default() if scope.get("ra") else [],
    }
    if scope.get("ipv6_given"):
        from .ipv6_given import ipv6_given  # noqa: PLC0415 - few plans turn IPv6 off

        found["ipv6_given"] = ipv6_given(tools)
    return found

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes sysctl keys: the files under ``/proc/sys``, and the kernel modules that bring them."""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ._errors import NetoptError
from ._scratch_io import ScratchUnavailableError, in_scratch_namespace
from ._sysctl_effects import (
    ALLOWED_CONGESTION_CONTROL,
    CONGESTION_CONTROL,
    interface_of,
)
from ._sysctl_key import canonical, proc_path, same
from ._sysctl_merge import merge, skipped

if TYPE_CHECKING:
    from ._change import Operation
    from ._sysctl import Intent
    from ._tools_io import Tools

    State = dict[str, Any]

__all__ = ["observe", "perform", "read", "settle", "skipped"]

PROC_SYS = Path("/proc/sys")
SYS_MODULE = Path("/sys/module")
# Registered for the initial network namespace alone ever since there are namespaces (net/core/sysctl_net_core.c,
# net_core_table), so its presence tells where this process is. Comparing with /proc/1/ns/net would not: in a
# container PID 1 is the container's own.
INITIAL_NETNS_KEYS = ("net.core.netdev_max_backlog", "net.core.dev_weight")
RTF_RA_DEFAULT = 0x00040000 | 0x00010000  # RTF_ADDRCONF | RTF_DEFAULT, linux/ipv6_route.h
SIOCETHTOOL = 0x8946
ETHTOOL_GFLAGS = 0x00000025
ETH_FLAG_LRO = 1 << 15


def read(key: str) -> str | None:
    """Return the value of a key with its fields joined by single spaces, ``None`` where the kernel has no such key.

    Raises:
        NetoptError: the key is there and cannot be read.
    """
    try:
        text = (PROC_SYS / proc_path(key)).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise NetoptError(
            f"{key} cannot be read: {error.strerror}", stage="observe", key=key, hint="Reading it takes root."
        ) from None
    return " ".join(text.split())


def in_initial_netns() -> bool:
    """Tell whether this process is in the initial network namespace."""
    return any((PROC_SYS / proc_path(key)).exists() for key in INITIAL_NETNS_KEYS)


def _expand(key: str) -> list[str]:
    """Return the keys that a key or a pattern names on this host."""
    if "*" not in key:
        return [key]
    head, _star, tail = key.partition("*")
    folder = PROC_SYS / proc_path(head.rstrip("."))
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir())
    return [canonical(f"{head.rstrip('.').replace('.', '/')}/{name}/{tail.lstrip('.')}") for name in names]


def module_state(module: str, tools: Tools) -> str:
    """Return ``missing``, ``loadable``, ``idle`` or ``used`` for a kernel module; a built-in one counts as used."""
    folder = SYS_MODULE / module.replace("-", "_")
    if folder.is_dir():
        refcount = folder / "refcnt"
        if refcount.exists() and refcount.read_text(encoding="ascii").strip() == "0":
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
    table = Path("/proc/self/net/ipv6_route")
    if not table.exists():
        return []
    found = []
    for line in table.read_text(encoding="ascii").splitlines():
        fields = line.split()
        flags, iface = int(fields[8], 16), fields[9]
        learned = flags & RTF_RA_DEFAULT == RTF_RA_DEFAULT
        if learned and read(f"net/ipv6/conf/{iface}/accept_ra") != "2" and iface not in found:
            found.append(iface)
    return found


def observe(scope: dict[str, Any], tools: Tools) -> State:
    """Return the state of what a scope names; see ``_sysctl`` for its shape.

    Raises:
        NetoptError: a key cannot be read.
    """
    keys = dict.fromkeys(name for key in scope["keys"] for name in _expand(key))
    values = {key: read(key) for key in keys}
    return {
        "values": values,
        "read_only": [
            key
            for key, value in values.items()
            if value is not None and not os.access(PROC_SYS / proc_path(key), os.W_OK)
        ],
        "modules": {module: module_state(module, tools) for module in scope.get("modules", [])},
        "initial_netns": in_initial_netns(),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
        "lro": _lro() if scope.get("lro") else {},
        "ra_default": _ra_default() if scope.get("ra") else [],
    }


def _write(key: str, value: str, *, before: str | None, stage: str, there: str | None = None) -> None:
    """Write a key and read it back.

    Args:
        key: the key that errors name.
        value: the value to write.
        before: the value that errors give as the one before.
        stage: the stage that errors name.
        there: the key to write in place of ``key``, in a rehearsal.

    Raises:
        NetoptError: the kernel refused the value, or keeps another one.
    """
    written = there or key
    try:
        with (PROC_SYS / proc_path(written)).open("w", encoding="utf-8") as stream:
            stream.write(value + "\n")
    except OSError as error:
        hint = "See that the key exists and may be written by this process."
        if error.errno in (errno.EINVAL, errno.ERANGE):
            hint = "The value is outside what this kernel takes, or has the wrong number of fields."
        elif error.errno == errno.ENOENT:
            hint = f"This kernel knows nothing called {value}, and has no module for it."
        raise NetoptError(
            f"The kernel refused {key}={value}: {error.strerror}",
            stage=stage,
            key=key,
            wanted=value,
            before=before,
            after=read(written) if stage == "apply" else before,
            hint=hint,
        ) from None
    after = read(written)
    if not same(key, after, value):
        raise NetoptError(
            f"{key} was set to {value}, but the kernel keeps {after}",
            stage="verify" if stage == "apply" else stage,
            key=key,
            wanted=value,
            before=before,
            after=after,
            hint="The kernel bounds or rounds this key, or something else on this host writes it.",
        )


def _rehearsable(key: str) -> bool:
    """Tell whether a key belongs to its network namespace on every kernel, so that trying it there is harmless.

    Old kernels let a namespace write some keys of the whole host; only those known to be its own are tried.
    """
    if key in (CONGESTION_CONTROL, ALLOWED_CONGESTION_CONTROL) or ".route." in key:
        return False
    return key.startswith(("net.ipv4.", "net.ipv6.", "net.netfilter.nf_conntrack_tcp_timeout_"))


def _rehearse(values: dict[str, str], current: State) -> None:
    """Write values in the namespace of this process, which is a scratch one; interfaces' keys to ``default``."""
    for key, value in values.items():
        iface = interface_of(key)
        path = proc_path(key)
        here = path.replace(f"/{iface}/", "/default/", 1) if iface else path
        if os.access(PROC_SYS / here, os.W_OK):
            _write(key, value, before=current["values"].get(key), stage="rehearse", there=here)


def settle(intent: Intent, current: State, tools: Tools) -> State:  # noqa: ARG001 - every subsystem's settle takes tools
    """Return the state that an intent leads to; nothing is changed on the host.

    Values that differ are tried in a scratch namespace first, as far as they belong to a namespace.

    Raises:
        NetoptError: a key is absent or read-only, or the kernel refuses or changes a value.
    """
    wanted = merge(intent, current)
    trial = {
        key: value
        for key, value in wanted["values"].items()
        if _rehearsable(key) and not same(key, current["values"].get(key), value)
    }
    if trial:
        # where namespaces are not permitted the writes themselves will tell, and are undone when one fails
        with contextlib.suppress(ScratchUnavailableError):
            in_scratch_namespace(lambda: _rehearse(trial, current))
    return wanted


def perform(operation: Operation, tools: Tools) -> None:
    """Carry out one operation.

    Raises:
        NetoptError: the kernel refused a value or keeps another one, or a module could not be loaded or unloaded.
    """
    todo = operation.payload
    if todo["do"] == "load":
        tools.run(["modprobe", todo["module"]], stage="apply")
    elif todo["do"] == "unload" and module_state(todo["module"], tools) != "idle":
        return  # something has come to use it
    elif todo["do"] == "unload":
        tools.run(["modprobe", "-r", todo["module"]], stage="apply")
    elif todo["do"] == "lro":
        tools.run(["ethtool", "-K", todo["iface"], "lro", "on"], stage="apply")
    else:
        key, value = operation.key, todo["value"]
        now = read(key)
        if now is None:
            raise NetoptError(
                f"{key} is not there",
                stage="apply",
                key=key,
                wanted=value,
                before=todo["before"],
                after="absent",
                hint="It, its interface or its module went away during the change.",
            )
        if not same(key, now, value):
            _write(key, value, before=now, stage="apply")

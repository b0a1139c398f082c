# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the facts of a host: from ``/proc``, ``/sys`` and netlink, without running any program."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import bytes_of, text_of
from .._netlink import interfaces as netlink
from .._netlink.route_socket import RouteSocket
from .._sysctl.observe import in_initial_netns, read
from .command_allowlist import PACKAGES
from .commands import SEARCH_PATH
from .facts_parse import (
    hypervisor,
    in_container,
    kernel_version,
    link_type,
    management,
    memory_mb,
    speed_mbit,
    uevent,
)
from .process_stat import process_stat

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SYS_NET = "/sys/class/net"
SIOCETHTOOL = 0x8946  # linux/sockios.h
ETHTOOL_GDRVINFO = 0x3  # linux/ethtool.h
DRVINFO_BYTES = 196
ANCESTORS_MAX = 64


def _text(path: str) -> str | None:
    """Return what a file holds, ``None`` where it cannot be read."""
    try:
        return text_of(path)
    except OSError:
        return None


def _interface(one: netlink.Interface, *, in_network: bool, query: socket.socket) -> dict[str, Any]:
    """Return the facts of one interface.

    ``/sys`` shows the network namespace in which it was mounted, which need not be this one: it is believed only
    where the number of the interface agrees.
    """
    folder = os.path.join(SYS_NET, one.name)
    mine = (_text(f"{folder}/ifindex") or "").strip() == str(one.number)
    event = uevent(_text(f"{folder}/uevent") or "") if mine else {}
    queues = [entry for entry in _entries(f"{folder}/queues") if entry.startswith("tx-")] if mine else []
    wireless = mine and any(os.path.exists(f"{folder}/{entry}") for entry in ("wireless", "phy80211"))
    return {
        "type": "loopback"
        if one.name == "lo"
        else link_type(one.hardware, kind=one.kind, devtype=event.get("DEVTYPE"), wireless=wireless),
        "speed_mbit": speed_mbit(_text(f"{folder}/speed")) if mine else None,
        "mtu": one.mtu,
        "driver": _driver(query, one.name),
        "up": one.up,
        "tx_queues": len(queues) or None,
        "upper": _upper(folder) if mine else [],
        "in_network": in_network,
    }


def _driver(query: socket.socket, name: str) -> str | None:
    """Return the driver of an interface as ``ethtool -i`` tells it, ``None`` where the kernel knows none."""
    info = array.array("B", struct.pack("I", ETHTOOL_GDRVINFO) + bytes(DRVINFO_BYTES - 4))
    try:
        fcntl.ioctl(query, SIOCETHTOOL, struct.pack("16sP8x", name.encode(), info.buffer_info()[0]))
    except OSError:
        return None
    return info.tobytes()[4:36].split(b"\0")[0].decode(errors="replace") or None


def _upper(folder: str) -> list[str]:
    """Return what stands on an interface: the bridge or bond that it is in, VLANs, macvlans."""
    return [entry[len("upper_") :] for entry in _entries(folder) if entry.startswith("upper_")]


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def links() -> dict[str, Any]:
    """Return the facts of the interfaces of this network namespace, and those by which the default route leaves.

    Several are equal where their routes have the same metric; ``default_interface`` is the first of them.
    """
    with RouteSocket() as route, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
        there = list(netlink.interfaces(route))
        networks = netlink.in_networks(route)
        leaving = netlink.default_routes(route)
        found = {one.name: _interface(one, in_network=one.number in networks, query=query) for one in there}
    for one in found.values():  # what stands on it is told with its kind
        one["upper"] = {name: found[name]["type"] for name in one["upper"] if name in found}
    names = {one.number: one.name for one in there}
    defaults = [names[index] for index in leaving if index in names]
    return {
        "interfaces": found,
        "default_interfaces": defaults,
        "default_interface": defaults[0] if defaults else None,
    }


def virtualization() -> str:
    """Return ``container``, the name of the hypervisor, ``vm`` or ``none``."""
    environment = uevent((_text("/proc/1/environ") or "").replace("\0", "\n"))
    marks = os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")
    if in_container(marks=marks, environment=environment, cgroup=_text("/proc/1/cgroup") or ""):
        return "container"
    vendors = [(_text(f"/sys/class/dmi/id/{name}") or "").strip() for name in ("sys_vendor", "product_name")]
    vendors.append((_text("/sys/firmware/devicetree/base/hypervisor/compatible") or "").upper().strip("\0"))
    clock = _text("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return hypervisor(
        cpuinfo=_text("/proc/cpuinfo") or "",
        vendors=vendors,
        clock=clock.strip() if clock else None,
        xen=(_text("/sys/hypervisor/type") or "").strip() == "xen",
    )


def tools_present() -> dict[str, bool]:
    """Return which programs of the allowlist are installed."""
    folders = SEARCH_PATH.split(":")
    return {tool: any(os.access(f"{folder}/{tool}", os.X_OK) for folder in folders) for tool in sorted(PACKAGES)}


def has_ipv6() -> bool:
    """Tell whether any interface other than the loopback has an IPv6 address."""
    lines = (_text("/proc/self/net/if_inet6") or "").splitlines()
    return any(line.split()[-1] != "lo" for line in lines)


def ssh_connection() -> str | None:
    """Return ``SSH_CONNECTION``, also where sudo has taken it out of the environment: an ancestor still has it."""
    found = os.environ.get("SSH_CONNECTION")
    pid = os.getppid()
    for _step in range(ANCESTORS_MAX):
        if found or pid <= 1:
            break
        stat = process_stat(pid)
        try:
            data = bytes_of(f"/proc/{pid}/environ")
        except OSError:
            break
        for entry in data.split(b"\0"):
            if entry.startswith(b"SSH_CONNECTION="):
                found = entry.partition(b"=")[2].decode("ascii", errors="replace")
        pid = stat.parent if stat else 0
    return found


def gather(*, sysctl: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the facts of this host.

    Args:
        sysctl: the keys whose values to include; those that the kernel lacks are in ``sysctl_absent``.
        environment: where to look for ``SSH_CONNECTION``; by default that of this process and of its ancestors.

    Returns:
        ``memory_mb``, ``cpus``, ``kernel``, ``kernel_version`` as ``[major, minor]``, ``virtualization``,
        ``initial_netns``, ``ipv6`` (an address other than the loopback's), ``systemd`` (as PID 1), ``interfaces``,
        ``default_interface``, ``default_interfaces``, ``sysctl``, ``sysctl_absent``, ``python``, ``tools``,
        ``management``.

    Raises:
        NetoptError: ``/proc`` cannot be read.
    """
    memory = memory_mb(_text("/proc/meminfo") or "")
    if memory is None:
        raise NetoptError("/proc/meminfo cannot be read", stage="facts", hint="Is /proc mounted?")
    release = os.uname().release
    values = {key: read(key) for key in sysctl}
    return {
        "memory_mb": memory,
        "cpus": os.sysconf("SC_NPROCESSORS_ONLN"),
        "kernel": release,
        "kernel_version": kernel_version(release),
        "virtualization": virtualization(),
        "initial_netns": in_initial_netns(),
        "ipv6": has_ipv6(),
        "systemd": os.path.isdir("/run/systemd/system"),
        **links(),
        "sysctl": {key: value for key, value in values.items() if value is not None},
        "python": "{}.{}.{}".format(*sys.version_info[:3]),
        "tools": tools_present(),
        "management": management(ssh_connection() if environment is None else environment.get("SSH_CONNECTION")),
    }

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a host, parsed: what rules about a host may ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# linux/if_arp.h
LINK_TYPES = {1: "ethernet", 772: "loopback", 512: "ppp", 65534: "tunnel", 768: "tunnel", 769: "tunnel", 776: "tunnel"}
LINK_TYPES.update({778: "tunnel", 801: "wireless", 802: "wireless", 803: "wireless", 32: "infiniband"})
_HYPERVISOR_VENDORS = (  # beginnings of sys_vendor and product_name, Documentation of systemd-detect-virt
    ("Amazon EC2", "kvm"),
    ("Google", "kvm"),
    ("DigitalOcean", "kvm"),
    ("Hetzner", "kvm"),
    ("OpenStack", "kvm"),
    ("QEMU", "qemu"),
    ("KVM", "kvm"),
    ("VMware", "vmware"),
    ("innotek", "virtualbox"),
    ("VirtualBox", "virtualbox"),
    ("Xen", "xen"),
    ("Microsoft Corporation", "hyperv"),
    ("Parallels", "parallels"),
    ("Bochs", "qemu"),
)
_FAST_CLOCKS = {"kvm-clock": "kvm", "xen": "xen", "hyperv_clocksource_tsc_page": "hyperv"}
_CONTAINER_MARKS = ("docker", "lxc", "kubepods", "containerd", "libpod", "machine.slice/machine-")


def kernel_version(release: str) -> list[int]:
    """Return ``[major, minor]`` of a release such as ``6.1.0-13-cloud-amd64``; ``[0, 0]`` for no release at all."""
    match = re.match(r"(\d+)\.(\d+)", release)
    return [int(part) for part in match.groups()] if match else [0, 0]


def memory_mb(meminfo: str) -> int | None:
    """Return the memory in MiB as told by ``/proc/meminfo``."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    return int(match.group(1)) // 1024 if match else None


def speed_mbit(text: str | None) -> int | None:
    """Return the speed that ``/sys/class/net/X/speed`` tells, ``None`` where the device knows none (``-1``)."""
    if text is None or not re.match(r"^\d+$", text.strip()):
        return None
    speed = int(text)
    return speed if 0 < speed < 2**31 else None


def link_type(number: int | None, *, kind: str, devtype: str | None, wireless: bool) -> str:
    """Return what kind of interface one is: the kernel's own word (``bridge``, ``vlan``), else by its hardware.

    Args:
        number: its hardware type, an ARPHRD number.
        kind: what the kernel makes it by, empty for hardware.
        devtype: ``DEVTYPE`` of its uevent.
        wireless: whether it has a wireless part in sysfs.
    """
    if wireless or devtype == "wlan":
        return "wireless"
    return kind or devtype or LINK_TYPES.get(number or 0, "other")


def uevent(text: str) -> dict[str, str]:
    """Return the fields of a uevent file."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def hypervisor(*, cpuinfo: str, vendors: Iterable[str], clock: str | None, xen: bool) -> str:
    """Return the hypervisor under a machine, ``vm`` for one that is not known by name, ``none`` for bare metal.

    Args:
        cpuinfo: ``/proc/cpuinfo``; on x86 its flags tell that there is a hypervisor at all.
        vendors: ``sys_vendor`` and ``product_name`` of DMI, where they can be read.
        clock: the clock source in use, which names the hypervisor where DMI does not.
        xen: whether ``/sys/hypervisor/type`` says xen.
    """
    if xen:
        return "xen"
    guest = bool(re.search(r"^flags\s*:.*\bhypervisor\b", cpuinfo, re.MULTILINE))
    x86 = bool(re.search(r"^flags\s*:", cpuinfo, re.MULTILINE))
    if guest or not x86:  # other processors have no such flag, but their firmware has names
        for vendor in vendors:
            for beginning, name in _HYPERVISOR_VENDORS:
                if vendor.startswith(beginning):
                    return "kvm" if name == "qemu" and clock == "kvm-clock" else name
    if guest:
        return _FAST_CLOCKS.get(clock or "", "vm")
    return "none"


def in_container(*, marks: bool, environment: Mapping[str, str], cgroup: str) -> bool:
    """Tell whether PID 1 is a container's.

    Args:
        marks: whether ``/.dockerenv`` or ``/run/.containerenv`` is there.
        environment: that of PID 1, as far as it can be read.
        cgroup: ``/proc/1/cgroup``.
    """
    return marks or bool(environment.get("container")) or any(mark in cgroup for mark in _CONTAINER_MARKS)


def management(connection: str | None) -> dict[str, Any] | None:
    """Return where the session that manages this host comes from, of ``SSH_CONNECTION``; ``None`` without one."""
    fields = (connection or "").split()
    if len(fields) != 4 or not fields[3].isdigit():  # sshd(8): client, its port, server, its port
        return None
    port = int(fields[1]) if fields[1].isdigit() else None
    return {"local_port": int(fields[3]), "remote_addr": fields[0], "remote_port": port, "local_addr": fields[2]}

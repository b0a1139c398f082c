# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a host, parsed from what /proc and /sys say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.facts_parse import (
    default_interface,
    hypervisor,
    in_container,
    kernel_version,
    link_type,
    management,
    memory_mb,
    speed_mbit,
)

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
ETH0 = "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
WLAN0 = "wlan0\t00000000\t0100000A\t0003\t0\t0\t50\t00000000\t0\t0\t0\n"
NET = "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
HALF = "tun0\t00000000\t00000000\t0001\t0\t0\t0\t00000080\t0\t0\t0\n"
ZERO = "0" * 32
V6 = f"{ZERO} 00 {ZERO} 00 fe80{'0' * 28} 00000400 00000001 00000000 00000003 eth9\n"
V6_REJECT = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200 lo\n"


@pytest.mark.parametrize(
    ("route", "ipv6_route", "expected"),
    [
        (HEAD + NET + ETH0, "", "eth0"),
        (HEAD + ETH0 + WLAN0, "", "wlan0"),
        (HEAD + HALF, "", None),
        (HEAD, V6_REJECT + V6, "eth9"),
        (HEAD + ETH0, V6, "eth0"),
        ("", V6_REJECT, None),
        ("", "", None),
    ],
)
def test_default_interface(route: str, ipv6_route: str, expected: str | None) -> None:
    """The lowest metric wins, IPv4 before IPv6; half of the address space is no default route."""
    assert default_interface(route, ipv6_route) == expected


@pytest.mark.parametrize(("release", "expected"), [("6.1.0-13-cloud-amd64", [6, 1]), ("5.4.17", [5, 4]), ("", [0, 0])])
def test_kernel_version(release: str, expected: list[int]) -> None:
    """Major and minor are numbers."""
    assert kernel_version(release) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("1000\n", 1000), ("-1\n", None), ("4294967295", None), (None, None), ("0", None)]
)
def test_speed(text: str | None, expected: int | None) -> None:
    """A device that knows no speed has none."""
    assert speed_mbit(text) == expected


@pytest.mark.parametrize(
    ("number", "devtype", "wireless", "expected"),
    [
        (1, None, False, "ethernet"),
        (1, "bridge", False, "bridge"),
        (1, "wlan", False, "wireless"),
        (1, None, True, "wireless"),
        (772, None, False, "loopback"),
        (None, None, False, "other"),
    ],
)
def test_link_type(*, number: int | None, devtype: str | None, wireless: bool, expected: str) -> None:
    """The driver's own word is preferred to the hardware's."""
    assert link_type(number, devtype=devtype, wireless=wireless) == expected


@pytest.mark.parametrize(
    ("cpuinfo", "vendors", "clock", "xen", "expected"),
    [
        ("flags : fpu sse\n", ["Dell Inc."], "tsc", False, "none"),
        ("flags : fpu sse\n", ["Microsoft Corporation", "Surface"], "tsc", False, "none"),
        ("flags : fpu hypervisor\n", ["QEMU", "Standard PC"], "kvm-clock", False, "kvm"),
        ("flags : fpu hypervisor\n", ["QEMU", "Standard PC"], "tsc", False, "qemu"),
        ("flags : fpu hypervisor\n", ["VMware, Inc."], "tsc", False, "vmware"),
        ("flags : fpu hypervisor\n", [], "kvm-clock", False, "kvm"),
        ("flags : fpu hypervisor\n", [], "tsc", False, "vm"),
        ("Features : fp asimd\n", ["QEMU"], None, False, "qemu"),
        ("Features : fp asimd\n", ["Ampere"], None, False, "none"),
        ("", [], None, True, "xen"),
    ],
)
def test_hypervisor(*, cpuinfo: str, vendors: list[str], clock: str | None, xen: bool, expected: str) -> None:
    """Bare metal by a hypervisor's maker is still bare metal."""
    assert hypervisor(cpuinfo=cpuinfo, vendors=vendors, clock=clock, xen=xen) == expected


@pytest.mark.parametrize(
    ("marks", "environment", "cgroup", "expected"),
    [
        (True, {}, "0::/\n", True),
        (False, {"container": "podman"}, "0::/\n", True),
        (False, {}, "12:cpu:/kubepods/besteffort/x\n", True),
        (False, {}, "0::/init.scope\n", False),
    ],
)
def test_containers(*, marks: bool, environment: dict[str, str], cgroup: str, expected: bool) -> None:
    """Any of the three signs will do."""
    assert in_container(marks=marks, environment=environment, cgroup=cgroup) is expected


def test_memory() -> None:
    """KiB become MiB, and a file without a total gives none."""
    assert [memory_mb("MemTotal:       16384 kB\n"), memory_mb("x")] == [16, None]


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (
            "10.0.0.9 51234 10.0.0.1 2222",
            {"local_port": 2222, "remote_addr": "10.0.0.9", "remote_port": 51234, "local_addr": "10.0.0.1"},
        ),
        (
            "fd00::9 51234 fd00::1 22",
            {"local_port": 22, "remote_addr": "fd00::9", "remote_port": 51234, "local_addr": "fd00::1"},
        ),
        ("nonsense", None),
        (None, None),
    ],
)
def test_management(connection: str | None, expected: dict[str, Any] | None) -> None:
    """The session that manages this host, as sshd tells it."""
    assert management(connection) == expected

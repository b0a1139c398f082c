# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of a host, parsed from what /proc and /sys say."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.facts_parse import (
    hypervisor,
    in_container,
    kernel_version,
    link_type,
    management,
    memory_mb,
    speed_mbit,
)


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
    ("number", "kind", "devtype", "wireless", "expected"),
    [
        (1, "", None, False, "ethernet"),
        (1, "", "bridge", False, "bridge"),
        (1, "bridge", "bridge", False, "bridge"),
        (1, "", "wlan", False, "wireless"),
        (1, "", None, True, "wireless"),
        (1, "veth", None, False, "veth"),
        (1, "dummy", None, False, "dummy"),
        (1, "macvlan", "macvlan", False, "macvlan"),
        (1, "vrf", None, False, "vrf"),
        (65534, "wireguard", "wireguard", False, "wireguard"),
        (778, "gre", None, False, "gre"),
        (778, "", None, False, "tunnel"),
        (772, "", None, False, "loopback"),
        (None, "", None, False, "other"),
    ],
)
def test_link_type(*, number: int | None, kind: str, devtype: str | None, wireless: bool, expected: str) -> None:
    """The kernel's own word is preferred to the hardware's."""
    assert link_type(number, kind=kind, devtype=devtype, wireless=wireless) == expected


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

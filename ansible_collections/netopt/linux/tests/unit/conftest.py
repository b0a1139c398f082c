# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests marked ``own_host`` run on a host of their own, made of namespaces; without root they are skipped.

Each of them is a process in network, mount, UTS, IPC and PID namespaces of its own, with eth0 on a link that leads
nowhere, and files that vanish with it. What it starts ends with it. The machine is left as it was.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import subprocess
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transport.remote_main import ENTRIES

if TYPE_CHECKING:
    from collections.abc import Callable

MODULE_UTILS = "ansible_collections.netopt.linux.plugins.module_utils"
NAMESPACES = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000  # linux/sched.h: NS, UTS, IPC, PID, NET
USERS = 0x10000000  # NEWUSER
TIMEOUT_S = 120
MAKE_USERS = """
echo 0 >/proc/sys/user/max_net_namespaces
"""
MAKE = """
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs none /run
mount -t tmpfs none /mnt
mkdir /mnt/etc /mnt/etc.work /mnt/lib /mnt/lib.work
mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/etc,workdir=/mnt/etc.work /etc
mount -t overlay none -o lowerdir=/var/lib,upperdir=/mnt/lib,workdir=/mnt/lib.work /var/lib
ip link set lo up
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip link add eth0 type veth peer name peer0
ip address add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip link set peer0 up
for device in eth0 peer0; do  # the kernel tells them of each other a moment later, and IPv6 gives addresses then
  until ip link show $device | grep -q 'state UP' && ip -6 addr show dev $device | grep -q 'scope link'
  do sleep 0.01; done
done
ip route add default via 192.0.2.254
"""

VIEW = """
sysctl -a --pattern '^net[.]' 2>/dev/null | grep -v -e nf_conntrack_count -e conf.ifb
tc -d qdisc show | sed 's/direct_packets_stat [0-9]*//'
for device in $(ls /sys/class/net); do tc -d class show dev $device; tc -d filter show dev $device; done
tc -d filter show dev eth0 parent ffff: 2>/dev/null
nft list ruleset; ip -d link show; ip address show; ip route show; ip -6 route show; ethtool -k eth0
"""


def pytest_configure(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "own_host: runs on a host of its own, made of namespaces; needs root")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs root when there is none."""
    for item in items:
        if item.get_closest_marker("own_host") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="namespaces need root"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked so on a host of its own."""
    marker = pyfuncitem.get_closest_marker("own_host")
    if marker is None:
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    failure = _on_a_host(lambda: pyfuncitem.obj(**wanted), unrehearsed=marker.kwargs.get("unrehearsed", False))
    if failure:
        pytest.fail(failure, pytrace=False)
    return True


def _on_a_host(test: Callable[[], object], *, unrehearsed: bool) -> str:
    """Return how a test failed, as text; empty where it did not.

    Args:
        test: takes nothing.
        unrehearsed: the host has a user namespace too, in which no network namespaces can be made.
    """
    read_end, write_end = os.pipe()
    outer = os.fork()
    if outer == 0:
        status = 1
        try:
            os.close(read_end)
            wanted = NAMESPACES | USERS if unrehearsed else NAMESPACES
            if ctypes.CDLL(None, use_errno=True).unshare(wanted) != 0:
                os.write(write_end, os.strerror(ctypes.get_errno()).encode())
            elif (inner := os.fork()) == 0:  # process 1 of the host
                _first_process(test, write_end, f"{MAKE_USERS}{MAKE}" if unrehearsed else MAKE)
            else:
                os.close(write_end)
                status = os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1])
        finally:
            os._exit(abs(status))
    os.close(write_end)
    with os.fdopen(read_end, "rb") as stream:
        said = stream.read().decode()
    status = os.waitstatus_to_exitcode(os.waitpid(outer, 0)[1])
    return said or (f"The test's host ended with {status}" if status else "")


def _first_process(test: Callable[[], object], write_end: int, make: str) -> None:
    """Make the host around this process, run the test, and end."""
    status = 0
    try:
        os.set_inheritable(write_end, False)  # noqa: FBT003 - os knows no keyword here
        signal.signal(signal.SIGALRM, lambda *_: os._exit(99))
        signal.alarm(TIMEOUT_S)
        if make != MAKE:  # root of the namespace is root outside; from here on nothing outside can be touched
            for name, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
                Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
        subprocess.run(["sh", "-e", "-c", make], check=True)
        test()
    except BaseException:  # noqa: BLE001 - an assertion, or whatever else a test may raise, is told to the other side
        status = 1
        os.write(write_end, traceback.format_exc().encode())
    finally:
        os._exit(status)


@pytest.fixture
def view() -> Callable[[], str]:
    """Return what an operator's tools say of the host."""
    return lambda: subprocess.run(["sh", "-c", VIEW], check=False, capture_output=True, text=True).stdout


@pytest.fixture
def call() -> Callable[..., dict[str, Any]]:
    """Do what the transport does on a host: run a module's entry, with its defaults for what is not given."""

    def run(module: str, *, check: bool = False, diff: bool = False, **given: Any) -> dict[str, Any]:
        entry = importlib.import_module(f"{MODULE_UTILS}.{ENTRIES[module]}")
        options = {name: option.get("default") for name, option in entry.ARGUMENT_SPEC.items()}
        found: dict[str, Any] = entry.run({**options, **given}, check=check, diff=diff)
        return found

    return run

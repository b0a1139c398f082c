# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Anonymous network namespaces joined by veth pairs, for tests that send real traffic through nftables.

A namespace lives as long as its file descriptor; nothing is named, so nothing can be left behind.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(status: int) -> None:
    if status != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))


class Namespace:
    """A network namespace with loopback up and addresses usable at once."""

    def __init__(self) -> None:
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _check(_LIBC.unshare(CLONE_NEWNET))
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            run("ip link set lo up")
        finally:
            _check(_LIBC.setns(home, CLONE_NEWNET))
            os.close(home)

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Be in the namespace; sockets made here stay in it."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        _check(_LIBC.setns(self.fd, CLONE_NEWNET))
        try:
            yield
        finally:
            _check(_LIBC.setns(home, CLONE_NEWNET))
            os.close(home)

    def join(self, other: Namespace, name: str, other_name: str) -> None:
        """Lay a veth pair from ``name`` here to ``other_name`` there, both up and aware of it."""
        with self.inside():
            run(f"ip link add {name} type veth peer name {other_name} netns /proc/{os.getpid()}/fd/{other.fd}")
            run(f"ip link set {name} up")
        with other.inside():
            run(f"ip link set {other_name} up")
        for namespace, device in ((self, name), (other, other_name)):
            with namespace.inside():
                until(lambda name=device: "state UP" in run(f"ip link show dev {name}"), 30, f"{device} is up")

    def address(self, device: str, *addresses: str) -> None:
        """Give addresses to a device, the IPv6 ones without waiting for duplicates."""
        with self.inside():
            for address in addresses:
                run(f"ip addr add {address} dev {device}" + (" nodad" if ":" in address else ""))

    def close(self) -> None:
        """Let the kernel remove the namespace."""
        os.close(self.fd)


def run(command: str, *, stdin: str | None = None) -> str:
    """Run a command of plain words in the current namespace and return its output."""
    done = subprocess.run(command.split(), input=stdin, capture_output=True, check=False, text=True)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings labs up for fixtures, takes down what a killed session has left, and puts hosts out of order for a while."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mcp_bridge.lab import lifecycle, state
from mcp_bridge.lab.state import Lab
from tests.waiting import until

TENTATIVE_S = 300


def brought_up(purpose: str, *, hosts: int, kernel: str = "namespace", release: str = "") -> Iterator[Lab]:
    """Bring a lab of this session's own up, for a fixture to yield, and down again whatever happens; root only."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    for name in state.names():
        session = re.fullmatch(r"test-(\d+)-[a-z-]+", name)
        if session and not Path("/proc", session[1]).exists():
            lifecycle.down(name)  # its session was killed
    name = f"test-{os.getpid()}-{purpose}"  # 24 characters at most
    try:
        lab = lifecycle.up(name, hosts=hosts, kernel=kernel, release=release)
        await_addresses(lab)
        yield lab
    finally:
        lifecycle.down(name)


def await_addresses(lab: Lab) -> None:
    """Wait until no address is tentative: IPv6 looks for duplicates for a second."""
    for host in lab.hosts:
        until(lambda name=host.name: not _tentative(lab, name), TENTATIVE_S, f"{host.name}: no address tentative")


def _tentative(lab: Lab, host: str) -> str:
    done = lifecycle.execute(lab, host, ["ip", "-6", "address", "show", "tentative"])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def refusing(lab: Lab, number: int) -> Iterator[None]:
    """Take tc away from a host, so that it refuses the plan."""
    path = lifecycle.execute(lab, str(number), ["sh", "-c", "ls /usr/sbin/tc /sbin/tc | head -1"]).stdout.strip()
    assert lifecycle.execute(lab, str(number), ["mv", path, f"{path}.away"]).returncode == 0
    try:
        yield
    finally:
        lifecycle.execute(lab, str(number), ["mv", f"{path}.away", path])

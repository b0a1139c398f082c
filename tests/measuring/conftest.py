# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs for measurements that take minutes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three namespace hosts."""
    yield from _lab("net", hosts=3, kernel="namespace")


@pytest.fixture(scope="session")
def machines() -> Iterator[Lab]:
    """A virtual machine, whose kernel has netem."""
    yield from _lab("vm", hosts=1, kernel="vm")


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The namespace hosts, and a netopt of the test's own."""
    return ready(lab, tmp_path)


def _lab(purpose: str, *, hosts: int, kernel: str) -> Iterator[Lab]:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    name = f"measuring-{os.getpid()}-{purpose}"
    try:
        yield lifecycle.up(name, hosts=hosts, kernel=kernel)
    finally:
        lifecycle.down(name)

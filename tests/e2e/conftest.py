# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs for tests: brought up once per session, or once per test where hosts are treated badly."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mcp_bridge.lab import lifecycle, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.lab.state import Lab

HOSTS = 3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, with the reason, what needs root when there is none."""
    if os.geteuid() == 0:
        return
    for item in items:
        if {"lab", "fresh_lab", "machines"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.skip(reason="a lab needs root"))


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three namespace hosts for the whole session; a test leaves them as it found them."""
    yield from _lab("all", hosts=HOSTS, kernel="namespace")


@pytest.fixture
def fresh_lab() -> Iterator[Lab]:
    """Two namespace hosts for one test, to be treated as it likes."""
    yield from _lab("one", hosts=2, kernel="namespace")


@pytest.fixture(scope="session")
def machines() -> Iterator[Lab]:
    """Two virtual machines with the distribution's own kernel for the whole session."""
    yield from _lab("vm", hosts=2, kernel="vm")


def _lab(purpose: str, *, hosts: int, kernel: str) -> Iterator[Lab]:
    """Bring a lab of this session's own up, and down again whatever happens."""
    for name in state.names():
        session = re.fullmatch(r"e2e-(\d+)-[a-z]+", name)
        if session and not Path("/proc", session[1]).exists():
            lifecycle.down(name)  # its session was killed
    name = f"e2e-{os.getpid()}-{purpose}"
    try:
        yield lifecycle.up(name, hosts=hosts, kernel=kernel)
    finally:
        lifecycle.down(name)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs for tests: brought up once per session, or once per test where hosts are treated badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.fleet import Fleet, ready
from tests.labs import brought_up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_bridge.lab.state import Lab

HOSTS = 3


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three namespace hosts for the whole session; a test leaves them as it found them."""
    yield from brought_up("all", hosts=HOSTS)


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The session's hosts, and a netopt of the test's own."""
    return ready(lab, tmp_path)


@pytest.fixture
def fresh_lab() -> Iterator[Lab]:
    """Two namespace hosts for one test, to be treated as it likes."""
    yield from brought_up("one", hosts=2)


@pytest.fixture(scope="session")
def machines() -> Iterator[Lab]:
    """Two virtual machines with the distribution's own kernel for the whole session."""
    yield from brought_up("vm", hosts=2, kernel="vm")

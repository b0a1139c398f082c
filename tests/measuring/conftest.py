# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Labs for measurements that take minutes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready
from tests.labs import brought_up


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Three namespace hosts."""
    yield from brought_up("measuring", hosts=3)


@pytest.fixture(scope="session")
def machines() -> Iterator[Lab]:
    """A virtual machine, whose kernel has netem."""
    yield from brought_up("measure-vm", hosts=1, kernel="vm")


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The namespace hosts, and a netopt of the test's own."""
    return ready(lab, tmp_path)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with the tools of each release, on this machine's kernel and as a machine with that release's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.distribution import RELEASES, detect
from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready
from tests.labs import brought_up

KERNELS = ("namespace", "vm")


def releases() -> tuple[str, ...]:
    """Return the releases of this machine's distribution."""
    return RELEASES.get(detect().id, ())


def places() -> Iterator[Any]:
    """Yield what a host is made of, and of which release; the first one is what ``make test`` tries."""
    for kernel in KERNELS:
        for release in releases():
            first = kernel == KERNELS[0] and release == releases()[0]
            yield pytest.param((kernel, release), id=f"{kernel}-{release}", marks=[pytest.mark.oldest] if first else [])


@pytest.fixture(scope="module", params=places())
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """One host; a test leaves it as it found it."""
    kernel, release = request.param
    yield from brought_up("release", hosts=1, kernel=kernel, release=release)


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Fleet:
    """The host, and a netopt of the test's own."""
    return ready(lab, tmp_path)

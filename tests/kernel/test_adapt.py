# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adjuster at work: real pings, a real queue, and a kernel whose shaper it moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.uplink_lab import REFLECTOR, Uplink, uplink

BASE = 8000
SHAPED: dict[str, Any] = {"shaper": {"egress_mbit": 8}}
ADAPTING: dict[str, Any] = {
    "qdisc": {"type": "fq_codel", "params": {}},  # not in every kernel; the load here leaves none of its own to wait
    "shaper": {
        "egress_mbit": 8,
        "adapt": {"reflectors": [REFLECTOR], "egress_min_mbit": 2, "egress_max_mbit": 16, "interval_ms": 200},
    },
}


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Uplink]:
    """A host behind an uplink, with a shaper of 8 Mbit/s that a plan has set."""
    with uplink(tmp_path) as made:
        report = made.host.apply(SHAPED)
        assert report["status"] == "applied", report["error"]
        yield made


def test_the_rate_follows_the_uplink(line: Uplink) -> None:
    """Under load it goes up to the most while there is room, below an uplink that got slower, up again, and home."""
    with line.adjuster(ADAPTING):
        with line.load():
            line.wait_for_rate(16000, 16000)
            line.carries("4mbit")
            line.wait_for_rate(2000, 4000)
            line.carries("40mbit")
            line.wait_for_rate(8100, 16000)
        line.wait_for_rate(BASE, BASE)

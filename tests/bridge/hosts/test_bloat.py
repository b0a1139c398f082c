# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delay on a full link, in words."""

from __future__ import annotations

import pytest

from mcp_bridge.hosts import bloat
from mcp_bridge.hosts.measure import Delays, Measured, Throughput


def measured(loaded: float | None, idle: float = 21.0) -> Measured:
    """Return a host's measurement to one target."""
    iperf = Throughput(throughput_mbps=4.8, reverse_mbps=18.1)
    return Measured(ping={"192.0.2.1": Delays(p95_ms=idle, loaded_p95_ms=loaded)}, iperf=iperf)


def test_in_words() -> None:
    """What a full link adds is told with what that means, and what helps."""
    first, carried, advice = bloat.lines({"home": measured(640)})
    assert first == (
        "home: to 192.0.2.1 21 ms while nothing else runs, 640 ms while the link is full: 619 ms more, "
        "so it is hardly usable while it is full"
    )
    assert carried == "home: the link carried 4.8 and 18.1 Mbit/s up and down"
    assert "--profile gaming --up MBIT --down MBIT" in advice


def test_before_and_after() -> None:
    """Beside an earlier measurement it is told by how much the link has become quicker, or slower."""
    lines = list(bloat.lines({"home": measured(26)}, {"home": measured(640)}))
    assert lines[0].endswith("5 ms more, so it stays quick")
    assert lines[1] == "home: before it was 619 ms more: 614 ms less now, 124 times less"
    assert bloat.ADVICE not in lines
    assert "600 ms more now" in list(bloat.lines({"home": measured(640)}, {"home": measured(40)}))[1]
    assert not [line for line in bloat.lines({"home": measured(26)}, {"other": measured(640)}) if "before" in line]


def test_nothing_measured() -> None:
    """A target without figures is named, and a link that got quicker under load adds nothing."""
    (first, *_more) = bloat.lines({"home": measured(None)})
    assert first == "home: 192.0.2.1: no delay was measured on the full link"
    assert bloat.added_ms(Delays(p95_ms=30, loaded_p95_ms=28)) == 0


@pytest.mark.parametrize(
    ("added", "words"), [(10, "it stays quick"), (400, "calls and games suffer"), (401, bloat.BEYOND)]
)
def test_words(added: float, words: str) -> None:
    """Each span of delay has its words."""
    assert bloat.word(added) == words

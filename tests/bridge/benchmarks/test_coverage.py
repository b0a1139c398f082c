# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of what public configurations set a plan can say; ``tests/kernel`` has the same of commands."""

from __future__ import annotations

import pytest

from benchmarks.coverage import SYSCTLS, covered, covered_others, share
from mcp_bridge.policy import load_policy

WANTED = 0.98


@pytest.mark.parametrize("held_out", [False, True])
def test_nearly_all_of_what_people_set_can_be_said(*, held_out: bool) -> None:
    """Of the keys below net in public configurations all but two in a hundred have a card that takes their value."""
    found = [one for one in covered(SYSCTLS, load_policy()) if one.held_out is held_out]
    assert len(found) > 10
    assert share(found) >= WANTED, [one for one in found if one.refused]


def test_what_cannot_be_said_has_a_reason() -> None:
    """What is left over is refused on purpose: an action, an algorithm that Linux has not, a queue of one packet."""
    refused = {key: why for one in covered(SYSCTLS, load_policy()) for key, why in one.refused.items()}
    assert set(refused) == {
        "net.ipv4.route.flush",
        "net.ipv4.tcp_congestion_control",
        "net.core.netdev_max_backlog",
    }
    assert "an action, not a setting" in refused["net.ipv4.route.flush"]


def test_what_is_no_command_can_be_said() -> None:
    """Limits, marks, steering and rings that are set by other means are said, all of them."""
    found = covered_others(load_policy())
    assert len(found) > 10
    assert [words for one in found for words in one.refused] == []

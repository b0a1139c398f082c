# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much of what public configurations set a plan can say."""

from __future__ import annotations

from benchmarks.coverage import CONFIGURATIONS, covered, share
from mcp_bridge.policy import load_policy

WANTED = 0.98


def test_nearly_all_of_what_people_set_can_be_said() -> None:
    """Of the keys below net in public configurations all but two in a hundred have a card that takes their value."""
    found = covered(CONFIGURATIONS, load_policy())
    assert len(found) > 20
    assert share(found) >= WANTED, [one for one in found if one.refused]


def test_what_cannot_be_said_has_a_reason() -> None:
    """What is left over is refused on purpose: flushing a table of routes is no setting."""
    refused = {key: why for one in covered(CONFIGURATIONS, load_policy()) for key, why in one.refused.items()}
    assert set(refused) == {"net.ipv4.route.flush"}
    assert "an action, not a setting" in refused["net.ipv4.route.flush"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that waits for its confirmation is given more time, from the command line to the host and back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready
from tests.waiting import past, until

pytestmark = pytest.mark.lab

FIN = "net.ipv4.tcp_fin_timeout"
FIRST_S = 25  # a busy machine takes its time to ask for more


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """The lab's hosts, which the test leaves as they were."""
    fleet = ready(lab, tmp_path)
    before = fleet.views()
    yield fleet
    assert fleet.differences(before) == []


def test_confirm_extend_moves_the_time_and_says_until_when(fleet: Fleet) -> None:
    """Past its first time the change still waits; it is kept, or undone in the new time; then it gets no more."""
    applied = fleet.apply({"sysctl": {FIN: 19}}, "--confirm-timeout", str(FIRST_S)).report
    began = time.monotonic()
    identity = applied["checkpoint_id"]
    asked = fleet.netopt("confirm", identity, "--extend", "600", "--check", "--json")
    assert asked.statuses == {"would_change"}, asked.text + asked.said
    moved = fleet.netopt("confirm", identity, "--extend", "600", "--json")
    assert (moved.status, moved.statuses) == (0, {"applied"}), moved.text + moved.said
    for host in moved.report["hosts"].values():
        (change,) = host["diff"]
        assert change["key"] == f"{identity} confirm by"
        assert "600 s from now" in change["after"]
    assert f"netopt confirm {identity}" in str(moved.report["notes"])

    past(began + FIRST_S + 2)
    assert set(fleet.values(FIN)) == {"19"}
    assert fleet.netopt("confirm", identity, "--json", "-l", fleet.name(1)).statuses == {"applied"}
    shorter = fleet.netopt("confirm", identity, "--extend", "5", "--json", "-l", f"!{fleet.name(1)}")
    assert shorter.statuses == {"applied"}, shorter.text + shorter.said
    until(lambda: set(fleet.values(FIN)[1:]) == {"60"}, 30, "the others come back", every_s=0.5)

    refused = fleet.netopt("confirm", identity, "--extend", "600", "--json")
    assert (refused.status, refused.statuses) == (1, {"failed"})
    said = {name: host["error"]["message"] for name, host in refused.report["hosts"].items()}
    assert "does not wait for a confirmation" in said[fleet.name(1)]
    assert "rolled back: not confirmed in time" in said[fleet.name(2)]
    assert fleet.netopt("rollback", identity).status == 0


@pytest.mark.parametrize(("seconds", "words"), [("4", "5 to 86400"), ("90000", "5 to 86400"), ("soon", "not a whole")])
def test_time_beyond_the_limits_is_refused_before_any_host_is_asked(fleet: Fleet, seconds: str, words: str) -> None:
    """The policy's limits hold for the new time as for the first."""
    answer = fleet.netopt("confirm", "any", "--extend", seconds)
    assert answer.status in {1, 2}
    assert words in answer.text + answer.said

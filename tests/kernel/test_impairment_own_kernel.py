# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans with netem and mq on a kernel that has all qdiscs: made alike by text and module, known again, taken back."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.kernel.impairment_program import PLANS
from tests.own_kernel import answer_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``impairment_program`` prints there."""
    return answer_of("tests.kernel.impairment_program", tmp_path_factory.mktemp("impairment"))


@pytest.mark.parametrize("name", PLANS)
def test_made_and_taken_back(found: dict[str, Any], name: str) -> None:
    """The text once and twice and the module lead to one state; a second run does nothing; the way back is exact."""
    plan = found["plans"][name]
    assert plan["text"] == [plan["state"], plan["state"]]
    assert (plan["left"], plan["back"]) == ([], True)


def test_cake_tells_hosts_apart_both_ways(found: dict[str, Any]) -> None:
    """What leaves is shared among hosts that send, what arrives among those that receive, each with its own tree."""
    lines = [line for line in found["plans"]["cake for hosts both ways"]["state"] if ": qdisc cake" in line]
    assert ["dual-srchost" in line and "20Mbit" in line for line in lines] == [True, False]
    assert ["dual-dsthost" in line and "90Mbit" in line and " ingress " in line for line in lines] == [False, True]


def test_another_table_is_another_queue(found: dict[str, Any]) -> None:
    """The kernel does not show the table of a netem, its handle does; a change by hand is seen and mended."""
    table = found["table"]
    assert any("9000:" in line for line in table["other"])
    assert table["then"] == []
    assert any("delay 20ms" in line for line in table["drift"])


def test_a_table_that_is_not_there(found: dict[str, Any]) -> None:
    """Where the host lacks the table, the refusal says what to install."""
    assert "distribution data for normal" in found["refusal"]
    assert "install the whole package of iproute2" in found["refusal"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rings, coalescing and pause frames on drivers of real cards, which an emulated machine has."""

from __future__ import annotations

from typing import Any

import pytest

from tests.devices.machine import answer_of

pytestmark = [pytest.mark.vm, pytest.mark.long]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``nic_program`` prints there."""
    answer: dict[str, Any] = answer_of("tests.devices.nic_program", tmp_path_factory.mktemp("devices"))
    return answer


@pytest.mark.parametrize(
    ("card", "case", "diff"),
    [
        ("e1000e", "rings", {"eth0 rings.rx": "4096", "eth0 rings.tx": "512"}),
        ("e1000e", "delay", {"eth0 coalesce.rx_usecs": "20"}),
        ("e1000e", "pause", {"eth0 pause.autoneg": "off", "eth0 pause.tx": "off"}),
        ("vmxnet3", "rings", {"eth1 rings.rx": "4096"}),
    ],
)
def test_there_and_back(found: dict[str, Any], card: str, case: str, diff: dict[str, str]) -> None:
    """It holds, a second time nothing is to be done, the text does the same, and it goes back exactly."""
    assert found[card][case] == {
        "statuses": ["applied", "unchanged"],
        "message": None,
        "diff": diff,
        "text does the same": True,
        "left": [],
        "as before": True,
    }


@pytest.mark.parametrize(
    ("card", "case", "status", "message"),
    [
        ("e1000e", "rounded", "rolled_back", "rings.rx of eth0 was set to 100, but the device keeps 104"),
        ("e1000e", "negotiated", "rolled_back", "pause.rx of eth0 was set to off, but the device keeps on"),
        ("e1000e", "adaptive", "failed", "eth0 has no coalescing adaptive_rx"),
        ("e1000e", "channels", "failed", "eth0 has no channels that can be set"),
        ("vmxnet3", "rounded", "rolled_back", "rings.rx of eth1 was set to 100, but the device keeps 128"),
        ("vmxnet3", "delay", "failed", "eth1 has no coalescing that can be set"),
        ("vmxnet3", "pause", "failed", "eth1 has no pause frames that can be set"),
        ("vmxnet3", "channels", "failed", "eth1 has no channels that can be set"),
    ],
)
def test_what_a_card_does_not_do(found: dict[str, Any], card: str, case: str, status: str, message: str) -> None:
    """What the driver rounds goes back at once, what it lacks is refused before; both say what it is."""
    one = found[card][case]
    assert (one["statuses"], one["message"]) == ([status, status], message)
    assert one["left"] == []

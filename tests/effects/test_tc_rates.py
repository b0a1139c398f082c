# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rates that packets get, within 5 %: shapers, classes that borrow, guarantees, the class of the rest."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any

import pytest

from tests.effects.tc_host import Host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

CLOSE = 0.05
VOICE, BULK, REST = 7001, 7002, 7003


def classes(*figures: tuple[float, float | None], parent: str | None = None) -> list[dict[str, Any]]:
    """Return classes 1:10, 1:20, ... for the ports from VOICE on, by (rate, ceiling)."""
    found = []
    for number, (rate, ceil) in enumerate(figures):
        one: dict[str, Any] = {"classid": f"1:{number + 1}0", "rate_mbit": rate}
        one |= {"ceil_mbit": ceil} if ceil else {}
        one |= {"parent": parent} if parent else {}
        found.append({**one, "match": [{"proto": "udp", "dports": [str(VOICE + number)]}]})
    return found


ROWS: dict[str, tuple[dict[str, Any], list[int], dict[str, float]]] = {
    "a shaper": ({"shaper": {"egress_mbit": 10}}, [REST], {"all": 10}),
    "a shaper's ceiling": ({"shaper": {"egress_mbit": 10, "ceil_mbit": 30}}, [REST], {"all": 30}),
    "a class borrows without a shaper": ({"htb_classes": classes((5, 50))}, [VOICE], {"1:10": 50}),
    "each class reaches its ceiling without a shaper": (
        {"htb_classes": classes((5, 20), (10, None))},
        [VOICE, BULK],
        {"1:10": 20, "1:20": 10},
    ),
    "a class without a ceiling keeps to its rate": ({"htb_classes": classes((5, None))}, [VOICE], {"1:10": 5}),
    "a class borrows from the shaper": (
        {"shaper": {"egress_mbit": 20}, "htb_classes": classes((2, 20))},
        [VOICE],
        {"1:10": 20},
    ),
    "guarantees hold": (
        {"shaper": {"egress_mbit": 20}, "htb_classes": classes((15, 20), (4, 20))},
        [VOICE, BULK, REST],
        {"1:10": 15, "1:20": 4, "1:fffe": 1, "all": 20},
    ),
    "guarantees hold below a ceiling": (
        {"shaper": {"egress_mbit": 10, "ceil_mbit": 20}, "htb_classes": classes((8, 8), (1, 20))},
        [VOICE, BULK],
        {"1:10": 8, "1:20": 12, "all": 20},
    ),
    "the rest borrows": (
        {"shaper": {"egress_mbit": 20}, "htb_classes": classes((15, 20))},
        [REST],
        {"1:fffe": 20},
    ),
    "promises above the shaper are lowered": (
        {"shaper": {"egress_mbit": 20}, "htb_classes": classes((20, None), (20, None))},
        [VOICE, BULK],
        {"1:10": 10, "1:20": 10, "all": 20},
    ),
    "the rest counts as well": (
        {"shaper": {"egress_mbit": 2}, "htb_classes": classes((2, None))},
        [VOICE, REST],
        {"all": 2},
    ),
    "the root beside a shaper is the shaper": (
        {"shaper": {"egress_mbit": 10}, "htb_classes": classes((6, 50), (6, 50), parent="1:")},
        [VOICE, BULK],
        {"all": 10},
    ),
    "a default class": (
        {"shaper": {"egress_mbit": 20}, "htb_classes": classes((12, None), (8, None)), "default_class": "1:20"},
        [VOICE, REST],
        {"1:10": 12, "1:20": 8},
    ),
    "promises lowered twice": (
        {
            "shaper": {"egress_mbit": 8},
            "htb_classes": [
                {"classid": "1:5", "rate_mbit": 16},
                *classes((8, None), (16, None), parent="1:5"),
                {"classid": "1:6", "rate_mbit": 0.1},
            ],
            "default_class": "1:6",
        },
        [VOICE, BULK, REST],
        {"all": 8},
    ),
}


@pytest.mark.parametrize(("changes", "ports", "expected"), ROWS.values(), ids=ROWS.keys())
def test_rates(changes: dict[str, Any], ports: list[int], expected: dict[str, float]) -> None:
    """What is sent all at once to these ports leaves at these rates, Mbit/s."""
    with ExitStack() as stack:
        host = Host(stack)
        host.apply(changes)
        found = host.rates(ports)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=CLOSE)

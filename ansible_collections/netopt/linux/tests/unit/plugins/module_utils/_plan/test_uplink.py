# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a profile makes of an uplink."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plan.uplink import check_variable, shaping

HOW: dict[str, Any] = {
    "up_pct": 95,
    "down_pct": 90,
    "changes": {"qdisc": {"type": "cake"}, "ingress": {"qdisc": {"type": "cake"}}},
}
HOME = {"up_mbit": 20, "down_mbit": 100}


@pytest.mark.parametrize(
    ("link", "shaper"),
    [
        (HOME, {"egress_mbit": 19, "ingress_mbit": 90}),
        ({"up_mbit": 0.512, "down_mbit": 6.3}, {"egress_mbit": 0.486, "ingress_mbit": 5.67}),
        ({**HOME, "overhead_bytes": 0}, {"egress_mbit": 19, "ingress_mbit": 90, "overhead_bytes": 0}),
        ({**HOME, "overhead_bytes": None}, {"egress_mbit": 19, "ingress_mbit": 90}),
    ],
)
def test_rates(link: dict[str, Any], shaper: dict[str, Any]) -> None:
    """Rates are the profile's share of the link's, in whole kbit/s; an overhead goes along."""
    found = shaping(link, HOW)
    assert found["shaper"] == shaper
    assert all(isinstance(value, int) for value in found["shaper"].values() if value == int(value))


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ((), {"shaper", "qdisc", "ingress"}),
        (("sysctl", "dscp"), {"shaper", "qdisc", "ingress"}),
        (("qdisc",), {"shaper"}),
        (("shaper",), {"qdisc"}),
        (("ingress",), {"shaper", "qdisc"}),
        (("htb_classes",), {"shaper", "ingress"}),
        (("shaper", "qdisc"), set()),
    ],
)
def test_what_a_plan_says_wins(own: tuple[str, ...], left: set[str]) -> None:
    """Only what the plan leaves open is given, and a qdisc of its own serves both ways."""
    assert set(shaping(HOME, HOW, own=own)) == left


def test_what_is_given_is_not_shared() -> None:
    """The changes may be altered without the profile being altered."""
    shaping(HOME, HOW)["qdisc"]["type"] = "fq"
    assert HOW["changes"]["qdisc"] == {"type": "cake"}


def test_bounds() -> None:
    """Rates and overhead out of the policy's bounds are refused by name; without bounds a rate is more than 0."""
    bounds = {"egress_mbit": [1, 1000], "ingress_mbit": [1, 1000], "overhead_bytes": [-64, 256]}
    check_variable(HOME, {**HOW, "bounds": bounds})
    for link, word in (
        ({**HOME, "up_mbit": 1100}, "up_mbit"),
        ({**HOME, "down_mbit": 1.0}, "down_mbit"),
        ({**HOME, "overhead_bytes": 300}, "overhead_bytes"),
    ):
        with pytest.raises(NetoptError) as caught:
            check_variable(link, {**HOW, "bounds": bounds})
        assert caught.value.key == f"netopt_link.{word}"
    check_variable({**HOME, "overhead_bytes": -20}, HOW)
    with pytest.raises(NetoptError):
        check_variable({**HOME, "up_mbit": 0}, HOW)

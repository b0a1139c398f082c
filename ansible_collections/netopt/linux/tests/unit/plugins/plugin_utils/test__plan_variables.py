# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the variables of a host say of its plan."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils._plan_variables import given_by

PLAN = {"iface": "eth0", "changes": {"mtu": 1400}}
OTHER = {"iface": "eth0", "changes": {"mtu": 1300}}


def options(given: dict[str, Any] | None = None, **variables: Any) -> dict[str, Any]:
    """Return the options that variables give, which are named here without ``netopt_``."""
    return given_by({f"netopt_{name}": value for name, value in variables.items()}.get, given)


def test_each_option_has_a_variable() -> None:
    """What is said goes to the option of that name, and nothing else does."""
    assert options(plan=PLAN, persist=True, link={"up_mbit": 5}, hosts="all", check_policy=False) == {
        "plan": PLAN,
        "persist": True,
        "link": {"up_mbit": 5},
    }


@pytest.mark.parametrize("nothing", [None, "", [], {}, False])
def test_empty_variables_say_nothing(nothing: Any) -> None:
    """A question of a survey that was left open is as good as none."""
    assert options(plan=PLAN, digest=nothing, label=nothing, labels=nothing, persist=nothing) == {"plan": PLAN}
    assert options(confirm_timeout_s="") == options(confirm_timeout_s=None) == {}


def test_a_change_can_be_kept_at_once() -> None:
    """Zero seconds are something else than nothing."""
    assert options(confirm_timeout_s=0) == {"confirm_timeout_s": 0}


def test_what_netopt_has_checked_is_the_plan() -> None:
    """The inventory says neither another plan beside it nor what the policy says of it."""
    given = {"plans": [PLAN], "digest": "1", "allowlist": None, "modules": {}}
    said = options(given, plan=OTHER, digest="2", allowlist={"tc": []}, adaptations=[{}], by="me", labels=["netem"])
    assert said == {"plans": [PLAN], "digest": "1", "by": "me", "labels": ["netem"]}


@pytest.mark.parametrize(("confirm", "seconds"), [("manual", 900), ("auto", 30)])
def test_a_wave_says_how_it_is_confirmed(confirm: str, seconds: int) -> None:
    """A rollout that confirms by itself says for how long hosts wait; where each host does, its variable says."""
    wave = {"checkpoint_id": "of-the-rollout", "confirm": confirm, "guard_s": 900}
    said = options(wave=wave, confirm_timeout_s=30, checkpoint_id="another", confirm="auto")
    assert said == {"checkpoint_id": "of-the-rollout", "confirm": confirm, "confirm_timeout_s": seconds}

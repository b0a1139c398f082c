# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which adjusters a plan asks for, by the very commands that make its shapers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._adapt import origin, subsystem
from ansible_collections.netopt.linux.plugins.module_utils._adjuster.shapers import words_for
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc.commands import commands
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent as tc_intent

ADAPT = {"reflectors": ["192.0.2.1"], "egress_min_mbit": 5, "ingress_min_mbit": 20, "ingress_max_mbit": 200}
SHAPER = {"egress_mbit": 20, "ingress_mbit": 100, "adapt": ADAPT}


def changes(kind: str, **more: Any) -> dict[str, Any]:
    """Return changes with a shaper that adapts."""
    return {"qdisc": {"type": kind, "params": {}}, "shaper": SHAPER, **more}


@pytest.mark.parametrize(("kind", "shaper"), [("cake", "cake"), ("fq_codel", "htb")])
def test_the_words_are_those_of_the_plan(kind: str, shaper: str) -> None:
    """At the plan's own rate the adjuster says what made the shaper, and at others the same with another rate."""
    asked = changes(kind)
    settings = subsystem.intent(asked, ("eth0",)).settings["eth0"]
    made = [list(one.words) for one in commands(tc_intent(asked, ("eth0",)), "eth0")]
    for name, one in settings["directions"].items():
        verb = ["tc", *one["words"][:1], "replace" if shaper == "cake" else "add", *one["words"][2:]]
        assert (one["kind"], verb in made) == (shaper, True)
        moved = words_for(one, one["min_kbit"])
        assert words_for(one, one["base_kbit"]) == one["words"]
        assert moved[moved.index("bandwidth" if shaper == "cake" else "ceil") + 1] == f"{one['min_kbit']}kbit"
        assert one["device"] == {"egress": "eth0", "ingress": "ifb-eth0"}[name]


def test_rates_and_defaults() -> None:
    """The least comes from the plan, the most is the plan's own rate by default, and so are threshold and interval."""
    settings = subsystem.intent(changes("cake"), ("eth0",)).settings["eth0"]
    rates = {
        name: tuple(one[f"{word}_kbit"] for word in ("min", "base", "max"))
        for name, one in settings["directions"].items()
    }
    assert rates == {"egress": (5000, 20000, 20000), "ingress": (20000, 100000, 200000)}
    assert (settings["delay_ms"], settings["interval_ms"]) == (30, 500)


def test_off_without_the_word() -> None:
    """A shaper alone asks for no adjuster, and is rendered without a word of one."""
    wanted = subsystem.intent({"shaper": {"egress_mbit": 20}}, ("eth0",))
    assert (bool(wanted), subsystem.render(wanted)) == (False, "")


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"qdisc": None}, "changes.shaper.adapt.egress_min_mbit"),
        ({"htb_classes": [{"classid": "1:10", "rate_mbit": 5}]}, "changes.shaper.adapt.egress_min_mbit"),
        (
            {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 5}]}},
            "changes.shaper.adapt.ingress_min_mbit",
        ),
        ({"shaper": {**SHAPER, "adapt": {**ADAPT, "egress_min_mbit": 21}}}, "changes.shaper.adapt.egress_min_mbit"),
        ({"shaper": {**SHAPER, "adapt": {**ADAPT, "reflectors": ["a"]}}}, "changes.shaper.adapt.reflectors.0"),
    ],
)
def test_what_cannot_adapt_is_refused_on_a_host_as_well(more: dict[str, Any], path: str) -> None:
    """Several plans in force may make together what no door has seen: it is refused before anything is touched."""
    with pytest.raises(NetoptError) as refused:
        subsystem.intent({**changes("fq_codel"), **more}, ("eth0",))
    assert (refused.value.stage, refused.value.key) == ("plan", path)


def test_render_says_who_is_pinged_and_what_is_moved() -> None:
    """The preview has comments alone, with the unit, the addresses, the bounds and the commands."""
    text = subsystem.render(subsystem.intent(changes("cake"), ("eth0.5",)))
    assert all(line.startswith("# ") for line in text.splitlines())
    assert "netopt-adapt-eth0_2e5: pings 192.0.2.1 every 500 ms" in text
    assert "5000 to 20000 kbit/s: tc qdisc change dev eth0.5 root handle 1: cake bandwidth 20mbit" in text


def test_units_are_told_apart() -> None:
    """No two interfaces share a unit, whatever is in their names."""
    names = ["eth0", "eth0.5", "eth0_5", "eth0-5", "eth0_2e5"]
    assert len({subsystem.unit_of(name) for name in names}) == len(names)


def test_steps_between_states() -> None:
    """What runs already is left alone; other settings stop it and start it anew; none stop it."""
    one = subsystem.intent(changes("cake"), ("eth0",)).settings["eth0"]
    other = {**one, "delay_ms": 60}

    def steps(now: Any, then: Any) -> list[str]:
        found = subsystem.operations({"interfaces": {"eth0": now}}, {"interfaces": {"eth0": then}})
        return [step.command.split()[0] for step in found]

    assert steps(one, one) == []
    assert steps(None, one) == ["systemd-run"]
    assert steps(one, other) == ["systemctl", "systemd-run"]
    assert steps(one, None) == ["systemctl"]
    assert [change.key for change in subsystem.diff({"interfaces": {}}, {"interfaces": {"eth0": one}})] == [
        "eth0 adapt"
    ]


def test_nobody_asks_any_more() -> None:
    """An adjuster that no plan asks for is to stop; what another plan asks for stays."""
    wanted = subsystem.intent(changes("cake"), ("eth0",))
    claims = origin.claims(wanted)
    assert claims == {"eth0 adapt"}
    back = origin.give_back(wanted, {"wan0 adapt": {}}, {})
    assert {iface: back.of(iface).settings.get(iface) is None for iface in back.ifaces} == {"eth0": False, "wan0": True}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scripts of other tools as plans, on a kernel that has all qdiscs: as ``docs/coming-from.md`` shows them.

The kernel reads the same after the plan as after the script, but for what is said here and in the lines of the page.
"""

from __future__ import annotations

import os
import re
from itertools import pairwise
from typing import Any

import pytest
import yaml

from tests.coming_from_page import scripts
from tests.kernel.adopt_scripts_program import CAKE_OF_LINK, FILTERS, IDLE, NETEMS, OTHERWISE, QDISCS, UNSAID
from tests.own_kernel import answer_of

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root"),
]

LIMIT = 1000  # of a netem, by tc
# By script and way: what each of the two holds in the place of what the other does.
LONGER = "direct_qlen 1000"  # of the device that netopt makes for what arrives
INNER = "class htb :1 root rate 20Mbit ceil 20Mbit linklayer ethernet burst {0}b/1 mpu 0b cburst {0}b/1 mpu 0b level 7"
CAKE = "triple-isolate nonat nowash no-ack-filter split-gso rtt 100ms raw overhead 0"
BURSTS = "linklayer ethernet burst 1600b/1 mpu 0b cburst 1600b/1 mpu 0b level 0"
DIFFERENT: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("uplink.sh", "arriving"): (
        {"qdisc htb root r2q 10 default 0 direct_qlen 32"},
        {f"qdisc htb root r2q 10 default 0 {LONGER}"},
    ),
    ("simple.sh", "arriving"): (
        {"qdisc htb root r2q 10 default 10 direct_qlen 32", INNER.format(1600)},
        {f"qdisc htb root r2q 10 default 10 {LONGER}", INNER.format(2500)},
    ),
    ("queues.sh", "leaving"): (
        {
            f"class htb :3 :1 prio 3 quantum 200000 rate 100Mbit ceil 200Mbit {BURSTS}",
            f"qdisc cake :3 bandwidth unlimited diffserv4 {CAKE}",
        },
        set(),
    ),
}
WITH_NETEM = ("slow.sh", "rig.sh")  # beside which a prio lets some packets pass


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``adopt_scripts_program`` prints there."""
    return answer_of("tests.kernel.adopt_scripts_program", tmp_path_factory.mktemp("scripts"))


@pytest.mark.parametrize("name", scripts())
def test_as_the_page_shows(found: dict[str, Any], name: str) -> None:
    """The plan and the lines that are left out are those of the page, to the letter."""
    got, (_text, plan, told) = found["scripts"][name], scripts()[name]
    assert got["status"] == 0
    assert got["plan"].replace("/tmp/", "") == plan  # noqa: S108 - where the script lay
    said = re.sub(r"\n?\d+ settings? adopted.*\Z", "", got["told"].replace("/tmp/", ""), flags=re.DOTALL)  # noqa: S108
    assert said == told.rstrip()


@pytest.mark.parametrize("name", scripts())
def test_the_kernel_reads_the_same(found: dict[str, Any], name: str) -> None:
    """Qdiscs and classes are those of the script, and an apply of the plan on top of itself does nothing."""
    (made,) = found["scripts"][name]["made"]
    assert made["left"] == []
    for way in ("leaving", "arriving"):
        script, plan = (set(each[way]) for each in (found["scripts"][name]["script"], made))
        if name in WITH_NETEM and way == "leaving":
            netem = [line.partition("limit")[2] for line in script if line.startswith("qdisc netem")]
            assert netem
            assert netem == [line.partition("limit")[2] for line in plan if line.startswith("qdisc netem")]
            assert {line for line in script if "class htb" in line} <= plan
        elif way == "leaving" or "ingress" in scripts()[name][1]:
            assert (script - plan, plan - script) == DIFFERENT.get((name, way), (set(), set()))


def test_each_qdisc(found: dict[str, Any]) -> None:
    """Every parameter comes back as it was given, and what is as the kernel has it by itself is left out."""
    each = found["each"]
    plans = {plan["iface"]: plan["changes"] for plan in yaml.safe_load_all(each["plan"])}
    for number, (words, params) in enumerate(QDISCS.items()):
        assert plans[f"d{number}"]["qdisc"] == {"type": words.split()[0], **({"params": params} if params else {})}
    for number, netem in enumerate(NETEMS.values()):
        assert plans[f"n{number}"] == {"netem": {"limit": LIMIT, **netem}}
    assert "It failed" not in each["told"]


def told_of(each: dict[str, Any], device: str) -> str:
    """Return the reasons of the lines about an interface."""
    lines = each["told"].splitlines()
    return " ".join(reason for line, reason in pairwise(lines) if f" dev {device} " in line)


def test_each_filter(found: dict[str, Any]) -> None:
    """What a filter matches is the match of its class, for packets of its family; what no plan matches is told."""
    each = found["each"]
    plans = {plan["iface"]: plan["changes"] for plan in yaml.safe_load_all(each["plan"])}
    for number, (words, wanted) in enumerate(FILTERS.items()):
        classes = {one["classid"]: one for one in plans[f"f{number}"]["htb_classes"]}
        told = told_of(each, f"f{number}")
        if isinstance(wanted, str):
            assert wanted in told, words
            assert "match" not in classes["1:1"], words
        else:
            assert classes["1:1"].get("match") == [wanted], (words, told)
            assert told == "", words


def test_each_that_no_plan_has(found: dict[str, Any]) -> None:
    """The line of the command that made it says what no plan has."""
    for number, (words, reason) in enumerate(UNSAID.items()):
        assert reason in told_of(found["each"], f"u{number}"), words
    plans = {plan["iface"]: plan["changes"] for plan in yaml.safe_load_all(found["each"]["plan"])}
    linked = plans[f"u{list(UNSAID).index(CAKE_OF_LINK)}"]["qdisc"]["params"]
    assert linked == {"bandwidth_mbit": 6, "overhead": 44, "mpu": 64, "atm": "atm"}
    assert plans[f"u{list(UNSAID).index(IDLE)}"] == {"qdisc": {"type": "pfifo", "params": {"limit": 50}}}


def test_each_that_a_plan_says_otherwise(found: dict[str, Any]) -> None:
    """What the plan says does the same, and the line says what is another way."""
    plans = {plan["iface"]: plan["changes"] for plan in yaml.safe_load_all(found["each"]["plan"])}
    for number, (words, (changes, reason)) in enumerate(OTHERWISE.items()):
        assert plans[f"o{number}"] == changes, words
        assert reason in told_of(found["each"], f"o{number}"), words

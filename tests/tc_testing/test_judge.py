# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the suite complains of: all that is neither exact nor refused for a reason that is listed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.tc_testing.cases import Case, read
from tests.tc_testing.judge import Found, Refusal, complaints, refusals, table

KNOWN = [Refusal(reason="a block is shared", message="shares its filters", cases=("aa01",))]


def came(result: str, *, case: str = "aa01", message: str = "it shares its filters") -> Found:
    """Return what came of a case."""
    return {"id": case, "name": "N", "plan": "d egress_mbit", "result": result, "stage": "apply", "message": message}


@pytest.mark.parametrize(
    ("found", "whole", "said"),
    [
        ([came("refused")], True, []),
        ([came("refused", message="another reason")], True, ["aa01 (N), d egress_mbit, is refused"]),
        ([came("refused"), came("refused", case="aa02")], True, ["aa02 (N), d egress_mbit, is refused"]),
        ([came("exact")], True, ["aa01 is not refused"]),
        ([came("exact")], False, []),
        ([came("same")], True, []),
        ([came("refused"), came("same", case="aa03"), came("none", case="aa04")], True, []),
        *(([came(word)], False, [f"aa01 (N), d egress_mbit, is {word}"]) for word in ("lost", "wrong", "broken")),
        ([came("failed")], False, ["aa01 (N), d egress_mbit, is failed"]),
    ],
)
def test_complaints(*, found: list[Found], whole: bool, said: list[str]) -> None:
    """A refusal needs a reason of its case, a reason needs a refusal, and nothing else is let pass."""
    told = complaints(found, KNOWN, whole=whole)
    assert [text.startswith(words) for text, words in zip(told, said, strict=True)] == [True] * len(said)


def test_reasons_are_for_people() -> None:
    """Each reason of the list is a sentence, and no case is listed twice, or without quotes."""
    known = refusals()
    assert all(one.reason.endswith(".") and one.message for one in known)
    cases = [case for one in known for case in one.cases]
    assert len(cases) == len(set(cases))
    assert all(re.fullmatch("[0-9a-f]{4}", case) for case in cases)


def test_table_counts_states_and_plans() -> None:
    """A state is counted once, however many plans were tried."""
    rows = dict(
        line.rsplit(maxsplit=1) for line in table([came("exact"), came("lost"), came("none", case="b")]).splitlines()
    )
    assert {name.strip(): int(count) for name, count in rows.items() if count != "0"} == {
        "cases": 2,
        "make no state here": 1,
        "tried, each with a state of its own": 1,
        "plans there and back": 2,
        "exact": 1,
        "lost": 1,
    }


def test_reads_a_case(tmp_path: Path) -> None:
    """Names are filled in, and a simulated device is one with as many queues."""
    file = tmp_path / "cases.json"
    setup = ['echo "1 1 8" > /sys/bus/netdevsim/new_device', ["$TC qdisc add dev $ETH clsact", 0, 2]]
    file.write_text(json.dumps([{"id": "aa01", "name": "N", "setup": setup, "cmdUnderTest": "$IP link"}]))
    assert read([file]) == [Case("aa01", "N", ("tc qdisc add dev eth0 clsact",), "ip link", queues=8)]

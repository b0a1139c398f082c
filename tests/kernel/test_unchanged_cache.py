# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that still reads as it did when a plan held is believed without a rehearsal, and only such a host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.engine import apply, applying, calls
from tests.faults.hosts import Host, host
from tests.faults.states import CHANGES

REHEARSAL = "_rehearse.rehearse"


@pytest.fixture
def made() -> Iterator[Host]:
    """A host on which the plan holds."""
    with host("") as one:
        report = apply(one, CHANGES, checkpoint_id="first").value
        assert report["status"] == "applied", report["error"]
        yield one


def rehearses(one: Host, status: str, **options: object) -> bool:
    """Apply the plan, require a status, and tell whether it was rehearsed."""
    seen = calls(one, applying(CHANGES, **options))
    assert apply(one, CHANGES, **options).value["status"] == status
    return REHEARSAL in seen


def cache_file(one: Host) -> Path:
    """Return the file in which the host remembers."""
    return one.root / "run/netopt/unchanged.json"


def test_a_host_that_holds_the_plan_is_not_rehearsed_again(made: Host) -> None:
    """Nothing is rehearsed, nothing is changed, also in check mode."""
    before = made.dump()
    assert not rehearses(made, "unchanged")
    assert not rehearses(made, "unchanged", check=True)
    assert made.dump() == before


DRIFT: dict[str, str] = {
    "sysctl": "echo 77 >/proc/sys/net/ipv4/tcp_fin_timeout",
    "mtu": "ip link set eth0 mtu 1390",
    "offload": "ethtool -K eth0 tso on",
    "class": "tc class change dev eth0 parent 1:1 classid 1:10 htb rate 51mbit ceil 100mbit",
    "filter": "tc filter del dev eth0 parent 1:",
    "rule": "nft flush chain inet netopt input",
    "table": "nft delete table inet netopt",
}


@pytest.mark.parametrize("by_hand", DRIFT.values(), ids=DRIFT)
def test_what_was_changed_by_hand_is_seen_and_mended(made: Host, by_hand: str) -> None:
    """Each setting that differs leads to a rehearsal, and to the plan again."""
    before = made.dump()
    made.shell(by_hand, check=True)
    assert made.dump() != before
    report = apply(made, CHANGES).value
    assert report["status"] == "applied", report["error"]
    assert made.dump() == before


def test_counters_and_what_packets_leave_behind_do_not_matter(made: Host) -> None:
    """A rule's counters and the elements of a dynamic set are no difference."""
    made.shell("nft add element inet netopt connlimit_tcp_v4 '{ 192.0.2.7 . 443 ct count over 100 }'", check=True)
    assert "192.0.2.7" in made.shell("nft list table inet netopt")
    assert not rehearses(made, "unchanged")


LOSSES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "garbage": lambda path: path.write_text("{"),
    "another shape": lambda path: path.write_text("[]"),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_a_cache_that_is_lost_costs_a_rehearsal(made: Host, lose: Callable[[Path], object]) -> None:
    """Without its cache the host rehearses once, says the same, and fills it again."""
    lose(cache_file(made))
    assert apply(made, CHANGES).value["status"] == "unchanged"
    assert not rehearses(made, "unchanged")


def test_another_plan_is_rehearsed(made: Host) -> None:
    """What is remembered of one plan says nothing of another."""
    report = apply(made, {**CHANGES, "dscp": []}).value
    assert report["status"] == "applied", report["error"]

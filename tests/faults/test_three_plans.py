# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""With three plans in force, an apply and a remove end in one state or the other, whatever happens to them.

The record of the plans and the kernel agree afterwards: both are as before, or both as after. ``NETOPT_STRIKES`` says
at how many calls of each change processes are killed and power is cut, spread over all; ``make properties`` takes many.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.faults.conftest import Faults
from tests.faults.engine import Strike, asking, calls, guarding, meanwhile
from tests.faults.hosts import Host
from tests.faults.side_by_side import reads
from tests.faults.test_storage import DISKS, MOMENTS
from tests.faults.three_plans import (
    FIRST,
    LEFT,
    Case,
    ask,
    case,
    record,
    restarted,
    status,
)

STRIKES = int(os.environ.get("NETOPT_STRIKES", "0"))
MAKER = ("_checkpoint/store.update 2",)  # as the end is written down
DISK_STAGES = MOMENTS if STRIKES else ("before the end is written down",)
KILL = Strike(signal.SIGKILL)
HALFWAY = replace(KILL, operation=3, all_at_once=True)


@pytest.fixture(params=["apply", pytest.param("remove", marks=pytest.mark.long)], scope="module")
def found(request: pytest.FixtureRequest) -> Iterator[Case]:
    """A host with three plans in force and one of the changes, for all tests; each leads it back to where it was."""
    with case(request.param) as made:
        yield made


def at(moment: str, strike: Strike = KILL) -> Strike:
    """Return a strike at a moment: ``_folder/file.function no.``."""
    call, _blank, count = moment.partition(" ")
    return replace(strike, call=call, count=int(count or 1))


def spread(seen: list[str], strike: Strike, strikes: int = STRIKES) -> list[Strike]:
    """Return strikes at calls that are spread over all."""
    places = [len(seen) * (2 * number + 1) // (2 * strikes) for number in range(strikes)]
    return [replace(strike, call=seen[at], count=seen[: at + 1].count(seen[at])) for at in sorted({*places})]


def engine_calls(found: Case) -> list[str]:
    """Return the calls that a change makes, and undo it."""
    seen = calls(found.host, asking({**found.change, "checkpoint_id": "counted"}))
    found.recovered("counted")
    return seen


def struck(found: Case, strike: Strike, identity: str) -> None:
    """Have a change struck on its way."""
    outcome = found.host.run(asking({**found.change, "checkpoint_id": identity}, strike=strike))
    if not outcome.signal:  # it was the rehearsal's process, in the scratch namespace
        assert "ended by SIGKILL" in outcome.value["error"]["message"], outcome.value


def test_kill_9_of_the_maker(found: Case, faults: Faults) -> None:
    """The guard leads the host back before anybody asks again, unless the change was made."""
    strikes = [at(moment) for moment in MAKER]
    for number, strike in enumerate(strikes + (spread(engine_calls(found), KILL) if STRIKES else [])):
        with faults.injected(f"{found.name}: {strike}"):
            struck(found, strike, f"maker-{number}")
            found.host.wait_until_idle()
            found.settled()
            found.recovered(f"maker-{number}")


def test_kill_9_of_everything(found: Case, faults: Faults) -> None:
    """Maker and guard end at once: the next run finds that and leads the host back first."""
    more = spread(engine_calls(found), replace(KILL, all_at_once=True)) if STRIKES else []
    for number, strike in enumerate([HALFWAY, *more]):
        with faults.injected(f"{found.name}: everything, {strike}"):
            struck(found, strike, f"all-{number}")
            found.recovered(f"all-{number}")


def test_kill_9_of_the_guard_on_its_way_back(found: Case, faults: Faults) -> None:
    """A guard that ends while it restores leaves that to the next run."""
    struck(found, HALFWAY, "guarded")
    seen = calls(found.host, guarding("guarded"))
    assert found.recovered("guarded") == "before"
    for number, strike in enumerate(spread(seen, KILL, STRIKES or 1)):
        with faults.injected(f"{found.name}: guard, {strike}"):
            struck(found, HALFWAY, f"guard-{number}")
            assert found.host.run(guarding(f"guard-{number}", strike=strike)).signal == signal.SIGKILL
            assert found.recovered(f"guard-{number}") == "before"


def test_power_cut(found: Case, faults: Faults) -> None:
    """After the restart the record is that of before or of after, and its plans lead to the same as ever."""
    everything = replace(KILL, all_at_once=True)
    strikes = [at("_checkpoint/store.keep_report", everything)]
    for number, strike in enumerate(strikes + (spread(engine_calls(found), everything) if STRIKES else [])):
        with faults.injected(f"{found.name}: power cut, {strike}"):
            struck(found, strike, f"cut-{number}")
            with restarted(found.host) as again:
                check_restarted(found, again, f"cut-{number}")
            found.recovered(f"cut-{number}")


def check_restarted(found: Case, again: Host, identity: str) -> None:
    """See that a host has a record to go by after a restart, and can be led to where that says it was."""
    told = again.run(record).value
    assert told in (found.before.record, found.after.record)
    made = told == found.after.record
    assert again.run(lambda: status(identity)).value in (("confirmed",) if made else (None, "rolled_back"))
    for plan in LEFT[found.name] if made else FIRST:
        ask(again, plan=plan)
    assert again.run(record).value == told
    assert again.run(reads).value == (found.after if made else found.before).reads


@pytest.mark.parametrize("disk", DISKS if STRIKES else ["full"])
def test_disk_that_refuses(found: Case, disk: str, faults: Faults) -> None:
    """From any moment on nothing can be written: what is reported, the record and the kernel say the same."""
    break_it, mend_it = DISKS[disk]
    for number, stage in enumerate(DISK_STAGES):
        with faults.injected(f"{found.name}: disk {disk} {stage}"):
            identity = f"{disk.replace(' ', '-')}-{number}"
            change = asking({**found.change, "checkpoint_id": identity})
            report = found.host.run(meanwhile(change, MOMENTS[stage], break_it)).value
            found.host.wait_until_idle()
            seen = found.settled()
            found.host.shell(mend_it)
            assert report["status"] in (("applied",) if seen == "after" else ("failed", "rolled_back")), report
            assert found.recovered(identity) == seen

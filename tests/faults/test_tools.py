# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools that a change is made with fail, hang, or talk nonsense: the host is as it was, and the report says so."""

from __future__ import annotations

import pytest

from tests.faults import tools
from tests.faults.conftest import Faults
from tests.faults.engine import apply
from tests.faults.hosts import Host, host, some_of
from tests.faults.states import CHANGES, SMALL, STATES

STATE = "a shaper of its own"
TOOL_TIMEOUT_S = 1.0
HELD = {"sysctl": {"net.ipv4.tcp_fin_timeout": "42"}}


# what one tool shows of the engine's own ways is tried with each tool in make long
MISBEHAVES = [
    pytest.param(name, how, marks=() if name == "nft" or (name, how) == ("tc", "fails") else pytest.mark.long)
    for name in tools.TOOLS
    for how in ("fails", "prints garbage", "fails having done it", "dies")
]
HANGS = [pytest.param(name, marks=() if name == "nft" else pytest.mark.long) for name in tools.TOOLS]
MENDED = [
    pytest.param(name, mend, marks=() if name == "nft" else pytest.mark.long)
    for name in ("nft", "ethtool", "ip")
    for mend in ("by hand", "by the next change")
]


def count_calls(made: Host, name: str) -> int:
    """Return how often one whole change calls a tool, and undo the change."""
    first = tools.calls(made, name)
    report = apply(made, CHANGES, checkpoint_id="whole").value
    assert report["status"] == "applied", report["error"]
    number = tools.calls(made, name) - first
    made.by_hand("whole", "--restore")
    return number


@pytest.mark.parametrize(("name", "how"), MISBEHAVES)
def test_tool_that_misbehaves_once_leaves_the_host_as_before_or_as_planned(name: str, how: str, faults: Faults) -> None:
    """A tool behaves badly at each of its calls: the change is undone, or it was not needed."""
    with host(STATES[STATE]) as made:
        tools.wrap(made, name)
        before = made.dump()
        hold(made)
        number = count_calls(made, name)
        made.check(before)
        for at in some_of(range(1, number + 1), 4):
            with faults.injected(f"{name} {how} at call {at} of {number}"):
                identity = f"at-{at}"
                tools.misbehave(made, name, how, at=at)
                report = apply(made, CHANGES, checkpoint_id=identity).value
                tools.behave(made, name)
                if report["status"] == "applied":
                    assert apply(made, CHANGES).value["status"] == "unchanged"
                    assert made.status(identity) == "confirmed"
                    made.by_hand(identity, "--restore")
                else:
                    assert report["status"] in {"failed", "rolled_back"}, report["error"]
                    assert report["error"]["message"]
                    assert "defect" not in (report["error"]["hint"] or ""), report["error"]
                    assert made.status(identity) == ("rolled_back" if report["status"] == "rolled_back" else None)
                made.wait_until_idle()
                made.check(before)


@pytest.mark.parametrize("name", HANGS)
def test_tool_that_hangs_is_given_up_and_the_host_is_as_before(name: str, faults: Faults) -> None:
    """A tool that does not end is killed when its time is over, and the change is undone."""
    with host(STATES[STATE]) as made:
        tools.wrap(made, name)
        before = made.dump()
        hold(made)
        number = count_calls(made, name)
        for at in sorted({1, number // 2, number - 1, number} - {0}):
            with faults.injected(f"{name} hangs at call {at} of {number}"):
                tools.misbehave(made, name, "hangs", at=at)
                report = apply(made, CHANGES, tool_timeout_s=TOOL_TIMEOUT_S, checkpoint_id=f"at-{at}").value
                tools.behave(made, name)
                if report["status"] == "applied":
                    made.by_hand(f"at-{at}", "--restore")
                else:
                    assert "did not finish" in report["error"]["message"]
                made.wait_until_idle()
                made.check(before)


@pytest.mark.parametrize(("name", "mend"), MENDED)
def test_tool_broken_for_good_is_reported_and_mended_once_it_is_well(name: str, mend: str, faults: Faults) -> None:
    """Where the rollback cannot succeed either, the report says so; the operator or the next change tries it again."""
    with host(STATES[STATE]) as made:
        tools.wrap(made, name)
        before = made.dump()
        hold(made)
        number = count_calls(made, name)
        for at in some_of(range(1, number + 1), 4):
            with faults.injected(f"{name} fails from call {at} of {number} on"):
                identity = f"at-{at}"
                tools.misbehave(made, name, "fails", at=at, times=1000)
                report = apply(made, CHANGES, checkpoint_id=identity).value
                assert report["status"] in {"failed", "rolled_back", "rollback_failed"}, report
                if report["status"] == "rollback_failed":
                    assert made.status(identity) == "restore_failed"
                    assert "restore_failed" in made.by_hand(identity, "--list")
                    mend_it(made, identity, name, mend)
                tools.behave(made, name)
                made.check(before)


def hold(made: Host) -> None:
    """Put a plan in force that says what the state holds already; applied again it changes nothing."""
    assert apply(made, HELD, checkpoint_id="held").value["status"] == "applied"


def mend_it(made: Host, identity: str, name: str, mend: str) -> None:
    """Have a failed rollback tried again with its tool still broken, which fails, and once more with it well."""
    if mend == "by hand":
        made.by_hand(identity, "--restore")
        assert made.status(identity) == "restore_failed"
        tools.behave(made, name)
        said = made.by_hand(identity, "--restore")
        assert made.status(identity) == "rolled_back", said
        return
    refused = apply(made, SMALL).value
    assert refused["status"] == "failed"
    error = refused["error"]
    assert error["stage"] == "restore", error
    assert f"{identity} could not be rolled back, and rolling it back fails" in error["message"], error
    assert f"netopt rollback {identity}" in error["hint"]
    assert made.status(identity) == "restore_failed"
    tools.behave(made, name)
    report = apply(made, HELD).value
    assert report["status"] == "unchanged", report
    assert f"{identity} could not be rolled back; the state before it was restored first" in str(report["warnings"])
    assert made.status(identity) == "rolled_back"


@pytest.mark.parametrize("how", ["outlives its caller", "hangs without its caller"])
@pytest.mark.parametrize("name", ["nft", "ethtool"])
def test_tool_that_outlives_its_killed_caller_does_not_race_the_guard(name: str, how: str, faults: Faults) -> None:
    """What a killed change leaves running is waited for or ended before the host is restored."""
    with host(STATES[STATE]) as made:
        tools.wrap(made, name)
        before = made.dump()
        hold(made)
        number = count_calls(made, name)
        for at in sorted({number // 2, number - 1, number}):
            with faults.injected(f"{name} {how} at call {at} of {number}"):
                tools.misbehave(made, name, how, at=at)
                outcome = apply(made, CHANGES, guard_s=2.0, checkpoint_id=f"at-{at}")
                tools.behave(made, name)
                if not outcome.signal:  # it was the rehearsal's process, in the scratch namespace
                    assert outcome.value["status"] == "failed"
                if made.status(f"at-{at}") is None:  # no guard yet: the next change ends what is left over
                    assert apply(made, HELD).value["status"] == "unchanged"
                made.wait_until_idle()
                made.check(before)
                assert made.status(f"at-{at}") in {None, "rolled_back"}


def test_guard_killed_while_it_restores_is_mended_by_hand_and_by_the_next_change(faults: Faults) -> None:
    """A restore that is itself cut short is taken up again, by the operator or by the next change."""
    with host(STATES[STATE]) as made:
        tools.wrap(made, "nft")
        tools.wrap(made, "ethtool")
        before = made.dump()
        hold(made)
        for mend in ("by hand", "by the next change"):
            for name in ("nft", "ethtool"):
                for at in (1, 2):
                    with faults.injected(f"guard killed at call {at} of {name}, mended {mend}"):
                        identity = f"{name}-{at}-{mend.replace(' ', '-')}"
                        report = apply(made, CHANGES, confirm_timeout_s=0.5, checkpoint_id=identity).value
                        assert report["status"] == "applied", report["error"]
                        tools.misbehave(made, name, "is struck in the guard", at=at, times=1000)
                        made.wait_until_idle()
                        tools.behave(made, name)
                        assert made.status(identity) == "armed"
                        if mend == "by hand":
                            made.by_hand(identity, "--restore")
                        else:
                            assert apply(made, HELD).value["status"] == "unchanged"
                        assert made.status(identity) == "rolled_back"
                        made.check(before)

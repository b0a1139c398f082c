# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts the faults that are injected, and those after which a host is neither as before nor as planned."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.hosts import LEFT_OUT

HERE = Path(__file__).parent
AT_LEAST = 200  # faults that a run of all of this folder injects
LINES = 12  # of each loss; the first say enough
COUNTED = {"injected": 0, "lost": 0}
SAID: list[str] = []  # lines for the end of the run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, and skip it with the reason when there is no root."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.kernel)
            if os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason="hosts in namespaces need root"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end how many faults there were, and how many were lost."""
    for line in SAID:
        terminalreporter.write_line(line)
    if LEFT_OUT["places"]:
        terminalreporter.write_line(f"{LEFT_OUT['places']} places for faults left out: make properties has them all")
    if COUNTED["injected"]:
        terminalreporter.write_line(f"{COUNTED['injected']} faults injected, {COUNTED['lost']} lost")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail a run of the whole folder that has injected fewer faults than there should be."""
    whole = [Path(word).resolve() for word in session.config.args] == [HERE]
    chosen = session.config.getoption("keyword") or session.config.getoption("markexpr")
    if (
        whole
        and not chosen
        and exitstatus == pytest.ExitCode.OK
        and COUNTED["injected"] < AT_LEAST
        and not os.geteuid()
    ):
        SAID.append(f"only {COUNTED['injected']} faults injected, at least {AT_LEAST} are wanted")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


class Faults:
    """The faults of one test. All are injected, whatever becomes of the first."""

    def __init__(self) -> None:
        self.lost: list[str] = []

    @contextmanager
    def injected(self, name: object) -> Iterator[None]:
        """Count one fault; a failed assertion in the block counts it as lost."""
        COUNTED["injected"] += 1
        try:
            yield
        except AssertionError as error:
            COUNTED["lost"] += 1
            self.lost.append(f"{name}: " + "\n".join(str(error).splitlines()[:LINES]))


@pytest.fixture
def faults() -> Iterator[Faults]:
    """What counts the faults of a test, and fails it in the end if one was lost."""
    found = Faults()
    yield found
    if found.lost:
        pytest.fail(f"{len(found.lost)} faults lost:\n" + "\n".join(found.lost), pytrace=False)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kernel ends a process at its time, also one that is stopped, and with it the rehearsal that it waits for."""

from __future__ import annotations

import os
import signal
import time

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.deadline import end_at, go_on
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace

ENDS_S = 0.3
LONG_S = 60


def _forked(act: object) -> int:
    """Run a function in a child and return its pid; it ends with 0 when the function returns."""
    pid = os.fork()
    if pid == 0:
        try:
            act()  # type: ignore[operator]
            os._exit(0)
        finally:
            os._exit(1)
    return pid


def _stopped() -> None:
    end_at(ENDS_S)
    os.kill(os.getpid(), signal.SIGSTOP)


def test_a_stopped_process_is_ended() -> None:
    """SIGSTOP keeps a process from everything but this."""
    pid = _forked(_stopped)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL


def test_one_that_may_go_on_is_not() -> None:
    """Once its change has a guard, the process outlives its time."""

    def spared() -> None:
        end_at(ENDS_S)
        go_on()
        time.sleep(2 * ENDS_S)

    assert os.waitpid(_forked(spared), 0)[1] == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")
def test_its_rehearsal_goes_with_it() -> None:
    """A process in the scratch namespace is ended too: the pipe that both write to comes to its end."""
    read_end, write_end = os.pipe()

    def rehearses() -> None:
        end_at(ENDS_S)
        in_scratch_namespace(lambda: os.write(write_end, b"x") and time.sleep(LONG_S))

    pid = _forked(rehearses)
    os.close(write_end)
    assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGKILL
    with os.fdopen(read_end, "rb") as stream:
        assert stream.read() == b"x"

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How tools end that do not end well: by a signal, and after their time."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools

ALLOWED = {"sh": ["-c *"]}


def _error(line: str, *, stage: str = "rehearse", check: bool = True) -> NetoptError:
    """Return the error of a line of shell."""
    with pytest.raises(NetoptError) as caught:
        Tools(allowlist=ALLOWED, timeout_s=0.2).run(["sh", "-c", line], stage=stage, check=check)
    return caught.value


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize(
    ("number", "message", "hint"),
    [
        (11, "sh crashed (SIGSEGV): sh -c ", "update the package"),
        (6, "sh crashed (SIGABRT): sh -c ", "update the package"),
        (9, "sh was ended by SIGKILL: sh -c ", "out of memory"),
        (40, "sh was ended by signal 40: sh -c ", "out of memory"),
    ],
)
def test_a_signal_is_named(number: int, message: str, hint: str, *, check: bool) -> None:
    """A crash is called a crash, with the signal and what to do, also where an exit status would be no error."""
    error = _error(f"kill -{number} $$", check=check)
    assert error.message.startswith(message)
    assert (error.stage, hint in (error.hint or "")) == ("rehearse", True)
    assert (error.hint or "").startswith("Nothing was changed on the host. ")


def test_a_tool_that_takes_too_long_says_what_to_do() -> None:
    """The error has the command, the time, and a hint; nothing is said of the host where it may have been changed."""
    error = _error("sleep 9", stage="apply")
    assert error.message == "sh -c sleep 9 did not finish within 0.2 s and was killed"
    assert (error.wanted, error.after) == ("an end within 0.2 s", "still at work after 0.2 s")
    assert (error.hint or "").startswith("The host is under load, or sh waits for something")

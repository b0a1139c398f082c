# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cause of a missing result is found in what sudo and Python print, and in nothing else."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils._no_result import gave_none, sudo_says, too_old


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("sudo: sorry, you must have a tty to run sudo", "sudo on the host wants a terminal"),
        ("sudo: no tty present and no askpass program specified", "sudo on the host wants a terminal"),
        (
            "sudo: a terminal is required to read the password; either use the -S option to read from standard input",
            "sudo on the host wants a terminal",
        ),
        ("joe is not in the sudoers file.  This incident will be reported.", None),
        ("joe is not in the sudoers file.\nThis incident has been reported to the administrator.", None),
        ("Sorry, user joe is not allowed to execute '/bin/sh' as root on web1.", "The user may not become root"),
        ("Sorry, user joe may not run sudo on web1.", "The user may not become root"),
        ("sudo: a password is required", "sudo on the host wants a password"),
        ("Welcome! A terminal is required here.", ""),
        ("Traceback (most recent call last):", ""),
        ("", ""),
    ],
)
def test_sudo(line: str, begins: str | None) -> None:
    """Each of its refusals is told with what to do; a banner that sounds alike is none."""
    found = sudo_says(f"Last login: today\n{line}\n")
    if begins == "":
        assert found is None
    else:
        assert found is not None
        assert found.startswith(begins or "The user may not become root on the host: joe is not in the sudoers file.")


@pytest.mark.parametrize(
    ("printed", "old"),
    [
        ("Python 3.7.16\n", "3.7.16"),
        ("Python 2.7.18\n", "2.7.18"),
        ("motd\nPython 3.6.15\n", "3.6.15"),
        ("Python 3.8.0\n", None),
        ("Python 3.13.0rc1\n", None),
        ("sh: python3: not found\n", None),
    ],
)
def test_python(printed: str, old: str | None) -> None:
    """A version before 3.8 is named, with the program that has it."""
    found = too_old(printed, "/usr/bin/python3")
    if old is None:
        assert found is None
    else:
        assert found is not None
        assert f"/usr/bin/python3 is {old}, and 3.8 or newer is wanted" in found


def test_results_that_are_none() -> None:
    """Words of ansible-core and of the transport for a missing result are known; a report is a result."""
    assert gave_none({"failed": True, "msg": "Module result deserialization failed: No start of json char found"})
    assert gave_none({"failed": True, "msg": "netopt_info ended without a result"})
    assert not gave_none({"failed": True, "msg": "The plan is refused"})
    assert not gave_none({"msg": "ended without a result"})

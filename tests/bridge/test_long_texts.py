# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""However long a text of a host or a client is, and whatever it is made of, it is looked through in one go."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LENGTHS = (30_000, 300_000)
CPU_S = 30  # ample for what grows with the length; with its square it would be minutes to hours
# what the patterns begin with, and what they skip; and what a text may begin with, so that the rest is inside of it
ESCAPES = ("\x9d", "\x1b]", "\x9b", "\x1b[", "\x9b0", "\x1b[0 ", "\x9d\x1b", "\x1b]\x1b", "0", " ")
FAILURES = (
    *("connection to ", "module interpreter ", "python1", "python ", "sudo: ", "reached over ssh: "),
    *("Task failed:", "Failed to connect to the host via ssh: ", "ERROR!\n", "[ERROR]: ", " ", "\n"),
)
SECRETS = (
    *("pass", "token=", 'token="', "token='\"", "secret ", "secret: ", "api-", "api-key", "private_key", "token-key"),
    *("eyJ", "-eyJ", "eyJ.", "eyJaaaaa.", "-eyJaaaaa.b ", "bearer ", "basic ", "a", " ", '"'),
    *("-----BEGIN ", "-----END ", "-----BEGIN PRIVATE KEY-----", "PRIVATE KEY"),
)


@pytest.mark.parametrize(
    ("reader", "beginnings", "units"),
    [
        ("untrusted", ("", "\x9b", "\x9d"), ESCAPES),
        pytest.param("unreachable", ("",), FAILURES, marks=pytest.mark.long),
        pytest.param("failed", ("",), FAILURES, marks=pytest.mark.long),
        pytest.param("playbook", ("", "ERROR!"), FAILURES, marks=pytest.mark.long),
        ("log", ("", "-----BEGIN PRIVATE KEY-----", "-----BEGIN "), SECRETS),
    ],
)
def test_processor_time(reader: str, beginnings: tuple[str, ...], units: tuple[str, ...]) -> None:
    """A text of 300,000 characters needs no more than what is in proportion to a short one."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bridge.long_texts_program", json.dumps([reader, beginnings, units, LENGTHS])],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S)),
    )
    assert done.returncode == 0, f"ended at {done.stdout.splitlines()[-1:]}: {done.stderr}"

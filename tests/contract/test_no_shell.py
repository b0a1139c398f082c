# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every program that a change executes on a host, as the kernel saw it: on the allowlist, and never a shell."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.command_allowlist import ALLOWLIST, refuse
from tests.contract.test_text_equals_modules import PLANS, prepare
from tests.contract.text_and_modules import request
from tests.kernel.transaction_host import APPLY, CHECKPOINT, Host, transaction_host

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"), reason="takes root and strace"),
]

CALL = re.compile(r'execve\("(?P<path>[^"]*)", (?P<argv>\[.*?\]), (?:\[|0x).*\) = 0$')
SHELLS = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "env", "xargs"}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two interfaces."""
    with transaction_host() as made:
        yield prepare(made)


def executed(
    host: Host, program: tuple[str, ...], asked: dict[str, Any], log: Path
) -> tuple[dict[str, Any], list[list[str]]]:
    """Run a program under strace; return its answer and the argv of every program that was executed below it."""
    traced = ["strace", "-f", "-qq", "-e", "trace=execve", "-e", "signal=none", "-v", "-s", "200000", "-o", str(log)]
    answer = json.loads(host.run(*traced, *program, stdin=json.dumps(asked)))
    lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.endswith(" = 0")]
    calls = [CALL.search(line) for line in lines]
    assert all(calls), lines
    return answer, [[os.fsdecode(word) for word in json.loads(call["argv"])] for call in calls if call][1:]


def is_guard(argv: list[str]) -> bool:
    """Say whether this is what the watchdog becomes: the checkpoint's own program under the module's Python."""
    return argv[0] == sys.executable and argv[1:3] == ["-I", "-S"] and argv[3].endswith("/restore.pyz")


def check(programs: list[list[str]]) -> None:
    """Require that all of them are permitted."""
    assert programs
    for argv in programs:
        assert Path(argv[0]).name not in SHELLS, argv
        assert is_guard(argv) or refuse(argv, ALLOWLIST) is None, argv


def test_apply_check_and_rollback(host: Host, tmp_path: Path) -> None:
    """A plan that touches everything, in check mode, in earnest, and taken back."""
    asked = request(PLANS["nearly everything"])
    log = tmp_path / "strace"
    predicted, programs = executed(host, APPLY, {**asked, "check": True}, log)
    assert predicted["status"] == "would_change", predicted["error"]
    check(programs)
    applied, programs = executed(host, APPLY, {**asked, "checkpoint_id": "one"}, log)
    assert applied["status"] == "applied", applied["error"]
    check(programs)
    _, programs = executed(host, CHECKPOINT, {"state": "restored", "id": "one"}, log)
    check(programs)

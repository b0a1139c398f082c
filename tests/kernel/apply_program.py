# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies a plan in a process of its own, which may fail, be stopped or be killed at one of its operations.

It reads what is asked as JSON and prints the report. Beside the fields of a request there may be: ``at`` and
``fault``, what goes wrong ahead of which operation, from 0; ``guard_s``, how long the guard waits; ``boot_root``, the
folder whose ``etc`` is persisted to; ``dies_at``, after how many changes of files there it is killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._transaction import apply as transaction_apply
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction
from tests.kernel.killed_between_files import killed_after


def going_wrong(at: int | None, fault: str | None) -> Callable[[Any], None]:
    """Return what is called ahead of each operation, and does what goes wrong at one of them."""
    left = at

    def on_operation(operation: Any) -> None:
        nonlocal left
        if left is None or fault is None:
            return
        left -= 1
        if left == -1:
            strike(fault, operation.key)

    return on_operation


def strike(fault: str, key: str) -> None:
    """Do what goes wrong; what is not named here is a signal."""
    if fault == "drift":
        Path("/proc/sys/net/ipv4/tcp_fin_timeout").write_text("77", encoding="ascii")
        return
    if fault == "read-only":
        for words in (["--bind"], ["-o", "remount,ro,bind"]):
            subprocess.run(["mount", *words, "/proc/sys", "/proc/sys"], check=True)
    if fault in {"error", "read-only"}:
        raise NetoptError("made to fail", stage="apply", key=key)
    if fault == "defect":
        raise KeyError("made to fail")
    os.kill(os.getpid(), signal.Signals[fault])


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Apply what is asked for, in this process, and return the report."""
    transaction_apply.GUARD_S = asked.pop("guard_s", transaction_apply.GUARD_S)
    on_operation = going_wrong(asked.pop("at", None), asked.pop("fault", None))
    boot_root = asked.pop("boot_root", "/")
    killed_after(asked.pop("dies_at", None))
    transaction = Transaction(request_of(asked), on_operation=on_operation, boot_root=boot_root)
    return transaction.run().as_dict()


def main() -> None:
    """Apply what standard input asks for."""
    print(json.dumps(answer(json.load(sys.stdin))))


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the engine on a host, and strikes it where asked: at an operation, or at a call of one of its functions.

The engine is as it ships. Python's tracing hook says which function is entered, and the process that runs
it sends itself a signal there: it ends as if somebody else had sent it at that moment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.lock import host_lock
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle import guard as lifecycle_guard
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.confirm import confirm
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.extend import extend
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.guard import guard
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.rollback import roll_back
from ansible_collections.netopt.linux.plugins.module_utils._transaction import apply as transaction_apply
from ansible_collections.netopt.linux.plugins.module_utils._transaction import transaction as engine
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from tests.faults.hosts import IFACE, LAST_WORDS, Host, Outcome, Running

PACKAGE = Path(engine.__file__).parents[1]


@dataclass(frozen=True)
class Strike:
    """A signal at one moment in the life of the engine.

    Attributes:
        number: the signal.
        operation: before which operation of the plan, from 0.
        call: ``_folder/file.function`` at whose ``count``-th call, e.g. ``_checkpoint/store.update``.
        count: which of these calls, from 1.
        all_at_once: whether whatever else runs on the host ends at that moment too, as when its power is cut.
    """

    number: int
    operation: int | None = None
    call: str | None = None
    count: int = 1
    all_at_once: bool = False

    def __str__(self) -> str:
        """Say it in a few words, for the name of a case."""
        where = f"operation {self.operation}" if self.call is None else f"{self.call} no. {self.count}"
        return f"{signal.Signals(self.number).name} at {where}"


def hit(strike: Strike) -> None:
    """Send this process the signal, and whatever else runs on the host where the strike says so."""
    if strike.all_at_once:
        first = Path("/proc/1/cmdline").read_bytes()
        assert LAST_WORDS in first, "only on a host of a test"  # elsewhere these are somebody's processes
        for folder in Path("/proc").glob("[0-9]*"):
            if int(folder.name) not in (1, os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(folder.name), strike.number)
    os.kill(os.getpid(), strike.number)


def at_call(call: str, count: int, do: Callable[[], object]) -> None:
    """Have something done in this process at the ``count``-th call of ``_folder/file.function``."""
    file, _dot, function = call.rpartition(".")
    path, left = PACKAGE / f"{file}.py", [count]
    known = path.exists() and f"def {function}(" in path.read_text(encoding="utf-8")
    assert known, f"{call}: wanted _folder/file.function of {PACKAGE}"

    filename = str(path)

    def entered(frame: Any, _event: str, _argument: object) -> None:
        if frame.f_code.co_name == function and frame.f_code.co_filename == filename:
            left[0] -= 1
            if left[0] == 0:
                do()

    sys.settrace(entered)


def meanwhile(ask: Callable[[], Any], moment: str, script: str) -> Callable[[], Any]:
    """Return a function together with a shell script that is run at a moment of it: ``_folder/file.function no.``."""
    call, _blank, count = moment.partition(" ")
    happened = []

    def do() -> None:
        sys.settrace(None)
        happened.append(subprocess.run(["sh", "-c", script], check=False))

    def both() -> Any:
        at_call(call, int(count or 1), do)
        answer = ask()
        assert happened, f"the moment {moment} never came"
        return answer

    return both


def watch(strike: Strike | None) -> None:
    """Have this process struck at a call."""
    if strike is not None and strike.call is not None:
        at_call(strike.call, strike.count, lambda: hit(strike))


def calls(host: Host, function: Callable[[], Any]) -> list[str]:
    """Return every call that the engine makes in a function, in order, as ``_folder/file.function``."""

    def counted() -> list[str]:
        seen: list[str] = []
        own = f"{PACKAGE}/"

        def entered(frame: Any, _event: str, _argument: object) -> None:
            code = frame.f_code
            if code.co_filename.startswith(own) and code.co_name[0] != "<":
                seen.append(f"{code.co_filename.removeprefix(own).removesuffix('.py')}.{code.co_name}")

        sys.settrace(entered)
        function()
        sys.settrace(None)
        return seen

    found: list[str] = host.run(counted).value
    return found


def asking(
    options: Mapping[str, Any],
    *,
    strike: Strike | None = None,
    tool_timeout_s: float | None = None,
    guard_s: float | None = None,
    fork_waits_s: float | None = None,
) -> Callable[[], dict[str, Any]]:
    """Return the function that applies or removes plans in the process that calls it, and returns the report."""

    def ask() -> dict[str, Any]:
        if tool_timeout_s is not None:
            Tools.__init__.__kwdefaults__["timeout_s"] = tool_timeout_s
        if guard_s is not None:
            transaction_apply.GUARD_S = guard_s
        if fork_waits_s is not None:
            lifecycle_guard.FORK_WAITS_S = fork_waits_s
        passed = iter(range(1 << 30))

        def on_operation(_operation: object) -> None:
            if next(passed) == (strike.operation if strike else None):
                hit(strike)  # type: ignore[arg-type]

        watch(strike)
        report = engine.Transaction(request_of(dict(options)), on_operation=on_operation).run()
        sys.settrace(None)
        return report.as_dict()

    return ask


def applying(
    changes: Mapping[str, Any],
    *,
    strike: Strike | None = None,
    tool_timeout_s: float | None = None,
    guard_s: float | None = None,
    fork_waits_s: float | None = None,
    **options: Any,
) -> Callable[[], dict[str, Any]]:
    """Return the function that applies changes in the process that calls it, and returns the report."""
    return asking(
        {"plan": {"iface": IFACE, "changes": dict(changes)}, **options},
        strike=strike,
        tool_timeout_s=tool_timeout_s,
        guard_s=guard_s,
        fork_waits_s=fork_waits_s,
    )


def apply(host: Host, changes: Mapping[str, Any], **options: Any) -> Outcome:
    """Apply changes on a host; see ``applying``."""
    return host.run(applying(changes, **options))


def start(host: Host, changes: Mapping[str, Any], **options: Any) -> Running:
    """Begin to apply changes on a host; see ``applying``."""
    return host.start(applying(changes, **options))


def confirming(identity: str) -> Callable[[], bool]:
    """Return the function that confirms a change, as the controller's new connection has it done."""

    def keep() -> bool:
        with host_lock("a test that confirms", wait_s=10) as lock:
            try:
                return confirm(Store(), identity, Tools(keep_open=(lock,)))
            except NetoptError:
                return False

    return keep


def extending(identity: str, seconds: float, *, strike: Strike | None = None) -> Callable[[], dict[str, str | None]]:
    """Return the function that gives a change another time, and returns the error that this ended in, if any."""

    def move() -> dict[str, str | None]:
        watch(strike)
        with host_lock("a test that extends", wait_s=10) as lock:
            try:
                extend(Store(), identity, seconds, Tools(keep_open=(lock,)))
            except NetoptError as error:
                return error.as_dict()
            finally:
                sys.settrace(None)
        return {}

    return move


def restoring(identity: str, *, strike: Strike | None = None) -> Callable[[], list[str]]:
    """Return the function that rolls a change back, and returns what went wrong."""

    def restore() -> list[str]:
        watch(strike)
        with host_lock("a test that restores", wait_s=10) as lock:
            undone = roll_back(Store(), identity, Tools(keep_open=(lock,)))
        sys.settrace(None)
        return [error.message for one in undone for error in one.restored.failures]

    return restore


def guarding(identity: str, *, strike: Strike | None = None) -> Callable[[], None]:
    """Return the function that is a guard."""

    def watch_over() -> None:
        watch(strike)
        guard(Store(), identity)

    return watch_over

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""Follows a run from the command line: a progress bar on a terminal, and an orderly end on Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")
Progress = Callable[[str, str], None]
ENDED = frozenset(
    {"applied", "unchanged", "would_change", "failed", "rolled_back", "rollback_failed", "unreachable", "skipped"}
)


def follow(work: Callable[[Progress, threading.Event], Result], *, quiet: bool) -> Result:
    """Do ``work`` in a thread and return what it returns.

    The first Ctrl-C, or SIGTERM, ends the run on the controller and still gives a report.

    Args:
        work: takes the function to call with each host's steps, and the event that ends the run.
        quiet: show no progress.
    """
    cancel = threading.Event()
    results: list[Result] = []
    errors: list[BaseException] = []
    ended = threading.Event()

    with _progress(quiet=quiet or not sys.stderr.isatty()) as progress, _ended_by_sigterm(cancel):

        def run() -> None:
            try:
                results.append(work(progress, cancel))
            except BaseException as error:  # noqa: BLE001 - raised again below, in the main thread
                errors.append(error)
            finally:
                ended.set()

        threading.Thread(target=run, name="netopt-run").start()
        while not ended.is_set():
            try:
                ended.wait()  # not join(): interrupted, it takes the thread for ended (CPython 3.11)
            except KeyboardInterrupt:
                if cancel.is_set():
                    raise
                sys.stderr.write("netopt: ending the run; press Ctrl-C again to leave at once\n")
                cancel.set()
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def _ended_by_sigterm(cancel: threading.Event) -> Iterator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        cancel.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Progress]:
    if quiet:
        yield lambda _host, _text: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    seen: set[str] = set()
    ended: set[str] = set()
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("connecting", total=None)

        def show(host: str, text: str) -> None:
            seen.add(host)
            if text in ENDED:
                ended.add(host)
            bar.update(task, total=len(seen), completed=len(ended), description=f"{host}: {text}")

        yield show

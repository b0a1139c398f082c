# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Watches what a command and all of its processes hold in memory while it runs, ssh's masters included."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

EVERY_S = 0.5
SHARE = 10  # a look that takes long is followed by a pause so many times as long: a tenth of a processor at most
MASTER = b"ssh: "  # how the command line of an ssh master begins, which has left the tree of processes
MASTERS = "ssh masters"


@dataclass
class Held:
    """The most that was held at any look.

    Attributes:
        pss_mb: of all processes together, pages that they share counted once (proportional set size).
        by_program: of which each program had so much, at that look.
        largest_mb: of the largest single process (resident set size).
        processes: how many there were at once.
        waiting: event files that had been written and not been read yet.
        looks: how often was looked.
    """

    pss_mb: float = 0.0
    by_program: dict[str, float] = field(default_factory=dict)
    largest_mb: float = 0.0
    processes: int = 0
    waiting: int = 0
    looks: int = 0


class Watch:
    """Looks at a process's descendants time and again; a context manager around what is watched.

    Args:
        root: the process's id; it is not counted itself.
        sockets: the folder of the ssh masters' sockets, by which they are known.
        waiting: tells how many event files wait at present.
    """

    def __init__(self, root: int, *, sockets: Path, waiting: Callable[[], int]) -> None:
        self._root = root
        self._sockets = str(sockets).encode()
        self._waiting = waiting
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.held = Held()

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            begun = time.monotonic()
            self._look()
            pause = max(EVERY_S, SHARE * (time.monotonic() - begun))

    def _look(self) -> None:
        total: Counter[str] = Counter()
        sizes = []
        for pid, program in self._processes():
            pss, rss = _memory_kb(pid)
            total[program] += pss
            sizes.append(rss)
        held = self.held
        held.looks += 1
        held.processes = max(held.processes, len(sizes))
        held.largest_mb = max(held.largest_mb, *sizes, 0) if sizes else held.largest_mb
        held.waiting = max(held.waiting, self._waiting())
        if sum(total.values()) / 1024 > held.pss_mb:
            held.pss_mb = sum(total.values()) / 1024
            held.by_program = {program: size / 1024 for program, size in total.most_common()}

    def _processes(self) -> list[tuple[int, str]]:
        """Return the processes that belong to what is watched, each with its program."""
        children: dict[int, list[int]] = {}
        names: dict[int, str] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                head, _, tail = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended just now
            pid = int(entry.name)
            names[pid] = head.partition("(")[2]
            children.setdefault(int(tail.split()[1]), []).append(pid)
        found = []
        pending = [*children.get(self._root, [])]
        while pending:
            pid = pending.pop()
            found.append((pid, names[pid]))
            pending += children.get(pid, [])
        inside = {pid for pid, _program in found}
        found += [(pid, MASTERS) for pid, name in names.items() if name == "ssh" and self._is_master(pid, inside)]
        return found

    def _is_master(self, pid: int, inside: set[int]) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return pid not in inside and words.startswith(MASTER) and self._sockets in words


def _memory_kb(pid: int) -> tuple[int, float]:
    """Return a process's proportional set size in KiB and its resident set size in MiB; nothing once it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0.0
    sizes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return sizes["Pss"], sizes["Rss"] / 1024

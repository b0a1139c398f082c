# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of what was tried."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from mcp_bridge.errors import LabError
from tools.images.engine import DoesNotHold


class Ended(Exception):  # noqa: N818 - no error of its own: the table has it
    """A step failed, and those after it build on it."""


@dataclass
class Table:
    """What was tried, in its order."""

    rows: list[tuple[str, float, str]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Add what comes of the block.

        Raises:
            Ended: it failed.
        """
        print(f"... {what}", flush=True)
        begun, outcome = time.monotonic(), "passed"
        try:
            yield
        except (DoesNotHold, LabError, subprocess.TimeoutExpired) as error:
            outcome = f"FAILED: {error}"
            raise Ended from error
        finally:
            self.add(what, time.monotonic() - begun, outcome)

    def add(self, what: str, seconds: float, outcome: str) -> None:
        """Add a row; all of what failed is shown at once, the table has its first line alone."""
        self.rows.append((what, seconds, outcome))
        if outcome != "passed":
            print(outcome, flush=True)

    def end(self) -> int:
        """Print the table; 1 when a step failed, else 0."""
        print("\n=== What was tried")
        for what, seconds, outcome in self.rows:
            print(f"{what:86} {seconds:6.1f} s  {outcome.splitlines()[0]}")
        failed = sum(outcome != "passed" for _what, _seconds, outcome in self.rows)
        print(f"\n{len(self.rows) - failed} passed, {failed} failed")
        return int(failed > 0)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that loading a policy raises."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mcp_bridge.errors import NetoptBridgeError


class PolicyError(NetoptBridgeError):
    """A policy file that cannot be used.

    Args:
        file: the file at fault.
        line: its line, counted from 1; ``None`` where no line can be named.
        path: dotted path of the key inside the file; empty for the file as a whole.
        message: what is wrong and what was wanted.

    Attributes:
        problem: ``message`` as given; ``message`` itself says the place as well, and that of all other faults.
        faults: this one and all others that were found with it.
    """

    def __init__(self, *, file: Path, line: int | None, path: str, message: str) -> None:
        place = f"{file}:{line}" if line else str(file)
        super().__init__(f"{place}: {path}: {message}" if path else f"{place}: {message}")
        self.file = file
        self.line = line
        self.path = path
        self.problem = message
        self.faults: tuple[PolicyError, ...] = (self,)


def all_of(faults: Iterable[PolicyError]) -> PolicyError:
    """Return one error that tells all faults, a line each; it has the place of the first."""
    known: dict[str, PolicyError] = {}
    for fault in faults:
        known.setdefault(str(fault), fault)
    found = list(known.values())
    first = found[0]
    whole = PolicyError(file=first.file, line=first.line, path=first.path, message=first.problem)
    whole.message = "\n".join(fault.message for fault in found)
    whole.args = (whole.message,)
    whole.faults = tuple(found)
    return whole

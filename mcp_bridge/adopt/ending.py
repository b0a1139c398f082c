# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells how a script ended, and what its shell could not do. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_bridge.untrusted_text import plain

from .found import Place
from .sandbox import run as sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .found import Found
    from .sandbox.model import Ran

WHOLE = "(the whole file)"
SAID_MAX = 200
LINES_MAX = 20
SHELL_FAILED = (126, 127)  # a program that cannot be run, or found: the shell says which
CALLED = "What it is called with goes into --arguments, variables into --set, files that it reads into --with."
NOTHING = f"Nothing that it sets is there when it ends. {CALLED}"
INTERRUPTS = "No plan says which CPUs work on interrupts, as irqbalance does; steering has those of RPS and XPS."
_INTERRUPTS = re.compile(r"/proc/irq/")
_NO_COMMAND = re.compile(r"(#.*)?|(done|fi|esac|;;|[})])[\s;&|})]*|exit\b.*")


def tell_end(path: str, lines: Sequence[str], ran: Ran, last: Place, found: Found) -> None:
    """Tell it.

    Args:
        path: the script.
        lines: its lines.
        ran: what it led to.
        last: the line of its last command.
        found: takes it.
    """
    prefix = f"{sandbox.FOLDER}/{path.rpartition('/')[2]}: line "
    by_shell = [line for line in ran.error.splitlines() if line.startswith(prefix)]
    command = ran.said[-1] if ran.said else None
    if ran.status is None:
        found.leave_out(Place(path), WHOLE, f"It was ended after {sandbox.TIME_MAX_S} seconds.")
    elif command and command.status and command.status == ran.status:
        below = last.line
        while "".join(lines[below - 1 : below]).endswith("\\"):  # the command goes on
            below += 1
        if last.file == path and any(map(_is_command, lines[below:])):
            why = f"The script ended here, with the exit status {command.status}: what is below was not run."
            found.leave_out(last, command.text, why)
    elif ran.status not in (0, *SHELL_FAILED):
        said = "".join(ran.error.strip().splitlines()[-1:])
        told = f", and said: {plain(said)[:SAID_MAX]}" if said and said not in by_shell else ""
        found.leave_out(Place(path), WHOLE, f"It ended with the exit status {ran.status}{told}. {CALLED}")
    told_already = {line for said in ran.said for line in said.error.splitlines()}
    failures: dict[int, str] = {}
    for line in by_shell:
        number, _colon, message = line.removeprefix(prefix).partition(": ")
        if message not in told_already and number.isdecimal():
            failures.setdefault(int(number), message)
    for at, message in list(failures.items())[:LINES_MAX]:
        shown = lines[at - 1].strip() if 0 < at <= len(lines) else ""
        why = INTERRUPTS if _INTERRUPTS.search(message) else f"The shell says: {plain(message)}."
        found.leave_out(Place(path, at), shown, why)
    if ran.said and not any(found.settings.values()) and not found.left_out:
        found.leave_out(Place(path), WHOLE, NOTHING)


def _is_command(line: str) -> bool:
    """Return whether a line of a script has a command of its own, as far as that is easy to tell."""
    return not _NO_COMMAND.fullmatch(line.strip())

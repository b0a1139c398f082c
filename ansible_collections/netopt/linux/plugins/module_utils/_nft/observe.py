# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads table ``inet netopt`` as the kernel holds it, and says what an nft that failed means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from . import list_parse
from . import subsystem as nft_subsystem
from .netlink import generation, is_last_table
from .table import TABLE

if TYPE_CHECKING:
    from .._host.commands import Completed, Tools

_LIST = ["list", "table", *TABLE.split()]
_REFUSED = pattern(r"^[^:\n]*:(?P<line>\d+):\d+-\d+: Error: (?P<message>.*)$", re.MULTILINE)
_NO_SUCH_TABLE = "No such file or directory"
_VERSION = pattern(r"v(?P<major>\d+)\.")
_HINTS = (
    ("Operation not supported", "This kernel lacks what the rule needs; install its extra modules (nft_*, nf_nat)."),
    ("No such file or directory", "This kernel lacks what the rule needs; install its extra modules (nft_*, nf_nat)."),
    ("Operation not permitted", "Run as root, with CAP_NET_ADMIN."),
    ("syntax error", "This nft may be too old for the rule; 1.0 and newer are known to work."),
)


def observe(scope: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the State of table ``inet netopt`` as the kernel holds it now.

    With ``brief`` in the scope, what rules count is left out of ``text``. Rules that nobody has changed since they
    were last read in this run are not read again, unless they count.

    Raises:
        NetoptError: stage ``observe``, when nft is missing or fails.
    """
    now = generation()
    known = tools.cache.get("nft")
    if known is not None and now is not None and known["generation"] == now and (scope.get("brief") or known["whole"]):
        return dict(known["state"])
    # The listing's handles, counters and quotas are left out by nft itself: a comment may hold the same words.
    stateless = tools.run(["nft", "-s", *_LIST], stage="observe", check=False)
    if stateless.rc != 0:
        if _NO_SUCH_TABLE in stateless.stderr:
            return dict(nft_subsystem.ABSENT)
        raise failure(stateless, stage="observe", key=f"table {TABLE}")
    enough = scope.get("brief") or list_parse.is_stateless(stateless.stdout)
    full = stateless if enough else tools.run(["nft", *_LIST], stage="observe")
    for done in (full, stateless):
        if not done.stdout.startswith(f"table {TABLE} {{") or not done.stdout.endswith("}\n"):
            raise NetoptError(
                f"nft printed something that is not table {TABLE}",
                stage="observe",
                key=f"table {TABLE}",
                after=done.stdout[:80],
                hint="See that the host's nft is whole.",
            )
    plain, text = list_parse.comparable(stateless.stdout), list_parse.loadable(full.stdout)
    behind = not is_last_table()
    in_place = changes_in_place(counts=not enough, behind=behind, tools=tools)
    state = {"present": True, "listing": plain, "text": text, "in_place": in_place, "behind": behind}
    tools.cache["nft"] = {"generation": now, "whole": list_parse.is_stateless(stateless.stdout), "state": state}
    return dict(state)


def changes_in_place(*, counts: bool, behind: bool, tools: Tools) -> bool:
    """Return whether a table is to be changed in place rather than deleted and made anew.

    A new one has counted nothing, and goes to the end of the ruleset, so that restoring would not bring it back to its
    place. nft 0.9.8 is ended by SIGSEGV when a batch takes chains out of a table and fills it again.

    Args:
        counts: whether its rules remember something.
        behind: whether tables of others stand behind it.
        tools: to ask nft for its version.
    """
    if not (counts or behind):
        return False
    if "nft_version" not in tools.cache:
        told = _VERSION.search(tools.run(["nft", "-v"], stage="observe", check=False).stdout)
        tools.cache["nft_version"] = int(told.group("major")) if told else 0
    return bool(tools.cache["nft_version"] >= 1)


def complaint(done: Completed) -> tuple[str, int]:
    """Return what an nft that failed says, and the line that its first complaint points at, 0 for none.

    The first one counts: once the kernel has refused a rule it refuses those that follow as well.
    """
    text = done.stderr.strip() or f"exit status {done.rc}"
    found = _REFUSED.search(text)
    return (found.group("message"), int(found.group("line"))) if found else (text.splitlines()[0], 0)


def failure(done: Completed, *, stage: str, key: str, wanted: str | None = None) -> NetoptError:
    """Return the error for an nft that failed."""
    message, _line = complaint(done)
    hint = next((hint for words, hint in _HINTS if words in message), None)
    return NetoptError(f"nft refuses {key}: {message}", stage=stage, key=key, wanted=wanted, after=message, hint=hint)


def line_at_fault(text: str, done: Completed) -> str | None:
    """Return the line of a transaction that nft's first complaint points at."""
    _message, number = complaint(done)
    lines = text.splitlines()
    return lines[number - 1].strip() if 0 < number <= len(lines) else None

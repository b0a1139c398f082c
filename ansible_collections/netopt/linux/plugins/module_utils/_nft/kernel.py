# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads, rehearses and loads table ``inet netopt`` with nft: the only code of its subsystem that touches the kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from . import list_parse
from . import subsystem as nft_subsystem
from .netlink import generation
from .rules import TABLE

if TYPE_CHECKING:
    from .._common.change import Operation
    from .._host.commands import Completed, Tools
    from .intent import Intent

_LIST = ["list", "table", *TABLE.split()]
_LOAD = ["nft", "-f", "-"]
SAMPLE = 64  # elements of a map of addresses that are made in the rehearsal; the others read like them
_REFUSED = re.compile(r"^[^:\n]*:(?P<line>\d+):\d+-\d+: Error: (?P<message>.*)$", re.MULTILINE)
_NO_SUCH_TABLE = "No such file or directory"
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
        raise _failure(stateless, stage="observe", key=f"table {TABLE}")
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
    state = {"present": True, "listing": plain, "text": text}
    tools.cache["nft"] = {"generation": now, "whole": list_parse.is_stateless(stateless.stdout), "state": state}
    return dict(state)


def resolve(intent: Intent, current: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the State that the intent leads to, by making it for real in the scratch namespace this runs in.

    An intent that asks nothing leads to what is there already, but for maps of classes that the plan replaces.

    Raises:
        NetoptError: stage ``plan`` for an entry that cannot be said; stage ``rehearse`` when nft or the kernel refuses
            one, with the entry's path as key.
    """
    if not intent:
        return nft_subsystem.with_others(intent, current, current) if current["present"] else current
    made = _made(intent, tools, most=SAMPLE)
    whole = nft_subsystem.with_all_elements(intent, made["listing"], most=SAMPLE)
    made = _made(intent, tools, most=None) if whole is None else {**made, "listing": whole}
    if made["present"] is bool(intent.absent):
        raise NetoptError(
            f"nft took the rules, and table {TABLE} is {'there' if made['present'] else 'not there'} all the same",
            stage="rehearse",
            key=f"table {TABLE}",
            hint="See that the host's nft is whole.",
        )
    return (
        made
        if intent.absent
        else nft_subsystem.with_others(intent, current, {**made, "text": nft_subsystem.table_text(intent)})
    )


def _made(intent: Intent, tools: Tools, *, most: int | None) -> dict[str, Any]:
    """Load what an intent asks for and read it back; ``most`` as in ``rules.table``."""
    done = tools.run(_LOAD, stage="rehearse", stdin=nft_subsystem.transaction(intent, most=most), check=False)
    if done.rc != 0:
        raise _refused(intent, done)
    return observe(nft_subsystem.scope(intent), tools)


def check(intent: Intent, tools: Tools) -> None:
    """Have nft and the kernel look at the rules without loading them, for hosts without scratch namespaces.

    Raises:
        NetoptError: as ``resolve``.
    """
    done = tools.run(["nft", "-c", "-f", "-"], stage="rehearse", stdin=nft_subsystem.transaction(intent), check=False)
    if done.rc != 0:
        raise _refused(intent, done)


def perform(operation: Operation, tools: Tools) -> None:
    """Load one transaction: all of it holds afterwards, or nothing has changed.

    Raises:
        NetoptError: stage ``apply``.
    """
    done = tools.run(_LOAD, stage="apply", stdin=operation.payload, check=False)
    if done.rc != 0:
        raise _failure(done, stage="apply", key=operation.key, wanted=_line_at_fault(operation.payload, done.stderr))


def _refused(intent: Intent, done: Completed) -> NetoptError:
    """Return the error that names the plan's entry behind the first line that nft complains about.

    The first one counts: once the kernel has refused a rule it refuses those that follow as well.
    """
    found = _REFUSED.search(done.stderr)
    path, rule = nft_subsystem.path_of_line(intent, int(found.group("line"))) if found else (f"table {TABLE}", "")
    return _failure(done, stage="rehearse", key=path, wanted=rule or None)


def _failure(done: Completed, *, stage: str, key: str, wanted: str | None = None) -> NetoptError:
    """Return the error for an nft that failed."""
    text = done.stderr.strip() or f"exit status {done.rc}"
    found = _REFUSED.search(text)
    message = found.group("message") if found else text.splitlines()[0]
    hint = next((hint for words, hint in _HINTS if words in message), None)
    return NetoptError(f"nft refuses {key}: {message}", stage=stage, key=key, wanted=wanted, after=message, hint=hint)


def _line_at_fault(text: str, stderr: str) -> str | None:
    """Return the line of a transaction that nft's first error points at."""
    found = _REFUSED.search(stderr)
    lines = text.splitlines()
    number = int(found.group("line")) if found else 0
    return lines[number - 1].strip() if 0 < number <= len(lines) else None

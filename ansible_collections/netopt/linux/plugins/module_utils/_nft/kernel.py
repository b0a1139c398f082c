# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rehearses and loads table ``inet netopt``; ``observe.py`` reads it, ``round_trip.py`` tries change and rollback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from . import subsystem as nft_subsystem
from .observe import complaint, failure, line_at_fault, observe
from .round_trip import object_at_fault, rehearse_round_trip
from .table import TABLE

if TYPE_CHECKING:
    from .._common.change import Operation
    from .._host.commands import Completed, Tools
    from .intent import Intent

__all__ = ["check", "observe", "perform", "resolve"]

_LOAD = ["nft", "-f", "-"]
SAMPLE = 64  # elements of a map of addresses that are made in the rehearsal; the others read like them
_BRIEF = {"brief": True}  # what rules have counted is of no use here


def resolve(intent: Intent, current: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the State that the intent leads to, by making it for real in the scratch namespace this runs in.

    An intent that asks nothing leads to what is there already, but for maps of classes that the plan replaces. The
    change from the current state to it, and its rollback, are tried there as they would be made on the host.

    Raises:
        NetoptError: stage ``plan`` for an entry that cannot be said; stage ``rehearse`` when nft or the kernel refuses
            one, with the entry's path as key; or when the change or its rollback cannot be made.
    """
    tools.cache.pop("nft", None)  # read in another namespace
    wanted = _resolved(intent, current, tools)
    rehearse_round_trip(current, wanted, tools)
    return wanted


def _resolved(intent: Intent, current: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the State that the intent leads to."""
    if not intent:
        return nft_subsystem.with_others(intent, current, current) if current["present"] else current
    former = next((one.former for one in intent.parts if one.former is not None), None)
    if former is not None and not any(one.classes for one in intent.parts):
        return nft_subsystem.with_others(intent, current, former)
    made = _made(intent, tools, most=SAMPLE)
    whole = nft_subsystem.with_all_elements(intent, made["listing"], most=SAMPLE)
    made = _made(intent, tools, most=None) if whole is None else {**made, "listing": whole}
    absent = any(one.absent for one in intent.parts)
    if made["present"] is absent:
        raise NetoptError(
            f"nft took the rules, and table {TABLE} is {'there' if made['present'] else 'not there'} all the same",
            stage="rehearse",
            key=f"table {TABLE}",
            hint="See that the host's nft is whole.",
        )
    return (
        made
        if absent
        else nft_subsystem.with_others(intent, current, {**made, "text": nft_subsystem.table_text(intent)})
    )


def force(intent: Intent, current: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Make the intent on the host itself and return the State there, for hosts without scratch namespaces.

    Raises:
        NetoptError: as ``resolve``; the host may then be left half way, the caller restores ``current``.
    """
    if not intent and not current["present"]:
        return current
    former = next((one.former for one in intent.parts if one.former is not None), None)
    made = _made(intent, tools, most=None) if intent and former is None else current
    for step in nft_subsystem.operations(made, nft_subsystem.with_others(intent, current, former or made)):
        perform(step, tools)  # what the plan leaves alone comes back
    return observe(_BRIEF, tools)


def _made(intent: Intent, tools: Tools, *, most: int | None) -> dict[str, Any]:
    """Load what an intent asks for and read it back; ``most`` as in ``rules.table``."""
    done = tools.run(_LOAD, stage="rehearse", stdin=nft_subsystem.transaction(intent, most=most), check=False)
    if done.rc != 0:
        raise _refused(intent, done)
    return observe(_BRIEF, tools)


def check(intent: Intent, tools: Tools) -> None:
    """Have nft and the kernel look at the rules without loading them, for hosts without scratch namespaces.

    The host's present table is looked at as well: it has to come back when the change is undone.

    Raises:
        NetoptError: as ``resolve``.
    """
    current = observe({}, tools)
    if current["present"]:
        text = nft_subsystem.CLEAR + current["text"]
        done = tools.run(["nft", "-c", "-f", "-"], stage="rehearse", stdin=text, check=False)
        if done.rc != 0:
            key, line = object_at_fault(text, done), line_at_fault(text, done)
            raise failure(done, stage="rehearse", key=f"the rollback to the present {key}", wanted=line)
    done = tools.run(["nft", "-c", "-f", "-"], stage="rehearse", stdin=nft_subsystem.transaction(intent), check=False)
    if done.rc != 0:
        raise _refused(intent, done)


def perform(operation: Operation, tools: Tools) -> None:
    """Load one transaction: all of it holds afterwards, or nothing has changed. Then let go of the flows it is about.

    Raises:
        NetoptError: stage ``apply``.
    """
    done = tools.run(_LOAD, stage="apply", stdin=operation.payload.text, check=False)
    if done.rc != 0:
        raise failure(done, stage="apply", key=operation.key, wanted=line_at_fault(operation.payload.text, done))
    if operation.payload.untranslated:
        from .translated_flows import let_go  # noqa: PLC0415 - few changes take translations away

        let_go(operation.payload.untranslated, tools)


def _refused(intent: Intent, done: Completed) -> NetoptError:
    """Return the error that names the plan's entry behind the first line that nft complains about."""
    _message, line = complaint(done)
    path, rule = nft_subsystem.path_of_line(intent, line) if line else (f"table {TABLE}", "")
    return failure(done, stage="rehearse", key=path, wanted=rule or None)

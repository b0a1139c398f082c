# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out what a plan leads to on this host, without touching it: observe, then resolve in a scratch namespace.

Where no such namespace can be made, ``without_namespace.py`` has what is left.
"""

from __future__ import annotations

import contextlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.quick_dataclass import dataclass
from .._host.scratch_namespace import ScratchUnavailableError, in_scratch_namespace
from .._link.subsystem import queue_lengths
from .._subsystems.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._host.commands import Tools


@dataclass
class Rehearsal:
    """What a plan leads to. All dicts are by subsystem, in the order of applying.

    Attributes:
        intents: what the plan asks; only subsystems of which it asks something.
        scopes: what was looked at.
        current: the states now.
        wanted: the states that the plan leads to.
        operations: the steps from one to the other; only subsystems that have any.
        ahead: the states that the subsystems meet when their turn comes: ``current``, but for what those before them
            have set of the same, which is a queue length.
        skipped: ``{"key", "reason"}`` of what the host lacks and the plan can do without.
        refused: why no scratch namespace can be made here; ``wanted`` then lacks what needs one until it is made.
        unrehearsed_ends: ``{subsystem: intent}`` of what an impairment ends in, where that could not be rehearsed.
        ends: the states that these led to.
    """

    intents: dict[str, Any]
    scopes: dict[str, Any]
    current: dict[str, Any]
    wanted: dict[str, Any]
    operations: dict[str, list[Operation]]
    ahead: dict[str, Any]
    skipped: list[dict[str, str]]
    refused: str | None = None
    unrehearsed_ends: dict[str, Any] = field(default_factory=dict)
    ends: dict[str, Any] = field(default_factory=dict)

    @property
    def unrehearsed(self) -> list[str]:
        """The subsystems of which nobody knows yet what they lead to."""
        return [name for name in self.operations if name not in self.wanted]

    def diff(self) -> list[Change]:
        """Return what changes, as a person would read it; of what is not rehearsed, what is asked."""
        return [
            change
            for name, operations in self.operations.items()
            for change in (
                TABLE[name].pure.diff(self.ahead[name], self.wanted[name])
                if name in self.wanted
                else [Change(name, one.key, None, one.command) for one in operations]
            )
        ]

    def ending(self, states: Mapping[str, Any]) -> dict[str, Any]:
        """Return what an impairment ends in: the trees, and the table where that is another one than it is with netem.

        Args:
            states: ``{subsystem: state}`` of what there is without netem.
        """
        return {
            name: state
            for name, state in states.items()
            if name == "tc" or TABLE[name].pure.operations(self.wanted[name], state)
        }

    def perform(self, operation: Operation, tools: Tools) -> None:
        """Perform one of the operations; what is not rehearsed is read back, and is then what is wanted.

        Raises:
            NetoptError: the kernel or a tool refuses.
        """
        name = operation.subsystem
        if name not in self.unrehearsed:
            TABLE[name].kernel.perform(operation, tools)
            return
        from .without_namespace import make  # noqa: PLC0415 - hardly any host forbids namespaces

        if name in self.unrehearsed_ends:
            self.ends[name] = make(name, self.unrehearsed_ends[name], self.ahead[name], tools)
        self.wanted[name] = make(name, self.intents[name], self.ahead[name], tools)


def rehearse(intents: Mapping[str, Any], tools: Tools) -> Rehearsal:
    """Return what the intents lead to on this host.

    Raises:
        NetoptError: the state cannot be read, or the kernel or a tool refuses the plan.
    """
    scopes = {name: TABLE[name].pure.scope(intent) for name, intent in intents.items()}
    current = {name: TABLE[name].kernel.observe(scope, tools) for name, scope in scopes.items()}
    ahead = _ahead(intents, current)
    refused = None
    try:
        wanted = resolve(intents, ahead, tools)
    except ScratchUnavailableError as error:
        from .without_namespace import check  # noqa: PLC0415 - hardly any host forbids namespaces

        refused = str(error)
        check({name: intent for name, intent in intents.items() if TABLE[name].resolves_in_scratch}, tools)
        wanted = resolve(_plain(intents), ahead, tools)
    steps = {
        name: TABLE[name].pure.operations(ahead[name], wanted[name]) if name in wanted else [_unrehearsed(name, intent)]
        for name, intent in intents.items()
    }
    skipped = [
        {"key": key, "reason": reason}
        for name, intent in intents.items()
        for key, reason in getattr(intent, "skippable", {}).items()
        if key not in wanted[name]["values"]
    ]
    return Rehearsal(
        intents=dict(intents),
        scopes=scopes,
        current=current,
        wanted=wanted,
        operations={name: found for name, found in steps.items() if found},
        ahead=ahead,
        skipped=skipped,
        refused=refused,
    )


def _ahead(intents: Mapping[str, Any], current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the states now with the queue lengths that the links get ahead of tc."""
    found = dict(current)
    if "link" in intents and "tc" in intents:
        trees = dict(current["tc"]["interfaces"])
        for iface, length in queue_lengths(intents["link"]).items():
            if trees.get(iface):
                trees[iface] = {**trees[iface], "link": {**trees[iface]["link"], "txqlen": length}}
        found["tc"] = {**current["tc"], "interfaces": trees}
    return found


def _plain(intents: Mapping[str, Any]) -> dict[str, Any]:
    """Return the intents that need no scratch namespace."""
    return {name: intent for name, intent in intents.items() if not TABLE[name].resolves_in_scratch}


def _unrehearsed(name: str, intent: Any) -> Operation:
    """Return the one step that makes on the host what could not be rehearsed."""
    return Operation(name, ", ".join(intent.ifaces) or name, TABLE[name].pure.render(intent).strip())


def resolve(intents: Mapping[str, Any], current: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the state that each intent leads to; one scratch namespace serves all that need one.

    Raises:
        NetoptError: the kernel or a tool refuses.
        ScratchUnavailableError: there can be no namespace, and one is needed.
    """
    wanted = {
        name: TABLE[name].kernel.resolve(intent, current[name], tools) for name, intent in _plain(intents).items()
    }
    inside = {name: intent for name, intent in intents.items() if name not in wanted}
    tried = [
        name
        for name, state in wanted.items()
        if TABLE[name].tries_in_scratch and TABLE[name].pure.operations(current[name], state)
    ]

    def in_there() -> dict[str, Any]:
        for name in tried:
            TABLE[name].kernel.try_out(current[name], wanted[name])
        return {name: TABLE[name].kernel.resolve(intent, current[name], tools) for name, intent in inside.items()}

    if inside:
        wanted.update(in_scratch_namespace(in_there))
    elif tried:
        # where namespaces are not permitted the writes themselves will tell, and are undone when one fails
        with contextlib.suppress(ScratchUnavailableError):
            in_scratch_namespace(in_there)
    return {name: wanted[name] for name in intents}

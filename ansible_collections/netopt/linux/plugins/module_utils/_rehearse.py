# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds out what a plan leads to on this host, without touching it: observe, then settle in a scratch namespace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._errors import NetoptError
from ._scratch_io import ScratchUnavailableError, in_scratch_namespace
from ._subsystems import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._change import Change, Operation
    from ._tools_io import Tools


@dataclass(frozen=True)
class Rehearsal:
    """What a plan leads to. All dicts are by subsystem, in the order of applying.

    Attributes:
        intents: what the plan asks; only subsystems of which it asks something.
        scopes: what was looked at.
        current: the states now.
        wanted: the states that the plan leads to.
        operations: the steps from one to the other; only subsystems that have any.
        skipped: ``{"key", "reason"}`` of what the host lacks and the plan can do without.
    """

    intents: dict[str, Any]
    scopes: dict[str, Any]
    current: dict[str, Any]
    wanted: dict[str, Any]
    operations: dict[str, list[Operation]]
    skipped: list[dict[str, str]]

    def diff(self) -> list[Change]:
        """Return what changes, as a person would read it."""
        return [
            change
            for name in self.operations
            for change in TABLE[name].pure.diff(self.current[name], self.wanted[name])
        ]


def intents_of(
    changes: Mapping[str, Any],
    ifaces: tuple[str, ...],
    *,
    skippable: Mapping[str, str],
    modules: Mapping[str, str],
) -> dict[str, Any]:
    """Return what normalised changes ask of each subsystem, leaving out those of which they ask nothing.

    Args:
        changes: the changes.
        ifaces: the interfaces, resolved.
        skippable: ``{sysctl key: reason}`` of keys that a kernel may lack.
        modules: ``{sysctl key: kernel module}`` of keys that a module brings.
    """
    found = {}
    for name, subsystem in TABLE.items():
        more = {"skippable": skippable, "modules": modules} if name == "sysctl" else {}
        intent = subsystem.pure.intent(changes, ifaces, **more)
        if intent:
            found[name] = intent
    return found


def rehearse(intents: Mapping[str, Any], tools: Tools) -> Rehearsal:
    """Return what the intents lead to on this host.

    Raises:
        NetoptError: the state cannot be read, or the kernel or a tool refuses the plan.
    """
    scopes = {name: TABLE[name].pure.scope(intent) for name, intent in intents.items()}
    current = {name: TABLE[name].kernel.observe(scope, tools) for name, scope in scopes.items()}
    wanted = settle(intents, current, tools)
    steps = {name: TABLE[name].pure.operations(current[name], wanted[name]) for name in intents}
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
        skipped=skipped,
    )


def settle(intents: Mapping[str, Any], current: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the state that each intent leads to; one scratch namespace serves all that need one.

    Raises:
        NetoptError: the kernel or a tool refuses, or there can be no namespace.
    """
    wanted = {
        name: TABLE[name].kernel.settle(intent, current[name], tools)
        for name, intent in intents.items()
        if not TABLE[name].settles_in_scratch
    }
    inside = {name: intent for name, intent in intents.items() if TABLE[name].settles_in_scratch}
    if inside:
        try:
            wanted.update(
                in_scratch_namespace(
                    lambda: {
                        name: TABLE[name].kernel.settle(intent, current[name], tools) for name, intent in inside.items()
                    }
                )
            )
        except ScratchUnavailableError as error:
            raise NetoptError(
                f"This plan cannot be rehearsed here: no network namespace can be made ({error})",
                stage="rehearse",
                key=", ".join(inside),
                hint="Give netopt CAP_SYS_ADMIN (in a container: --cap-add SYS_ADMIN), or plan sysctl, mtu and "
                "offloads only, which need no rehearsal. Nothing was changed.",
            ) from None
    return {name: wanted[name] for name in intents}

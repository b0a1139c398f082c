# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leads from one set of plans in force to another: what is asked of each subsystem, and what it gets back. Pure."""

from __future__ import annotations

from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Dict, Mapping, Set

from .._common.change import PLACES
from .._common.intents import Intents, together
from .._common.quick_dataclass import dataclass
from .._subsystems.table import TABLE
from .compose import intents, of_present
from .large import plain

if TYPE_CHECKING:
    from collections.abc import Container

    from .compose import Touched
    from .record import InForce


@dataclass(frozen=True)
class Lead:
    """What leads from plans in force to others.

    Attributes:
        intents: ``{subsystem: intent}``, with what is to be as it was before any plan.
        gone: ``{subsystem: claims}`` that no plan has any more.
        unknown: settings that no plan has any more, and of which nobody knows how they were before.
    """

    intents: Dict[str, Any] = field(default_factory=dict)
    gone: Dict[str, Set[str]] = field(default_factory=dict)
    unknown: Set[str] = field(default_factory=set)


def lead(
    before: InForce,
    after: InForce,
    about: Touched,
    present: Container[str],
    *,
    skippable: Mapping[str, str],
    modules: Mapping[str, str],
) -> Lead:
    """Return what leads from plans in force to others.

    Args:
        before: what is in force.
        after: what is to be.
        about: what the change touches.
        present: the interfaces that the host has; of others nothing is asked.
        skippable: ``{kernel parameter: reason}`` of those that a kernel may lack.
        modules: ``{kernel parameter: kernel module}`` of those that a module brings.
    """
    wanted = intents(after, of_present(about, present), skippable=skippable, modules=modules)
    held = intents(before, about, skippable={}, modules=modules)
    found = Lead()
    for name, subsystem in TABLE.items():
        nothing = subsystem.pure.intent({}, ()) if name == "sysctl" else Intents(())
        asked, known = wanted.get(name, nothing), before.origins.get(name, {})
        gone = subsystem.origin.claims(held.get(name, nothing)) - subsystem.origin.claims(asked)
        if name == "nft" and not about.table:  # only its classes are touched
            gone = set()
        back = {
            claim: plain(known[claim]) for claim in sorted(gone) if claim in known and _is_there(name, claim, present)
        }
        found.unknown.update(claim for claim in gone if claim not in known and _is_there(name, claim, present))
        left = {claim: plain(origin) for claim, origin in known.items() if subsystem.resets and claim not in gone}
        intent = subsystem.origin.give_back(asked, back, left)
        if intent:
            found.intents[name] = intent
        found.gone[name] = gone
    if "nft" in found.intents and "tc" in found.intents:
        cleared = TABLE["nft"].pure.beside(found.intents)
        found.intents["nft"] = together([*found.intents["nft"].parts, *([cleared] if cleared.ifaces else [])])
    return found


def _is_there(subsystem: str, claim: str, present: Container[str]) -> bool:
    """Return whether what a claim is about is on the host; of kernel parameters the kernel tells."""
    return subsystem not in PLACES or claim.partition(" ")[0] in present


def _plain(origins: Mapping[str, Any]) -> Dict[str, Any]:
    return {claim: plain(origin) for claim, origin in origins.items()}


def with_origins(after: InForce, before: InForce, led: Lead, current: Mapping[str, Any]) -> InForce:
    """Return a record with what there was before any plan set it.

    Args:
        after: what is to be in force.
        before: what is in force; what it knows stays so.
        led: what leads from one to the other.
        current: ``{subsystem: state}`` before the change.
    """
    found: Dict[str, Dict[str, Any]] = {}
    for name, subsystem in TABLE.items():
        held = before.origins.get(name, {})
        known = {claim: it for claim, it in held.items() if claim not in led.gone.get(name, ())}
        new = subsystem.origin.remember(led.intents[name], current[name]) if name in led.intents else {}
        origins = {**new, **known}
        if subsystem.resets:
            gone = {claim: it for claim, it in held.items() if claim not in known}
            origins = subsystem.origin.beside(_plain(known), _plain(gone), new)
        if origins:
            found[name] = origins
    return replace(after, origins=found)

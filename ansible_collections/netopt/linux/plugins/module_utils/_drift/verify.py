# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares a host with what the changes in force have set. Reads only."""

from __future__ import annotations

import os
import socket
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._checkpoint.led_to import scopes_of, states_of
from .._checkpoint.model import APPLIED, ARMED, RESTORE_FAILED, in_force
from .._checkpoint.store import boot_id
from .._common.change import interfaces_of
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._plans.in_force import plans_in_force
from .._subsystems.table import TABLE
from .cause import Culprits
from .expected import (
    Drift,
    Target,
    differences,
    in_order,
    keep_claimed,
    lay_over,
    nft_owner,
    route_owner,
    set_by,
    without,
)

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._common.change import Change
    from .._host.commands import Tools
    from .._plans.record import InForce


REMOVED = "(removed)"  # stands for changes in force whose checkpoints are there no more


@dataclass
class Verified:
    """What was found.

    Attributes:
        drift: the settings that are not as they should be, in the order of applying.
        headers: the changes in force, oldest first.
        warnings: what makes the answer less than complete.
    """

    drift: list[Drift] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def verify(store: Store, tools: Tools, *, identity: str | None = None, culprits: Culprits | None = None) -> Verified:
    """Return how this host differs from the changes in force.

    Args:
        store: the host's checkpoints.
        tools: to run programs with.
        identity: only the settings that this change set, and that no newer one did.
        culprits: looks for who has a setting now; in the files of this host by default.

    Raises:
        NetoptError: the state cannot be read.
    """
    here = boot_id()
    found = Verified(headers=in_force(store.headers(), here))
    record = plans_in_force(store)
    target = _target(store, found, here, record)
    keep_claimed(target, record)
    _warn_of_others(store, found, here)
    present = {name for _index, name in socket.if_nameindex()}
    named = interfaces_of(target.scopes)
    changes: list[tuple[Change, str | None]] = [(gone, None) for gone in without(target, sorted(named - present))]
    for name in TABLE:
        if name in target.states:
            # the length of a queue is seen twice: of links, and of tc
            told = {change.key for change, _owner in changes}
            compared = _compared(name, target, tools, culprits or Culprits())
            changes += [each for each in compared if each[0].key not in told]
    found.drift = in_order(
        Drift(
            subsystem=change.subsystem,
            key=change.key,
            wanted=change.after,
            found=change.before,
            checkpoint_id=set_by(change, target),
            owner=owner,
        )
        for change, owner in changes
    )
    found.drift += _persistent(store, found)
    if identity is not None:
        found.drift = [one for one in found.drift if one.checkpoint_id == identity]
        found.headers = [header for header in found.headers if header.id == identity]
    return found


def _persistent(store: Store, found: Verified) -> list[Drift]:
    """Return the files for the next boot that are not as they were written; unreadable ones are warned of."""
    if not os.path.exists(store.persist_path):
        return []
    from .._lifecycle.persist_on_confirm import drift  # noqa: PLC0415 - few changes are persisted

    try:
        newest, changes = drift(store)
    except NetoptError as error:
        found.warnings.append(f"What is there after a restart is not compared: {error.message}")
        return []
    return [Drift(one.subsystem, one.key, one.after, one.before, newest) for one in changes]


def _target(store: Store, found: Verified, here: str, record: InForce) -> Target:
    """Return what should hold; a checkpoint that cannot be read is warned of and left out."""
    target = Target()
    removed = _of_removed(store, found)
    lost = {one.checkpoint for one in record.sections if not one.persist}  # of what has not been taken away since
    for header in found.headers:
        if removed and header.sequence > removed["sequence"]:
            lay_over(target, REMOVED, removed["scopes"], removed["states"])
            removed = None
        try:
            content = store.content(header.id)
        except NetoptError as error:
            found.warnings.append(f"What {header.id} set is not compared: {error.message}")
            continue
        lay_over(target, header.id, scopes_of(content), states_of(header, content, here))
        if header.status == APPLIED:
            found.warnings.append(f"{header.id} is not confirmed yet; what it set is taken for wanted.")
        if header.boot_id != here and header.id in lost:
            found.warnings.append(
                f"{header.id} was made before the last start of this host and is not persisted: what it set is lost "
                "until it is applied again."
            )
    if removed:
        lay_over(target, REMOVED, removed["scopes"], removed["states"])
    return target


def _of_removed(store: Store, found: Verified) -> dict[str, Any] | None:
    """Return what the changes in force have led to whose checkpoints were removed; what cannot be read is warned of."""
    try:
        return store.left.states()
    except NetoptError as error:
        found.warnings.append(f"What changes have set whose checkpoints were removed is not compared: {error.message}")
        return None


def _warn_of_others(store: Store, found: Verified, here: str) -> None:
    """Warn of checkpoints that leave the state in doubt."""
    for header in store.headers():
        if header.status == RESTORE_FAILED:
            found.warnings.append(f"{header.id} could not be rolled back whole; what it left behind is not compared.")
        elif header.status == ARMED and header.boot_id == here:
            found.warnings.append(f"{header.id} was interrupted; the next change or a rollback undoes it.")
    found.warnings += [f"The checkpoint {name} is damaged; what it set is not compared." for name in store.damaged()]


def _compared(name: str, target: Target, tools: Tools, culprits: Culprits) -> list[tuple[Change, str | None]]:
    """Return how one subsystem differs, with who has the settings now."""
    current = TABLE[name].kernel.observe(target.scopes[name], tools)
    found = differences(name, current, target.states[name])
    if name == "nft":
        return [(change, nft_owner(current)) for change in found]
    if name == "route":
        return [(change, route_owner(change, current)) for change in found]
    return [(change, culprits.of(change)) for change in found]

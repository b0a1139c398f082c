# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses a plan that would take away rules of a change in force, by what this host's checkpoints say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._checkpoint.model import in_force
from .._checkpoint.store import boot_id
from .._common.errors import NetoptError
from .._common.interfaces import named
from .._nft import subsystem as nft_subsystem
from .displaced_rules import Said, lost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._checkpoint.model import Content, Header
    from .._checkpoint.store import Store


def refuse_displacing(
    store: Store, plan: Mapping[str, Any], intent: nft_subsystem.Intent, current: Mapping[str, Any]
) -> list[str]:
    """Refuse a plan that takes away rules which a change in force has set and which the plan does not name.

    Args:
        store: the host's checkpoints.
        plan: the plan.
        intent: what it asks of the table on this host.
        current: the table's state now.

    Returns:
        Warnings of what could not be looked at.

    Raises:
        NetoptError: the plan is refused.
    """
    warnings: list[str] = []
    for header, content in _makers(store, warnings):
        theirs = _said(content.plan, tuple(content.scopes.get("nft", {}).get("ifaces") or named(content.plan)))
        if not nft_subsystem.intent(theirs.changes, theirs.ifaces):
            continue  # it took classes away with their tree, and left the rules of others
        fields = lost(
            theirs, _said(plan, intent.ifaces), there=current["listing"], then=nft_subsystem.table_text(intent)
        )
        if fields:
            raise _refusal(header, theirs, fields, intent.ifaces)
        break  # the table holds the rules of one plan
    return warnings


def _said(plan: Mapping[str, Any], ifaces: tuple[str, ...]) -> Said:
    return Said(plan.get("changes") or {}, named(plan), ifaces)


def _makers(store: Store, warnings: list[str]) -> Iterator[tuple[Header, Content]]:
    """Yield the changes in force that set the table, newest first; after a restart only what was persisted is there."""
    here = boot_id()
    for header in reversed(in_force(store.headers(), here)):
        try:
            content = store.content(header.id)
        except NetoptError as error:
            warnings.append(f"Whether this plan takes away rules of {header.id} cannot be told: {error.message}.")
            continue
        persisted = content.persist.get("layer", {}).get("nft") is not None
        if persisted or (header.boot_id == here and "nft" in content.after):
            yield header, content


def _refusal(header: Header, theirs: Said, fields: tuple[str, ...], ifaces: tuple[str, ...]) -> NetoptError:
    """Return the error that names the change, what would be lost, and the ways out."""
    label = f" ({header.label})" if header.label else ""
    listed = " and ".join([", ".join(fields[:-1]), fields[-1]] if fields[1:] else fields)
    every = list(dict.fromkeys([*ifaces, *theirs.ifaces]))
    elsewhere = len(every) > len(ifaces)
    off = " or false" if any("." in field for field in fields) else ""
    where = f", with iface [{', '.join(every)}]" if elsewhere else ""
    return NetoptError(
        f"The plan would take away what the change {header.id}{label} has set with {listed} on "
        f"{', '.join(theirs.ifaces)}: it makes table inet netopt anew, and does not name "
        f"{'these fields' if fields[1:] else 'this field'}{' for that interface' if elsewhere else ''}",
        stage="plan",
        key=f"changes.{fields[0]}",
        hint=f"Name {listed} in this plan too{where}; an empty field ([] or {{}}){off} takes the rules away on "
        f"purpose. Or undo that change first: netopt rollback {header.id}.",
    )

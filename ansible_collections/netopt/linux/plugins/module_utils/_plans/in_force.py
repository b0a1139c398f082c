# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads which plans are in force on a host, from its checkpoints.

Each change keeps with its checkpoint which plans are in force once it is made. So the newest change in force says it,
whatever way the later ones ended: confirmed, rolled back by a person or by their guard, interrupted, or undone by a
restart. Where an older release made changes, their plans count as the one without a name.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from .._checkpoint.large_values import load
from .._checkpoint.model import in_force
from .._checkpoint.store import boot_id
from .._common.change import PLACES
from .._common.errors import NetoptError
from .._common.interfaces import words
from .._subsystems.table import TABLE
from .compose import intents, touched
from .lead import Lead, with_origins
from .record import UNNAMED, InForce, put, sections_of, without_field

if TYPE_CHECKING:
    from .._checkpoint.model import Content, Header
    from .._checkpoint.store import Store

NETEM = "netem"


def plans_in_force(store: Store) -> InForce:
    """Return the plans in force on this host.

    Raises:
        NetoptError: a checkpoint that says so is damaged.
    """
    here = boot_id()
    headers = in_force(store.headers(), here)
    record, since = _of_removed(store)
    older: list[Header] = []
    for header in reversed(headers):
        if header.sequence <= since:
            break
        kept = store.plans(header.id)
        if kept is not None:
            record = InForce.read(kept, partial(store.large_value, header.id), load)
            break
        older.append(header)
    for header in reversed(older):
        record = _with_older_release(record, header, store.content(header.id))
    running = [header.id for header in headers if header.ends_at is not None and header.boot_id == here]
    over = {one.checkpoint for one in record.sections if one.field == NETEM} - set(running)
    return without_field(record, NETEM, over) if over else record


def _of_removed(store: Store) -> tuple[InForce, int]:
    """Return what the checkpoints that were removed leave in force, and the sequence number of the newest of them."""
    kept = store.left.plans()
    return (InForce.read(kept["plans"], store.left.large_value, load), kept["sequence"]) if kept else (InForce(), 0)


def _with_older_release(record: InForce, header: Header, content: Content) -> InForce:
    """Return a record with the plan of a change that an older release made."""
    changes: dict[str, Any] = content.plan.get("changes") or {}
    ifaces = tuple(_ifaces(content))
    said = [
        replace(one, checkpoint=header.id, persist=bool(content.persist))
        for one in sections_of(changes, ifaces, UNNAMED)
        if one.value is not None
    ]
    about = {"digest": header.digest, "checkpoint": header.id, "since": header.created, "by": None}
    after = put(record, UNNAMED, said, about)
    try:
        asked = intents(after, touched(record, after, said), skippable={}, modules={})
        known = {
            name: intent for name, intent in asked.items() if name in content.before and _shown(name, intent, content)
        }
        return with_origins(after, record, Lead(intents=known), content.before)
    except (NetoptError, KeyError):  # what it was before cannot be told; what it is can
        return replace(after, origins=record.origins)


def _ifaces(content: Content) -> list[str]:
    """Return the interfaces of a plan as the host calls them, as far as its checkpoint says so."""
    for name in ("tc", "link", "nft"):
        found = content.scopes.get(name, {}).get("ifaces")
        if found:
            return list(found)
    return list(words(content.plan))


def _shown(name: str, intent: Any, content: Content) -> bool:
    """Return whether a state has all interfaces that an intent is about."""
    inner = PLACES.get(name)
    return inner is None or all(
        iface in content.before[name][inner] for iface in TABLE[name].pure.scope(intent)["ifaces"]
    )

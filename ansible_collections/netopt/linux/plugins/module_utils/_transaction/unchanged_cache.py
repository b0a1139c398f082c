# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remembers how a host read when a plan held on it, so that a host that still reads so needs no rehearsal.

A rehearsal answers what a plan leads to on this host, and the answer stays the same until the host restarts, as long as
the plan, this program and the kernel's state are the same. Nothing is concluded from a difference: then the plan is
rehearsed as ever. The cache lies in ``/run``, and losing it costs time only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.files import for_owner
from .._common.quick_dataclass import dataclass
from .._subsystems.table import TABLE

if TYPE_CHECKING:
    from .._host.commands import Tools

PLANS_KEPT = 16
SAID = "text"  # counters, what packets put into sets, and what is only said for people
BRIEF = {"brief": True}


@dataclass(frozen=True)
class CachedState:
    """How a host reads on which a plan holds.

    Attributes:
        scopes: what was read, by subsystem.
        states: how it read, by subsystem.
        skipped: ``{"key", "reason"}`` of what the plan left out.
        generations: what the kernel said just before it was read, for subsystems of which it says when they change.
    """

    scopes: dict[str, Any]
    states: dict[str, Any]
    skipped: list[dict[str, str]]
    generations: dict[str, Any] = field(default_factory=dict)


class UnchangedCache:
    """The plans that held on this host.

    Args:
        directory: where the cache lies; whoever writes there holds the host's lock.
    """

    def __init__(self, directory: str) -> None:
        self._path = os.path.join(directory, "unchanged.json")

    def look_up(self, key: str, tools: Tools) -> list[dict[str, str]] | None:
        """Return what the plan left out on this host, ``None`` unless the host reads as it did when the plan held.

        Args:
            key: what ``key_of`` gave for the plan.
            tools: what reads the host.

        Raises:
            NetoptError: the host cannot be read.
        """
        entry = self._entries().get(key)
        if entry is None:
            return None
        for name, scope in entry["scopes"].items():
            generation = entry["generations"].get(name)
            if generation is not None and generation == _as_json(TABLE[name].generation()):
                continue
            if _print_of(TABLE[name].observe(dict(scope, **BRIEF), tools)) != entry["states"][name]:
                return None
        skipped: list[dict[str, str]] = entry["skipped"]
        return skipped

    def keep(self, key: str, held: CachedState) -> None:
        """Remember that a plan held, and how the host read. Nothing is lost where that cannot be written.

        Args:
            key: what ``key_of`` gave for the plan.
            held: how it read.
        """
        entries = self._entries()
        entries.pop(key, None)
        prints = {name: _print_of(state) for name, state in held.states.items()}
        entries[key] = {**vars(held), "states": prints}
        kept = dict(list(entries.items())[-PLANS_KEPT:])
        partial = f"{self._path}.{os.getpid()}"
        with contextlib.suppress(OSError):
            with open(partial, "w", encoding="utf-8", opener=for_owner) as stream:
                json.dump(kept, stream)
            os.replace(partial, self._path)

    def _entries(self) -> dict[str, Any]:
        try:
            with open(self._path, encoding="utf-8") as stream:
                found = json.load(stream)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def key_of(**parts: Any) -> str:
    """Return what tells a plan on this host from others: everything that a rehearsal depends on beside the kernel.

    Args:
        parts: what JSON can carry.
    """
    return _hash({**parts, "program": _program()})


def _program() -> int | None:
    """Return a checksum of the file that this program runs from, ``None`` for a folder of sources."""
    archive = getattr(getattr(__spec__, "loader", None), "archive", None)
    if archive is None:
        return None
    with open(archive, "rb") as stream:
        return zlib.crc32(stream.read())


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _print_of(state: Any) -> str:
    return _hash(_without_said(state))


def _without_said(value: Any) -> Any:
    """Return a state without what differs between two readings of the same."""
    if isinstance(value, dict):
        return {key: _without_said(part) for key, part in value.items() if key != SAID}
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return [_without_said(part) for part in value]
    return value


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

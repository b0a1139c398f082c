# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what a rollout was asked to do in its run's folder, so that it can go on after an interruption."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_bridge import atomic_files
from mcp_bridge.errors import RunError
from mcp_bridge.models import Rollout
from mcp_bridge.runs.registry import RunRecord, RunRegistry, UnknownRunError

if TYPE_CHECKING:
    from mcp_bridge.runs.apply_options import ApplyOptions
    from mcp_bridge.runs.execute import Started

ASKED = "asked.json"


def keep(started: Started, *, kept: dict[str, Any], options: ApplyOptions) -> None:
    """Write down what a rollout was asked to do; ``kept`` is what its plan, or its plans, are made anew from."""
    asked = {
        **kept,
        "options": {**vars(options), "rollout": options.rollout.dump() if options.rollout else None},
        "inventory": place(started.scope.inventory or started.fleet.settings.inventory),
    }
    atomic_files.write(started.folder / ASKED, json.dumps(asked, ensure_ascii=False))


def place(source: str | None) -> str | None:
    """Return an inventory in the words that it is kept by: a file's own path, whatever it was called."""
    return str(Path(source).resolve()) if source is not None and Path(source).exists() else source


def read(runs: RunRegistry, record: RunRecord) -> tuple[dict[str, Any], dict[str, Any], str | None]:
    """Return what a rollout's plans are made anew from, its ``ApplyOptions`` by name, and its inventory.

    Raises:
        RunError: the run is no rollout, goes on, or has done all that it was to do.
    """
    try:
        asked = json.loads((runs.folder(record.run_id) / ASKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunError(
            f"Run {record.run_id} is no rollout in waves that can be gone on with",
            hint="Apply the plan again: hosts that hold it already answer that nothing is to be changed.",
        ) from None
    if record.state == "running":
        raise RunError(f"Run {record.run_id} goes on", hint="Wait for its end, or cancel it first.")
    if record.state == "successful" or record.dry_run:
        raise RunError(f"Run {record.run_id} has ended, and nothing of it is left to do", hint="Apply a plan.")
    options = dict(asked["options"], rollout=Rollout.model_validate(asked["options"]["rollout"]))
    kept = {name: asked[name] for name in ("plans", "rendered", "shares", "without") if name in asked}
    return kept, options, asked["inventory"]


def checkpoint_of(runs: RunRegistry, name: str) -> str:
    """Return the checkpoint that is meant by a name: a checkpoint's own, or that of a run which made it."""
    try:
        record = runs.get(name)
    except UnknownRunError:
        return name
    return record.checkpoint_id or name

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What removed checkpoints leave in force: the plans, and the states that their changes have led to.

``<state_dir>`` holds them: ``plans.json`` with its large values, and ``led_to.json``, all sealed.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.own_files import own_text
from . import durable_files, large_values
from .led_to import laid_over, wider
from .model import seal, unseal

if TYPE_CHECKING:
    from collections.abc import Mapping


class LeftInForce:
    """What the removed checkpoints of one host leave. Whoever changes something here holds the host's lock.

    Args:
        state_dir: the folder that holds it.
    """

    def __init__(self, state_dir: str) -> None:
        self._folder = state_dir
        self._plans_path = os.path.join(state_dir, large_values.RECORD)
        self._states_path = os.path.join(state_dir, "led_to.json")

    def plans(self) -> dict[str, Any] | None:
        """Return ``{"sequence", "plans"}`` of the newest change in force whose checkpoint was removed.

        Raises:
            NetoptError: it is damaged.
        """
        return _read(self._plans_path)

    def large_value(self, sha256: str) -> str:
        """Return the path of a large value among these plans."""
        return large_values.path_of(self._folder, sha256)

    def states(self) -> dict[str, Any] | None:
        """Return ``{"sequence", "scopes", "states"}``: what removed changes in force have led to, and the newest.

        Raises:
            NetoptError: it is damaged.
        """
        return _read(self._states_path)

    def take_plans(self, sequence: int, plans: dict[str, Any], folder: str) -> None:
        """Take over the plans of the newest change in force, whose checkpoint is to go.

        Args:
            sequence: the sequence number of the change.
            plans: which plans are in force.
            folder: where their large values lie.

        Raises:
            OSError: the disk refuses.
        """
        parts = large_values.names(folder)
        for name in parts:
            durable_files.link(os.path.join(folder, name), os.path.join(self._folder, name))
        durable_files.replace(self._plans_path, seal({"sequence": sequence, "plans": plans}).encode())
        for name in set(large_values.names(self._folder)) - set(parts):
            durable_files.forget(os.path.join(self._folder, name))

    def take_states(self, sequence: int, scopes: Mapping[str, Any], states: Mapping[str, Any]) -> None:
        """Take over what a change in force has led to, so that it can still be compared.

        Args:
            sequence: the sequence number of the change.
            scopes: what was looked at, by subsystem.
            states: what it has led to, by subsystem.

        Raises:
            NetoptError: what is there is damaged.
            OSError: the disk refuses.
        """
        known = self.states() or {"sequence": 0, "scopes": {}, "states": {}}
        mine = {"scopes": scopes, "states": states}
        below, above = (known, mine) if sequence > known["sequence"] else (mine, known)
        names = {**below["states"], **above["states"]}
        kept = {
            "sequence": max(sequence, known["sequence"]),
            "scopes": {name: wider(below["scopes"].get(name, {}), above["scopes"].get(name, {})) for name in names},
            "states": {
                name: laid_over(name, below["states"].get(name), above["states"][name])
                if name in above["states"]
                else below["states"][name]
                for name in names
            },
        }
        durable_files.replace(self._states_path, seal(kept).encode())

    def undone(self, sequence: int) -> None:
        """Forget what is left of a change that is undone, and of the newer ones.

        Raises:
            NetoptError: which plans are left is damaged.
        """
        known = self.plans()
        if known and known["sequence"] >= sequence:  # the same where its removal was interrupted
            durable_files.forget(self._plans_path)
        with contextlib.suppress(NetoptError):
            left = self.states()
            if left and left["sequence"] >= sequence:
                durable_files.forget(self._states_path)


def _read(path: str) -> dict[str, Any] | None:
    try:
        text = own_text(path)
    except FileNotFoundError:
        return None
    return unseal(text, name=path)

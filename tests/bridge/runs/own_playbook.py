# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task that a test carries out with a playbook of its own."""

from __future__ import annotations

from dataclasses import dataclass

from mcp_bridge.runs.task import Task


@dataclass(frozen=True)
class OwnPlaybook(Task):
    """Runs as the action that it names, by another playbook than the collection's.

    Attributes:
        playbook: its path or name.
    """

    playbook: str = ""

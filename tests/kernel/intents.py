# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What changes ask of each subsystem where no plan is in force, for tests that rehearse without a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._subsystems.table import TABLE


def intents_of(changes: Mapping[str, Any], ifaces: tuple[str, ...]) -> dict[str, Any]:
    """Return ``{subsystem: intent}`` of those of which the changes ask anything."""
    asked = {name: subsystem.pure.intent(changes, ifaces) for name, subsystem in TABLE.items()}
    return {name: intent for name, intent in asked.items() if intent}

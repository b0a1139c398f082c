# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic control as every subsystem is used: what a plan asks for, as text and as the way there. Pure."""

from __future__ import annotations

from typing import Any

from ._tc_intent import Intent, intent
from ._tc_layout import commands
from ._tc_operations import diff, operations

__all__ = ["Intent", "diff", "intent", "operations", "render", "scope"]


def scope(wanted: Intent) -> dict[str, Any]:
    """Return what is to be observed for an intent: ``{"ifaces": [name, ...]}``."""
    return {"ifaces": list(wanted.ifaces) if wanted else []}


def render(wanted: Intent) -> str:
    """Return a bash script that does by hand what the module does; empty when nothing is asked."""
    if not wanted:
        return ""
    lines = ["set -eu", *(one.line for iface in wanted.ifaces for one in commands(wanted, iface))]
    return "\n".join(lines) + "\n"

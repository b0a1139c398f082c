# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic control as every subsystem is used: what a plan asks for, as text and as the way there. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from .command import Command
from .commands import commands
from .intent import Intent, intent
from .objects import BULK
from .operations import diff, operations
from .queue_trees import loop
from .undumped import warnings

__all__ = ["Intent", "diff", "intent", "operations", "render", "scope", "warnings"]


def scope(wanted: Intent) -> dict[str, Any]:
    """Return what is to be observed for an intent: ``{"ifaces": [name, ...]}``."""
    return {"ifaces": list(wanted.ifaces) if wanted else []}


def render(wanted: Intent) -> str:
    """Return a bash script that does by hand what the module does; empty when nothing is asked."""
    if not wanted:
        return ""
    lines = ["set -eu"]
    for iface in wanted.ifaces:
        for (batched, handles), some in groupby(commands(wanted, iface), key=lambda one: (_is_plain(one), one.handles)):
            found = [one.line for one in some]
            if handles:
                lines += loop(iface, handles, found)
                continue
            if batched and len(found) > BULK:
                found = ["tc -batch - <<'TC'", *(line[len("tc ") :] for line in found), "TC"]
            lines += found
    return "\n".join(lines) + "\n"


def _is_plain(one: Command) -> bool:
    """Return whether a command can stand in a batch: it is tc's, and depends on nothing."""
    return one.words[0] == "tc" and one.when is None and one.unless is None and not one.handles

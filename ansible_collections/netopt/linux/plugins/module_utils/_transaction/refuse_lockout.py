# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses options that would keep out whoever gives them: for the modules that set one subsystem by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._lockout.session import path_of
from .._lockout.walk import lockout
from .._plan.form import set_only
from .preflight import meets_connections

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def refuse_lockout(options: Mapping[str, Any], ifaces: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Walk the controller's connection through what options ask for.

    Args:
        options: a module's, in the shape of a plan's changes; ``None`` stands for what is not set.
        ifaces: the interfaces, ``auto`` resolved.
        facts: the host's facts.

    Raises:
        NetoptError: stage ``plan``, when it would be blocked or starved.
    """
    changes = set_only(options)
    if not facts.get("management") or not meets_connections(changes):
        return
    issues = lockout(changes, ifaces, path_of(facts["management"]))
    if issues:
        paths = [issue["path"][len("changes.") :] for issue in issues]
        raise NetoptError(
            "; ".join(f"{path}: {issue['message']}" for path, issue in zip(paths, issues)),
            stage="plan",
            key=paths[0],
            hint=issues[0]["hint"],
        )

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host under two names of an inventory: a run meets itself there, and says so instead of naming another change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACE = ("ansible_connection", "ansible_port")


def explained(result: dict[str, Any], identity: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of an apply; where what kept it out is the same run, with an error that says that.

    Args:
        result: of netopt_apply.
        identity: the run's checkpoint, which no other run has.
        variables: those of the task.
    """
    report = result.get("report") or {}
    error = report.get("error") or {}
    meets = identity in str(error.get("after"))  # who holds the host's lock
    made = str(error.get("message")).startswith(
        f"The checkpoint {identity} exists"
    )  # by this run, or by an earlier one
    if error.get("stage") != "checkpoint" or not (meets or made):
        return result
    mine = str(variables["inventory_hostname"])
    twins = _same_place(mine, variables)
    if made and not twins:
        return result
    names = " and ".join([mine, *twins]) if twins else f"{mine} and another one"
    message = f"The inventory has this host under two names: {names}. This run changes it under the other one"
    hint = "Keep one of the names in the inventory, or leave one out with --limit."
    said = {**error, "message": message, "hint": hint}
    return {**result, "msg": f"{message}. {hint}", "report": {**report, "error": said}}


def _same_place(mine: str, variables: Mapping[str, Any]) -> list[str]:
    """Return the other hosts of the run that lead to the same place by what the inventory says."""
    everything = variables["hostvars"]

    def place(host: str) -> list[str]:
        own = everything[host]
        return [str(own.get("ansible_host") or host), *(str(own.get(name) or "") for name in PLACE)]

    here = place(mine)
    return [str(host) for host in variables["ansible_play_hosts_all"] if host != mine and place(host) == here]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says for a person what a call would change: made from the checked plan and the books, never from an agent's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mcp_bridge.access.roster import shown
from mcp_bridge.bridge import ApplyOptions
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.models import RenderedPlan
from mcp_bridge.runs import RunRecord, RunRegistry

SHORT = 12


def about_apply(
    rendered: RenderedPlan, hosts: Sequence[str], options: ApplyOptions, *, resumes: RunRecord | None = None
) -> list[str]:
    """Return what applying a plan changes.

    Args:
        rendered: as it was rendered anew.
        hosts: the hosts, by name.
        options: how it is applied.
        resumes: the rollout that it goes on with.
    """
    plan = rendered.plan.dump()
    iface = plan["iface"] if isinstance(plan["iface"], str) else ", ".join(plan["iface"])
    profile = f", profile {plan['profile']}" if plan.get("profile") else ""
    lines = [f"Change the network settings of {_hosts(hosts)}?"]
    if resumes is not None:
        begun = f"begun on {resumes.started:%Y-%m-%d %H:%M} UTC for {resumes.caller}"
        lines.append(f"This goes on with the rollout {resumes.run_id}, {begun}; hosts that have the change keep it.")
    lines.append(f"Interface {iface}{profile}:")
    lines += [f"  {line}" for line in _settings("", plan.get("changes", {}))]
    rollout, at_end = options.rollout, options.rollout is not None and options.rollout.confirm == "end"
    if rollout is not None:
        lines.append(rollout.said())
    if options.confirm_timeout_s is None:
        kept = "once all waves have passed and" if at_end else "as soon as"
        lines.append(f"It is kept {kept} each host is reached over a new connection; a checkpoint allows to undo it.")
    else:
        since = " from the end of the rollout" if rollout is not None else ""
        seconds = f"{options.confirm_timeout_s} s{since}"
        lines.append(f"Each host restores itself after {seconds} unless the change is confirmed by then.")
    if options.persist:
        lines.append("It comes back after a restart of the host.")
    return [*lines, f"Digest {rendered.digest[:SHORT]}"]


def about_checkpoint(action: str, checkpoint_id: str, hosts: Sequence[str], runs: RunRegistry) -> list[str]:
    """Return what confirming, putting off, rolling back to or deleting a checkpoint does.

    Args:
        action: ``confirm``, ``extend``, ``rollback`` or ``delete_checkpoint``.
        checkpoint_id: the checkpoint.
        hosts: the hosts, by name.
        runs: tells where the checkpoint comes from.
    """
    what = {
        "confirm": "Keep the change {} for good on {}? The hosts then no longer restore themselves.",
        "extend": "Put off when the hosts restore themselves from the change {} on {}?",
        "rollback": "Roll back to the state before the change {} on {}? What was changed later is undone as well.",
        "delete_checkpoint": "Forget the checkpoint {} on {}? The state before it can then no longer be restored.",
    }[action]
    return [what.format(checkpoint_id, _hosts(hosts)), *_origin(checkpoint_id, runs)]


def _hosts(hosts: Sequence[str]) -> str:
    return f"{len(hosts)} host{'s' if len(hosts) != 1 else ''} ({shown(hosts)})"


def _origin(checkpoint_id: str, runs: RunRegistry) -> Iterator[str]:
    """Say which run made a checkpoint, where the books know it."""
    try:
        record = runs.get(checkpoint_id)
    except NetoptBridgeError:
        yield "This server's books do not know where the checkpoint comes from."
        return
    digest = f", digest {record.plan_digest[:SHORT]}" if record.plan_digest else ""
    yield f"Made by {record.action} on {record.started:%Y-%m-%d %H:%M} UTC for {record.caller}{digest}"


def _settings(path: str, value: Any) -> Iterator[str]:
    """Yield every setting below a value: ``shaper.egress_mbit = 700``; entries of a list take a line each."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _settings(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for inner in value:
            words = " ".join(f"{line.replace(' = ', '=')}" for line in _settings("", inner))
            yield f"{path}: {words}"
    elif isinstance(value, list):
        yield f"{path} = {','.join(map(str, value))}"
    else:
        yield f"{path} = {value}"

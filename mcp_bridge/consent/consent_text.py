# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says for a person what a call would change: made from the checked plan and kept runs, never from an agent's words.

All of it is said. What comes first is by what a host can be cut off, and how the change is kept or goes back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mcp_bridge.consent import setting_lines
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.hosts.plans import PlansInForce
from mcp_bridge.models import RenderedPlan
from mcp_bridge.runs.apply_options import ApplyOptions
from mcp_bridge.runs.registry import RunRecord, RunRegistry

SHORT = 12
SAID_APART = frozenset({"iface", "name", "profile", "changes", "validate"})
UNSAID = frozenset({"rationale"})  # an agent's own words, which set nothing
_CLAIM = re.compile(r" \([^()]*\)")  # what a client calls itself


@dataclass(frozen=True)
class Share:
    """Plans, and who gets them.

    Attributes:
        plans: as they were rendered anew.
        hosts: the hosts, in words; empty where there is one share, for all hosts.
    """

    plans: Sequence[RenderedPlan]
    hosts: str = ""


def about_apply(
    plans: Sequence[RenderedPlan],
    hosts: str,
    options: ApplyOptions,
    *,
    confirm_s: int,
    resumes: RunRecord | None = None,
) -> list[str]:
    """Return what applying plans changes.

    Args:
        plans: as they were rendered anew.
        hosts: the hosts, in words.
        options: how they are applied.
        confirm_s: seconds within which netopt itself confirms a change.
        resumes: the rollout that it goes on with.
    """
    head = [f"Change the network settings of {hosts}?", *_resumed(resumes)]
    return [*head, *_said([Share(plans)], options, confirm_s)]


def about_each(shares: Sequence[Share], hosts: str, options: ApplyOptions, *, confirm_s: int) -> list[str]:
    """Return what applying plans changes of which each host has its own.

    Args:
        shares: the plans, and who gets them.
        hosts: all of the hosts, in words.
        options: how they are applied.
        confirm_s: seconds within which netopt itself confirms a change.
    """
    return [f"Change the network settings of {hosts}, each as its own plan says?", *_said(shares, options, confirm_s)]


def _said(shares: Sequence[Share], options: ApplyOptions, confirm_s: int) -> Iterator[str]:
    """Say all that plans set: what can hurt, then how the change goes, then all other settings, digests last."""
    plans = [one for share in shares for one in share.plans]
    split = {one.digest: setting_lines.split(one.plan.dump().get("changes", {})) for one in plans}
    several = len(plans) > 1
    for share in shares:
        lines = (line for one in share.plans for line in _first(one, split[one.digest][0], several=several))
        yield from _below(share.hosts, lines)
    yield from _warnings([warning for one in plans for warning in one.warnings])
    yield from _kept(options, confirm_s)
    for share in shares:
        measured = [
            line for one in share.plans for line in setting_lines.lines("", one.plan.dump().get("validate", {}))
        ]
        whose = f" of {share.hosts}" if share.hosts else ""
        if measured:
            yield f"Each host{whose} measures before and after, and goes back where an objective is missed:"
        yield from (f"  {line}" for line in measured)
    hurts = any(first for first, _others in split.values())
    for share in shares:
        rest = [(one, list(_rest(one, split[one.digest][1]))) for one in share.plans]
        lines = (line for one, told in rest for line in _others(one, told, hurts=hurts, several=several))
        yield from _below(share.hosts, lines)
    yield from (f"Digest {one.digest[:SHORT]}" for one in plans)


def _below(hosts: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield lines, below the hosts that they are about where others have other plans."""
    if not hosts:
        yield from lines
        return
    told = [f"  {line}" for line in lines]
    yield from [f"On {hosts}:", *told] if told else ()


def _first(one: RenderedPlan, hurts: list[str], *, several: bool) -> Iterator[str]:
    """Say what a plan is for, and of its settings those that can hurt."""
    profile = f", profile {one.plan.profile}" if one.plan.profile else ""
    name = f"Plan {one.plan.name or one.digest[:SHORT]}, interface" if several or one.plan.name else "Interface"
    yield f"{name} {', '.join(map(setting_lines.word, one.plan.ifaces))}{profile}{':' if hurts else '.'}"
    yield from (f"  {line}" for line in hurts)


def _rest(one: RenderedPlan, others: list[str]) -> Iterator[str]:
    """Yield all other settings of a plan."""
    plan = one.plan.dump()
    yield from others
    for name in plan:
        if name not in SAID_APART | UNSAID:
            yield from setting_lines.lines(name, plan[name])


def _others(one: RenderedPlan, lines: list[str], *, hurts: bool, several: bool) -> Iterator[str]:
    """Say all other settings of a plan, below its name where there are several."""
    if not lines:
        return
    whose = f" of {one.plan.name or one.digest[:SHORT]}" if several else ""
    yield f"Other settings{whose}:" if hurts else f"Settings{whose}:"
    yield from (f"  {line}" for line in lines)


def about_removal(name: str, hosts: str, found: PlansInForce, options: ApplyOptions, *, confirm_s: int) -> list[str]:
    """Return what taking a plan away changes.

    Args:
        name: the plan's.
        hosts: the hosts, in words.
        found: the plans in force there.
        options: how it is taken away.
        confirm_s: seconds within which netopt itself confirms a change.
    """
    held = {host: plan for host, each in found.hosts.items() for plan in each if plan.name == name}
    paths = dict.fromkeys(section.path for plan in held.values() for section in plan.sections)
    first = [path for path in paths if path.partition(".")[0] in setting_lines.HURTS]
    ordered = [*first, *(path for path in paths if path not in first)]
    return [
        f"Take the plan {name} away from {hosts}? What it set reads as before, or as another plan wants it.",
        f"It is in force on {len(held)} of {len(found.hosts)} hosts.",
        *(f"  {setting_lines.word(path)}" for path in ordered),
        *_confirmed(options, confirm_s),
    ]


def about_checkpoint(
    action: str, checkpoint_id: str, hosts: str, runs: RunRegistry, *, seconds: int | None = None
) -> list[str]:
    """Return what confirming, putting off, rolling back to or deleting a checkpoint does.

    Args:
        action: ``confirm``, ``extend``, ``rollback`` or ``delete_checkpoint``.
        checkpoint_id: the checkpoint.
        hosts: the hosts, in words.
        runs: tells where the checkpoint comes from.
        seconds: for how long it is put off.
    """
    what = {
        "confirm": "Keep the change {} for good on {}? The hosts then no longer restore themselves.",
        "extend": "Put off when the hosts restore themselves from the change {} on {}? They then do so {} s from now.",
        "rollback": "Roll back to the state before the change {} on {}? What was changed later is undone as well.",
        "delete_checkpoint": "Forget the checkpoint {} on {}? The state before it can then no longer be restored.",
    }[action]
    return [what.format(checkpoint_id, hosts, seconds), *_origin(checkpoint_id, runs)]


def _resumed(record: RunRecord | None) -> Iterator[str]:
    if record is not None:
        begun = f"begun on {record.started:%Y-%m-%d %H:%M} UTC for {_proven(record.caller)}"
        yield f"This goes on with the rollout {record.run_id}, {begun}; hosts that have the change keep it."


def _kept(options: ApplyOptions, confirm_s: int) -> Iterator[str]:
    """Say in which waves it goes, what the hosts do with the change afterwards, and whether it outlasts a restart."""
    yield from _confirmed(options, confirm_s)
    yield "It comes back after a restart of the host." if options.persist else "It lasts until the host restarts."


def _confirmed(options: ApplyOptions, confirm_s: int) -> Iterator[str]:
    """Say in which waves it goes, and what the hosts do with the change afterwards."""
    rollout = options.rollout
    at_end = rollout is not None and rollout.confirm == "end"
    if rollout is not None:
        yield rollout.said()
    if options.confirm_timeout_s is not None:
        since = " from the end of the rollout" if rollout is not None else ""
        seconds = f"{options.confirm_timeout_s} s{since}"
        yield f"Each host restores itself after {seconds} unless the change is confirmed by then."
    else:
        kept = "once all waves have passed and" if at_end else "as soon as"
        late = "" if at_end else f" within {confirm_s} s"
        yield f"It is kept {kept} each host is reached over a new connection; one that is not{late} restores itself."
        yield "A checkpoint allows to undo it."


def _warnings(warnings: Sequence[str]) -> Iterator[str]:
    """Say what a person should know; what is said of many places is said once, with the first and the last."""
    places: dict[str, list[str]] = {}
    for warning in warnings:
        path, found, message = warning.partition(": ")
        if found and " " not in path:
            places.setdefault(message, []).append(path.removeprefix("changes."))
        else:
            places.setdefault(warning, [])
    for message, paths in places.items():
        where = f"{len(paths)} times, from {paths[0]} to {paths[-1]}" if len(paths) > 1 else "".join(paths)
        yield f"Note: {message} ({where})" if where else f"Note: {message}"


def _origin(checkpoint_id: str, runs: RunRegistry) -> Iterator[str]:
    """Say which run made a checkpoint, where that run is kept."""
    try:
        record = runs.get(checkpoint_id)
    except NetoptBridgeError:
        yield "This server has no record of where the checkpoint comes from."
        return
    digest = f", digest {record.plan_digest[:SHORT]}" if record.plan_digest else ""
    yield f"Made by {record.action} on {record.started:%Y-%m-%d %H:%M} UTC for {_proven(record.caller)}{digest}"


def plain(line: str) -> str:
    """Return a line of which nothing moves a terminal or runs backwards."""
    return "".join(character if character.isprintable() else "?" for character in line)


def _proven(caller: str) -> str:
    """Return who a run was begun for, without what the client called itself."""
    return _CLAIM.sub("", caller)

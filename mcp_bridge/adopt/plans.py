# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes plans of what was read: one for each set of interfaces, of what the policy takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import PlanError
from mcp_bridge.validator import validate

from . import scripts, sysctl_files, tuned
from .found import Found, LeftOut, Place, Setting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from mcp_bridge.models import Issue
    from mcp_bridge.policy import Policy

ROUTES = "routes"
TREE = {"qdisc", "shaper", "ingress", "netem", "htb_classes", "default_class"}  # of tc: they stand together
HARDWARE = {"type": "ethernet"}  # what TuneD takes where a profile names no interfaces


@dataclass(frozen=True)
class Adopted:
    """A plan, and where its settings are from.

    Attributes:
        plan: a ParameterPlan as JSON data.
        places: the line of each setting, by its path in ``changes``.
    """

    plan: dict[str, Any]
    places: dict[tuple[str, ...], Place]


def from_files(
    paths: Sequence[Path],
    policy: Policy,
    *,
    iface: Any,
    name: str | None,
    call: scripts.Call | None = None,
) -> tuple[list[Adopted], list[LeftOut]]:
    """Return the plans that say what files say, and the lines that none of them says, in the order of files and lines.

    Args:
        paths: files of sysctl.d, folders of them, TuneD profiles, scripts.
        policy: judges the plans.
        iface: the interfaces of what a file says of no interface.
        name: the name of the plan; a number is added where there are several.
        call: how scripts are called.

    Raises:
        DocumentError: a file is not text.
        OSError: a file cannot be read.
        SandboxUnavailableError: a script cannot be shut in here, and so is not run.
    """
    found = Found()
    run = [path for path in paths if scripts.is_script(path)]
    plain = [path for path in paths if path not in run and not tuned.is_profile(path)]
    for path in sysctl_files.in_order(plain, found):
        found.add(sysctl_files.read(path))
    sysctl_files.without_reset(found)
    for path in paths:
        if tuned.is_profile(path):
            found.add(tuned.read(path))
    for path in run:
        found.add(scripts.read(path, iface=iface, call=call or scripts.Call()))
    return plans_of(found, policy, iface=iface, name=name), sorted(found.left_out, key=lambda one: one.place)


def plans_of(found: Found, policy: Policy, *, iface: Any, name: str | None) -> list[Adopted]:
    """Return the plans of what was found; what the policy refuses is left out of them.

    Raises:
        PlanError: no plan can have this name or these interfaces.
    """
    whose = {"iface": iface, **({"name": name} if name else {})}
    wrong = [issue for issue in validate({**whose, "changes": {}}, policy).issues if issue.path in whose]
    if wrong:
        raise PlanError(wrong)
    by_iface: list[tuple[Any, list[Setting]]] = []
    for ifaces, settings in found.settings.items():
        wanted = (
            iface if ifaces is None else HARDWARE if not ifaces else ifaces[0] if len(ifaces) == 1 else list(ifaces)
        )
        by_iface.append((wanted, list(settings.values())))
    adopted = [each for wanted, settings in by_iface if (each := _judged(wanted, settings, policy, found))]
    for number, each in enumerate(adopted, 1):
        if name:
            each.plan["name"] = name if len(adopted) == 1 else f"{name}-{number}"
    return adopted


def _judged(iface: Any, settings: Iterable[Setting], policy: Policy, found: Found) -> Adopted | None:
    """Return a plan of settings that the policy takes, ``None`` where it takes none."""
    kept = {one.path: one for one in settings}
    while kept:
        plan = {"iface": iface, "changes": _changes(kept.values())}
        errors = [issue for issue in validate(plan, policy).issues if issue.severity == "error"]
        refused = _refused(kept, errors)
        for path, issue in refused.items():
            one = kept.pop(path)
            reason = ". ".join(part.rstrip(".") for part in (issue.message, issue.hint) if part)
            found.leave_out(one.place, one.text, reason if reason.endswith("?") else f"{reason}.")
        if TREE & {path[0] for path in refused}:
            for path in [path for path in kept if path[0] in TREE]:
                one = kept.pop(path)
                found.leave_out(one.place, one.text, f"{path[0]} is nothing without the rest of the tree.")
        if errors and not refused:  # what is wrong is wrong with several together
            for one in kept.values():
                found.leave_out(one.place, one.text, "; ".join(issue.message for issue in errors))
            return None
        if not errors:
            return Adopted(plan, {path: one.place for path, one in kept.items()})
    return None


def _refused(paths: Iterable[tuple[str, ...]], errors: Iterable[Issue]) -> dict[tuple[str, ...], Issue]:
    """Return the settings that issues are about: at the path of an issue, or around it; routes are a list in a plan."""
    names: dict[str, tuple[str, ...]] = {}
    routes = 0
    for path in paths:
        names[".".join(("changes", *((ROUTES, str(routes)) if path[0] == ROUTES else path)))] = path
        routes += path[0] == ROUTES
    found: dict[tuple[str, ...], Issue] = {}
    for issue in errors:
        ends = [len(issue.path), *(at for at in range(len(issue.path) - 1, 0, -1) if issue.path[at] in ".[")]
        around = next((names[issue.path[:end]] for end in ends if issue.path[:end] in names), None)
        if around is not None:
            found.setdefault(around, issue)
    return found


def _changes(settings: Iterable[Setting]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for one in settings:
        if one.path[0] == ROUTES:
            changes.setdefault(ROUTES, []).append(one.value)
            continue
        at = changes
        for key in one.path[:-1]:
            at = at.setdefault(key, {})
        at[one.path[-1]] = one.value
    return changes

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is asked of a host, laid over the plans in force there: what a change is about, and what it leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Iterable, Mapping

from .._common.errors import NetoptError
from .._common.interfaces import words
from .._common.quick_dataclass import dataclass
from .._plan.form import set_only, taken_away
from .._sysctl.keys import for_interfaces
from .compose import TREE, Part, Touched, touched, trees
from .conflicts import refuse_conflicts, refuse_other_acceptance
from .fitted import Fitted
from .lead import Lead, lead
from .record import UNNAMED, InForce, Section, of_host, put, sections_of, without_plan

_TREE = (*TREE, "default_class")


def sections(one: Fitted, checkpoint: str, *, persist: bool) -> list[Section]:
    """Return what a plan says, section by section."""
    away = taken_away(one.plan)
    if "sysctl" in away:
        away["sysctl"] = for_interfaces(away["sysctl"], one.ifaces)
    gone = sections_of(away, one.ifaces, one.name)
    said = sections_of(one.changes, one.ifaces, one.name)
    return [replace(each, checkpoint=checkpoint, persist=persist) for each in (*gone, *said)]


@dataclass(frozen=True)
class PlansChange:
    """A change of the plans in force.

    Attributes:
        asked: the plans that are applied.
        before: what is in force.
        after: what is to be; its origins are those of ``before``.
        about: what the change touches.
        led: what leads from one to the other.
        present: the interfaces of the host.
        modules: the kernel module that brings a kernel parameter, as far as the policy says so.
    """

    asked: tuple[Fitted, ...]
    before: InForce
    after: InForce
    about: Touched
    led: Lead
    present: frozenset[str]
    modules: Mapping[str, str]

    @property
    def lets_go_of_persisted(self) -> bool:
        """Whether something is taken away or replaced that is there again after a restart."""
        left = {id(one) for one in self.after.sections}
        return any(one.persist and id(one) not in left for one in self.before.sections)

    @property
    def parts(self) -> list[Part]:
        """What the plans ask, each with the tree that its interfaces get by all plans together."""
        found = []
        for one in self.asked:
            rest = {name: value for name, value in one.changes.items() if name not in _TREE}
            shaped = trees(self.after, one.ifaces) if len(rest) < len(one.changes) else []
            found += [Part(one.name, tree.ifaces, {**rest, **tree.changes}) for tree in shaped]
            left = tuple(iface for iface in one.ifaces if all(iface not in tree.ifaces for tree in shaped))
            if left:
                found.append(Part(one.name, left, rest))
        return found


def plans_change(  # noqa: PLR0913 - by name, and one caller
    before: InForce,
    asked: Iterable[Fitted],
    remove: Iterable[str],
    present: Iterable[str],
    about: Mapping[str, Any],
    *,
    persist: bool,
    skippable: Mapping[str, str],
    modules: Mapping[str, str],
) -> PlansChange:
    """Return what becomes of the plans in force.

    Args:
        before: what is in force.
        asked: plans that are applied.
        remove: names of plans that are taken away.
        present: the interfaces of the host.
        about: ``{"checkpoint", "since", "by"}`` of the change.
        persist: whether what the plans say is to be there again after a restart.
        skippable: ``{kernel parameter: reason}`` of those that a kernel may lack.
        modules: ``{kernel parameter: kernel module}`` of those that a module brings.

    Raises:
        NetoptError: two plans want different values for one section.
    """
    plans, there = tuple(asked), frozenset(present)
    after = before
    for name in remove:
        after = without_plan(after, name)
    after, named = laid_over(after, plans, about, persist=persist)
    what = touched(before, after, named)
    led = lead(before, after, what, there, skippable=skippable, modules=modules)
    return PlansChange(plans, before, after, what, led, there, modules)


def laid_over(
    before: InForce, plans: tuple[Fitted, ...], about: Mapping[str, Any], *, persist: bool
) -> tuple[InForce, list[Section]]:
    """Return what is in force once plans are applied together, and all that they say.

    Args:
        before: what is in force.
        plans: the plans.
        about: as in ``plans_change``.
        persist: as in ``plans_change``.

    Raises:
        NetoptError: two plans want different values for one section, or have one name.
    """
    _refuse_same_names(plans)
    after = before
    named: list[Section] = []
    for one in plans:
        said = sections(one, about["checkpoint"], persist=persist)
        if one.name == UNNAMED:
            _refuse_both([other for other in named if other.plan == UNNAMED], said)
        named += said
        after = put(after, one.name, said, {**about, "digest": one.digest})
    refuse_conflicts(after)
    refuse_other_acceptance(after)
    return after, named


def refuse_together(plans: Iterable[Mapping[str, Any]]) -> None:
    """Refuse plans that cannot be applied together, as far as they tell without a host.

    Args:
        plans: normalised ParameterPlans.

    Raises:
        NetoptError: two want different values for one section of the interfaces as they name them, or have one name.
    """
    fitted = []
    for plan in plans:
        changes, ifaces = dict(set_only(plan.get("changes") or {})), words(plan)
        if "sysctl" in changes:
            changes["sysctl"] = for_interfaces(changes["sysctl"], ifaces)
        fitted.append(Fitted(plan, None, changes, ifaces))
    laid_over(InForce(), tuple(fitted), {"checkpoint": ""}, persist=False)


def _refuse_both(first: list[Section], second: list[Section]) -> None:
    """Refuse two plans without a name in one change that both name a section, unless they say the same of it."""
    for one in first:
        for other in second:
            same = (one.field, one.key) == (other.field, other.key)
            shared = not one.ifaces or set(one.ifaces) & set(other.ifaces)
            differ = (
                one.value != other.value
                if shared
                else any(value != of_host(other).get(key, value) for key, value in of_host(one).items())
            )
            if same and differ:
                raise NetoptError(
                    f"{one.path}: two of the plans without a name set it, to {one.value} and {other.value}",
                    stage="plan",
                    key=one.path,
                    wanted="one value",
                    hint="Give the plans names, or set it in one of them. Nothing was changed.",
                )


def _refuse_same_names(plans: tuple[Fitted, ...]) -> None:
    """Refuse two plans of one name in one change: the second would take the first one away."""
    names = [one.name for one in plans if one.name]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise NetoptError(
            f"Two of the plans have the name {twice}",
            stage="plan",
            key="name",
            wanted="one plan for each name",
            hint="Give one of them another name, or make one plan of the two. Nothing was changed.",
        )

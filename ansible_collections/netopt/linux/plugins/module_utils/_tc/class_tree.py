# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tree of htb classes that a plan asks for. Pure.

htb sends for a class whatever its own rate allows, whatever the class above it has. So what is guaranteed below a class
is never more than what that class has: where a plan promises more, all of it is lowered in proportion. And a class
borrows from the class above it alone. At the root there is nobody to borrow from, so classes there of which one has a
ceiling above its rate get a class above them, without a bound: how much room there is, the link decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Dict

from .._common.errors import NetoptError
from .netem import is_for_some, spared
from .parameters import as_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .intent import Intent

Class = Dict[str, Any]

UNLIMITED_MBIT = 400000
ROOT = "1:"
ROOTS = (ROOT, "1:0")
SHAPER_CLASS = "1:1"  # what a shaper lets pass
LAST_MINOR = 0xFFFF  # or one below, where the plan has it: what classes without a shaper borrow from
REST_CLASS = "1:fffe"  # for what no filter matches
SPARED_CLASS = "1:fffd"  # for what no impairment is to meet
REST_MBIT = 1
REST_LEAST_MBIT = 0.1  # where the plan's classes leave nothing
SMALLEST_MBIT = 0.008
SHOWN = 64  # names of classes in a message


def classes_of(wanted: Intent) -> tuple[list[Class], str | None]:
    """Return (all htb classes with their parents, in the order in which they are made; the default class).

    Raises:
        NetoptError: a class that is named does not exist, is there twice, or is below itself.
    """
    classes, default = _as_promised(wanted)
    left = _overbooked(classes, wanted.egress_mbit)
    for number, one in enumerate(classes):
        if one["parent"] in left:
            promised, has = left[one["parent"]]
            kbit = int(as_number(one["rate_mbit"]) * has / promised * 1000)
            classes[number] = {**one, "rate_mbit": max(SMALLEST_MBIT, kbit / 1000), "ceil_mbit": _ceil(one)}
    return classes, default


def led(wanted: Intent, classes: Sequence[Class]) -> list[Class]:
    """Return the classes that have matches, in the order in which these are asked: the plan's.

    Args:
        wanted: what is asked.
        classes: its classes, see ``classes_of``.
    """
    places = {one["classid"]: number for number, one in enumerate(wanted.htb_classes)}
    return sorted((one for one in classes if one.get("match")), key=lambda one: places.get(one["classid"], -1))


def overbooked(wanted: Intent) -> dict[str, tuple[float, float]]:
    """Return (what the classes below it are promised, what it has), in Mbit/s, by class that has less than that.

    Raises:
        NetoptError: as ``classes_of``.
    """
    classes, _default = _as_promised(wanted)
    return _overbooked(classes, wanted.egress_mbit)


def _overbooked(classes: Sequence[Mapping[str, Any]], egress_mbit: float | None) -> dict[str, tuple[float, float]]:
    """Return the same for classes with their parents, parents first; the shaper's class has ``egress_mbit``."""
    promised: dict[str, float] = defaultdict(float)
    for one in classes:
        promised[one["parent"]] += as_number(one["rate_mbit"])
    found: dict[str, tuple[float, float]] = {}
    for one in classes:
        name = one["classid"]
        above, there = found.get(one["parent"], (1.0, 1.0))
        has = as_number(one["rate_mbit"]) * there / above
        if name == SHAPER_CLASS and egress_mbit is not None:
            has = as_number(egress_mbit)
        if promised.get(name, 0.0) > has:
            found[name] = (promised[name], has)
    return found


def _as_promised(wanted: Intent) -> tuple[list[Class], str | None]:
    """Return (the classes with the rates that the plan names, the default class)."""
    params = (wanted.qdisc or {}).get("params") or {}
    is_htb = (wanted.qdisc or {}).get("type") == "htb"
    default = wanted.default_class or (params.get("default") if is_htb else None)
    classes: list[Class] = []
    top = ROOT
    limit = wanted.limit_mbit
    if limit is not None or (wanted.netem and not wanted.htb_classes):
        rate = limit or UNLIMITED_MBIT
        classes.append({"classid": SHAPER_CLASS, "parent": ROOT, "rate_mbit": rate, "ceil_mbit": rate})
        top = SHAPER_CLASS
    elif _borrows_at_the_root(wanted.htb_classes):
        taken = {minor(one["classid"]) for one in wanted.htb_classes} | {minor(REST_CLASS)}
        top = f"1:{next(number for number in range(LAST_MINOR, 0, -1) if number not in taken):x}"
        classes.append({"classid": top, "parent": ROOT, "rate_mbit": UNLIMITED_MBIT, "ceil_mbit": UNLIMITED_MBIT})
    if wanted.default_class is not None:
        _known(wanted.default_class, [*classes, *wanted.htb_classes], "default_class")
    if not wanted.htb_classes and not wanted.netem:
        return classes, str(default) if default is not None else (SHAPER_CLASS if classes else None)
    if wanted.netem and not is_for_some(wanted.netem):
        classes.append({**_rest(wanted, top), "classid": SPARED_CLASS, "match": list(spared(wanted.netem))})
    classes += [{**one, "parent": _parent(one, top)} for one in wanted.htb_classes]
    if not wanted.htb_classes or (default is None and (limit is not None or wanted.netem)):
        classes.append(_rest(wanted, top))
        default = REST_CLASS
    return _parents_first(classes), None if default is None else str(default)


def _borrows_at_the_root(classes: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a class at the root is to send more than its rate."""
    return any(_parent(one, ROOT) == ROOT and _ceil(one) > as_number(one["rate_mbit"]) for one in classes)


def _parent(one: Mapping[str, Any], top: str) -> str:
    """Return the parent of a class; what a plan calls the root is the class above all, where there is one."""
    parent = one.get("parent")
    return top if parent is None or parent in ROOTS else str(parent)


def _ceil(one: Mapping[str, Any]) -> float:
    """Return the ceiling of a class: its rate where the plan names none."""
    return as_number(one.get("ceil_mbit") or one["rate_mbit"])


def _sum(classes: Sequence[Mapping[str, Any]]) -> float:
    return sum(as_number(one["rate_mbit"]) for one in classes)


def _rest(wanted: Intent, top: str) -> Class:
    """Return the class of what no match fits: what the others leave below a shaper, else without a bound."""
    if wanted.limit_mbit is None:
        return {"classid": REST_CLASS, "parent": ROOT, "rate_mbit": UNLIMITED_MBIT, "ceil_mbit": UNLIMITED_MBIT}
    limit, has = as_number(wanted.limit_mbit), as_number(wanted.egress_mbit)
    left = has - _sum([one for one in wanted.htb_classes if _parent(one, top) == top])
    rate = min(REST_MBIT, has, max(REST_LEAST_MBIT, left))
    return {"classid": REST_CLASS, "parent": top, "rate_mbit": rate, "ceil_mbit": limit}


def minor(classid: str) -> int:
    """Return the minor number of a class written ``1:10``."""
    try:
        return int(classid.rpartition(":")[2], 16)
    except ValueError:
        raise NetoptError(
            f"{classid} is no class", stage="plan", key="htb_classes.classid", wanted=classid, hint="Write it as 1:10."
        ) from None


def _known(name: str, classes: list[Class], key: str) -> None:
    """Raise unless a class exists; the kernel takes a missing one for the root, without a word."""
    if all(one["classid"] != name for one in classes) and minor(name) not in {minor(one["classid"]) for one in classes}:
        raise NetoptError(
            f"{key}: there is no class {name}",
            stage="plan",
            key=key,
            wanted=name,
            hint="Classes there are: " + (", ".join(one["classid"] for one in classes[:SHOWN]) or "none") + ".",
        )


def _parents_first(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the classes with each parent before its children, else in their order.

    Raises:
        NetoptError: a class is its own ancestor, or two have the same name.
    """
    names = [one["classid"] for one in classes]
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise NetoptError(
            f"The class {twice[0]} is there twice",
            stage="plan",
            key=f"htb_classes {twice[0]}",
            hint="Give every class a name of its own. A shaper has 1:1; 1:fffe and 1:fffd are netopt's.",
        )
    named = set(names)
    for one in classes:
        if one["parent"] not in ROOTS and one["parent"] not in named:
            _known(one["parent"], classes, f"htb_classes {one['classid']} parent")
    parents = {one["classid"]: one["parent"] for one in classes}
    found: list[dict[str, Any]] = []
    done: set[str] = set()
    waiting = list(classes)
    while waiting:
        ready = [one for one in waiting if parents[one["classid"]] in done or parents[one["classid"]] not in parents]
        if not ready:
            raise NetoptError(
                f"The class {waiting[0]['classid']} is below itself",
                stage="plan",
                key=f"htb_classes {waiting[0]['classid']}",
                hint="Let the chain of parents end at the root, 1:.",
            )
        found += ready
        done.update(one["classid"] for one in ready)
        waiting = [one for one in waiting if one["classid"] not in done]
    return found

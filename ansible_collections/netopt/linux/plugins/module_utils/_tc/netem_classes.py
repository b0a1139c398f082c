# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which classes of a plan netem is for. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .class_tree import ROOTS, minor
from .netem import CLASSES_MAX, is_for_some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def is_named(classid: str, netem: Mapping[str, Any]) -> bool:
    """Return whether netem is for the packets of a class."""
    return not netem.get("classes") or minor(classid) in {minor(each) for each in netem["classes"]}


def refuse_classes(netem: Mapping[str, Any], classes: Iterable[Mapping[str, Any]]) -> None:
    """Refuse netem for classes that packets do not wait in, and for so many that each would have filters of its own."""
    names = {minor(one["classid"]) for one in classes}
    inner = {minor(one["parent"]) for one in classes if one["parent"] not in ROOTS}
    for each in netem.get("classes") or ():
        if minor(each) not in names - inner:
            raise NetoptError(
                f"netem.classes: packets wait in no class {each}",
                stage="plan",
                key="netem.classes",
                wanted=each,
                hint="Name classes of htb_classes that have no classes below them.",
            )
    count = len(netem.get("classes") or names - inner)
    if is_for_some(netem) and count > CLASSES_MAX:
        raise NetoptError(
            f"netem is for some packets of {count} classes, and {CLASSES_MAX} is the most",
            stage="plan",
            key="netem.match",
            hint="Leave match out, and impair the packets of all classes; or use fewer classes.",
        )

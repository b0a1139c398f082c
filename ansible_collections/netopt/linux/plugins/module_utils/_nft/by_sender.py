# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules by which packets find their htb class where a match names who sends them. Pure.

A filter sees a packet as it leaves, behind ``masquerade`` and ``snat``. So rules find the class ahead of these, and
filters find it for packets that no rule sees: by a VLAN on top, or by a bridge's port. Rules give a class to all that
they see, also to what no match fits: a filter would take the address that such a packet was given for its sender's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._tc.class_tree import ROOT, SPARED_CLASS, classes_of, minor
from .._tc.netem import EGRESS, SPARED
from . import match
from .class_maps import Lookup, class_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._tc.intent import Intent


def of_all(found: Sequence[Lookup], tree: Intent) -> list[Lookup]:
    """Return the rules that find a class for whatever they see, as the filters of the tree do.

    Args:
        found: the rules of the plan's matches, see ``class_maps.lookups``.
        tree: what is asked of the tree.
    """
    classes, default = classes_of(tree)
    inner = {one["parent"] for one in classes}
    leaves = {minor(one["classid"]): str(one["classid"]) for one in classes if one["classid"] not in inner}
    spared = [
        Lookup("netem", words=tuple(_words(each)), target=SPARED_CLASS, wanted=each)
        for each in SPARED[EGRESS]
        if minor(SPARED_CLASS) in leaves
    ]
    rest = None if default is None else leaves.get(minor(default))
    return [*spared, *found, Lookup("htb_classes", target=class_text(rest or ROOT))]  # at the root nothing is shaped


def _words(spared: Mapping[str, Any]) -> list[str]:
    return match.transport(spared["proto"], "netem", sports=spared["sports"])

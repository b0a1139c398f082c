# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a rollback may not bring back, since the kernel does not show it or does not take it back. Pure.

It is told, or recalled from the change that made it.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from .._netlink import messages as rt
from .bulk_diff import differing
from .netlink_options import shown
from .objects import GONE, objects, packed, same

if TYPE_CHECKING:
    from .objects import State, TcObject

JITTER = struct.Struct("=20xI")  # where struct tc_netem_qopt has it
NETEM_JITTER64 = 11  # TCA_NETEM_JITTER64


def warnings(current: State, wanted: State | None) -> list[str]:
    """Return a warning for each object that goes or changes and that a rollback may not bring back whole.

    Args:
        current: the State of the host.
        wanted: the State that a plan leads to, ``None`` where nobody knows yet.
    """
    found = []
    for iface, now in current["interfaces"].items():
        before, after = differing(now, wanted["interfaces"].get(iface) if wanted else None)
        stay = {one.key: one for one in after}
        for one in before:
            told = _told(one)
            if told and not (one.key in stay and same(one, stay[one.key])):
                found.append(f"{iface} {one.name} ({one.kind}): {told}")
    return found


def recalled(current: State, made: State) -> State:
    """Return a State in which what a change has made is whole again: the tables that its netems follow.

    Args:
        current: what the kernel shows.
        made: the State that the change has led to.
    """
    found = dict(current["interfaces"])
    for iface, now in current["interfaces"].items():
        then = {one.key: one for one in objects(made["interfaces"].get(iface)) if _has_table(one)}
        if then:
            whole = [
                replace(one, options=then[one.key].options) if one.key in then and same(one, then[one.key]) else one
                for one in objects(now)
            ]
            found[iface] = {**{key: now[key] for key in now if key not in ("objects", "bulk")}, **packed(whole)}
    return {"interfaces": found}


def _has_table(one: TcObject) -> bool:
    return one.kind == "netem" and one.options is not None and one.options != shown(one.form, one.kind, one.options)


def _told(one: TcObject) -> str | None:
    """Return what is said of an object, ``None`` where nothing of it may be lost."""
    if GONE in one.devices:
        return "it points at a device that is gone, so the kernel does not take it back. A rollback leaves it out."
    lost = _unshown(one) if one.form == "qdisc" else None
    if lost:
        return f"the kernel does not show {lost}. A rollback brings the queue back without it: note how it was made."
    return None


def _unshown(one: TcObject) -> str | None:
    """Return what of a qdisc the kernel does not show, ``None`` where it shows all that matters."""
    if one.estimated:
        return "the interval of its rate estimator (tc's word estimator)"
    if one.kind == "netem" and one.options and _has_jitter(one.options):
        return "whether its jitter follows a table (tc's word distribution)"
    return None


def _has_jitter(options: bytes) -> bool:
    """Return whether a netem delays packets by times that vary."""
    if len(options) >= JITTER.size and JITTER.unpack_from(options)[0]:
        return True
    told = dict(rt.attributes(options[JITTER.size :]))
    return any(told.get(NETEM_JITTER64, b""))

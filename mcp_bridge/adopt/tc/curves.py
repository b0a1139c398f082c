# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classes of an hfsc as those of an htb, where their curves are straight. Pure.

A straight curve is a rate: what hfsc guarantees and bounds to is then what an htb has as rate and ceil. A curve that
bends says a delay as well, and no plan does. Layouts: linux/pkt_sched.h, struct tc_hfsc_qopt and tc_service_curve.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import UNLIMITED_MBIT, attributes

from .classes import name_of
from .params import mbit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_bridge.collection.kernel_state import TcObject

DEFAULT = struct.Struct("=H")
CURVE = struct.Struct("=III")  # the first slope in bytes per second, how long it holds in microseconds, the second one
REAL_TIME, LINK_SHARING, UPPER_LIMIT = 1, 2, 3  # TCA_HFSC_RSC, TCA_HFSC_FSC, TCA_HFSC_USC
BENT = "No plan has the qdisc hfsc here, but for straight curves of classes, one of which takes what no filter matches."
STRAIGHT = "Its curves are straight: a plan has an htb, whose classes are guaranteed, lent and bounded the same."


def default_said(root: TcObject) -> str | None:
    """Return the class of packets that no filter matches."""
    (default,) = DEFAULT.unpack_from(root.options or bytes(DEFAULT.size))
    return name_of(default) if default else None


def classes_said(classes: Sequence[TcObject]) -> list[dict[str, Any]] | None:
    """Return the classes of an hfsc as a plan has them, ``None`` where a curve bends, or two of a class differ."""
    found: dict[int, dict[str, Any]] = {}
    waiting = list(classes)
    while waiting:
        one = next(one for one in waiting if one.parent not in {other.handle for other in waiting})
        waiting.remove(one)
        said = _said(one, found.get(one.parent))
        if said is None:
            return None
        found[one.handle] = said
    return [found[one.handle] for one in classes]


def _said(one: TcObject, above: dict[str, Any] | None) -> dict[str, Any] | None:
    rates = {}
    for number, payload in attributes(one.options or b""):
        first, time, second = CURVE.unpack_from(payload)
        if time and first != second:
            return None
        rates[number] = mbit(second)
    guaranteed = {rates[number] for number in (REAL_TIME, LINK_SHARING) if number in rates}
    if len(guaranteed) != 1:
        return None
    (rate,) = guaranteed
    lends = above.get("ceil_mbit", above["rate_mbit"]) if above else UNLIMITED_MBIT
    ceil = rates.get(UPPER_LIMIT, lends) if LINK_SHARING in rates else rate
    if ceil < rate:
        return None
    return {
        "classid": name_of(one.handle),
        **({"parent": above["classid"]} if above else {}),
        "rate_mbit": rate,
        **({"ceil_mbit": ceil} if ceil != rate else {}),
    }

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a profile makes of an uplink whose rates are known: it is shaped below them, both ways. Pure.

A queue stands where packets leave faster than they go on. Below the rate of the uplink that is this host, whose queues
are fair and short, and no longer the modem's.
"""

from __future__ import annotations

import math
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SHAPER, QDISC, INGRESS = FIELDS = ("shaper", "qdisc", "ingress")
RATES = {"up_mbit": ("egress_mbit", "up_pct"), "down_mbit": ("ingress_mbit", "down_pct")}
OVERHEAD = "overhead_bytes"
VARIABLE = "netopt_link"
KBIT = 1000  # a rate is told to the kernel in whole kbit/s
ANY = {"egress_mbit": (1 / KBIT, math.inf), "ingress_mbit": (1 / KBIT, math.inf), OVERHEAD: (-math.inf, math.inf)}


def shaping(link: Mapping[str, Any], how: Mapping[str, Any], *, own: Collection[str] = ()) -> dict[str, Any]:
    """Return the changes by which an uplink is shaped.

    Args:
        link: ``{up_mbit, down_mbit, overhead_bytes?}``, the rates of the uplink.
        how: the profile's word: ``up_pct`` and ``down_pct`` of these rates, ``changes`` with ``qdisc`` and ``ingress``.
        own: the fields of ``changes`` that the plan says itself; they win.

    Returns:
        Of ``FIELDS`` those that the plan leaves open. A qdisc or classes of its own serve both ways, as they do without
        a link; a shaper of its own says by itself whether what arrives is shaped.
    """
    shaper: dict[str, Any] = {field: _below(link[rate], how[share]) for rate, (field, share) in RATES.items()}
    if link.get(OVERHEAD) is not None:
        shaper[OVERHEAD] = link[OVERHEAD]
    given = {SHAPER: shaper, **deepcopy(dict(how.get("changes") or {}))}
    own = set(own)
    if own & {QDISC, "htb_classes"}:
        given.pop(QDISC, None)
    if own & set(FIELDS):
        given.pop(INGRESS, None)
    if SHAPER in own:
        del given[SHAPER]
    return given


def _below(rate: float, percent: float) -> float:
    """Return so much of a rate, in Mbit/s; a whole number where it is one."""
    found = round(rate * percent / 100 * KBIT) / KBIT
    return int(found) if found == int(found) else found


def check_variable(link: Mapping[str, Any], how: Mapping[str, Any]) -> None:
    """Refuse an uplink of the inventory that would be shaped to what the policy does not allow.

    Args:
        link: as ``shaping`` takes it.
        how: the same; ``bounds`` has the least and the most by the shaper's field, where the policy has any.

    Raises:
        NetoptError: stage ``plan``; ``key`` is ``netopt_link`` and the word.
    """
    shaper = shaping(link, how)[SHAPER]
    bounds = {**ANY, **(how.get("bounds") or {})}
    for word, field in {**{word: field for word, (field, _share) in RATES.items()}, OVERHEAD: OVERHEAD}.items():
        value, (lowest, highest) = shaper.get(field), bounds[field]
        if value is not None and not lowest <= value <= highest:
            shaped = "" if field == OVERHEAD else f", which would be shaped to {value:g}"
            raise NetoptError(
                f"{VARIABLE}.{word} is {link[word]:g}{shaped}",
                stage="plan",
                key=f"{VARIABLE}.{word}",
                wanted=f"{lowest:g} to {highest:g}",
                hint=f"Write the uplink of this host into its variable {VARIABLE}, in Mbit/s.",
            )

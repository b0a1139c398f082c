# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds classes that packets bring along from an interface on top of another one that has classes as well. Pure.

A rule that finds a class writes it down as the packet's priority. That stays where the packet goes on to the interface
below, whose htb has the same handle and takes it for a class of its own.

The kernel's tunnels leave it to the outer packet as well (``skb_scrub_packet`` of net/core/skbuff.c). WireGuard clears
it (``wg_reset_packet`` of drivers/net/wireguard/queueing.h).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._nft.intent import intent as nft_intent
from .._tc.class_tree import classes_of, minor
from .._tc.intent import intent as tc_intent
from .compose import trees
from .record import HTB

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from .record import InForce

SHOWN = 8  # classes in a warning
_GRE = ("gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan")
TUNNELS = frozenset((*_GRE, "ipip", "sit", "ip6tnl", "vxlan", "geneve"))


def brought_along(
    record: InForce, touched: Collection[str], interfaces: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Yield a warning for each interface whose packets bring along a class that the one below takes for its own.

    Args:
        record: what is to be in force.
        touched: the interfaces whose trees a change makes anew.
        interfaces: facts by name; ``upper`` is ``{name: kind}`` of what stands on an interface.
    """
    shaped = {iface for one in record.sections if one.field == HTB for iface in one.ifaces}
    for iface in sorted(shaped):
        upper = (interfaces.get(iface) or {}).get("upper") or ()
        for name in sorted(shaped - {iface}):
            carried = (interfaces.get(name) or {}).get("type") in TUNNELS  # by whichever interface its route says
            if not (name in upper or carried) or not {iface, name} & {*touched}:
                continue
            (below,), (above,) = trees(record, [iface]), trees(record, [name])
            rules = nft_intent(above.changes, above.ifaces).lookups
            given = {minor(target) for one in rules for target in (*one.elements.values(), one.target) if target}
            found = [one["classid"] for one in classes_of(tc_intent(below.changes, below.ifaces))[0]]
            same = [classid for classid in found if minor(classid) in given]
            if same:
                to = iface if name in upper else f"{iface}, where that carries the tunnel"
                yield (
                    f"changes.htb_classes: what leaves {name} brings the number of its class along to {to}, whose "
                    f"classes of the same numbers get it, whatever they match: {', '.join(same[:SHOWN])}. Give the "
                    "classes of the two interfaces other numbers, and each of the two a default_class."
                )

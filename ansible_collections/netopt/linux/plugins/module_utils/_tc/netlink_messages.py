# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns steps on tc objects and links into netlink messages. Pure.

A step is ``{"verb": "add|change|replace|delete", "iface": name, "object": TcObject}`` for a qdisc, class, filter or
chain, ``{"verb": "link-add|link-set|link-delete", "iface": name, "link": {...}}`` for a device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._netlink import messages as rt
from .objects import PLACED_FORMS
from .rate_tables import size_table
from .taken_back import replayable, resent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .objects import TcObject

_TYPES = {
    "qdisc": (rt.RTM_NEWQDISC, rt.RTM_DELQDISC),
    "class": (rt.RTM_NEWTCLASS, rt.RTM_DELTCLASS),
    "filter": (rt.RTM_NEWTFILTER, rt.RTM_DELTFILTER),
    "chain": (rt.RTM_NEWCHAIN, rt.RTM_DELCHAIN),
}
_FLAGS = {
    "add": rt.NLM_F_CREATE | rt.NLM_F_EXCL,
    "change": 0,
    "replace": rt.NLM_F_CREATE | rt.NLM_F_REPLACE,
    "delete": 0,
}


def encode(step: Mapping[str, Any], indices: Mapping[str, int]) -> tuple[int, int, bytes]:
    """Return (type, flags, body) of the message that does the step.

    Args:
        step: as described above.
        indices: interface name to number, in the namespace of the socket.

    Raises:
        KeyError: an interface does not exist.
    """
    if step["verb"].startswith("link-"):
        return _encode_link(step, indices)
    one: TcObject = step["object"]
    new, delete = _TYPES[one.form]
    deleting = step["verb"] == "delete"
    body = rt.TCMSG.pack(0, indices[step["iface"]], one.handle, one.parent, one.info)
    if one.kind and not (deleting and one.form == "chain"):
        body += rt.text(rt.TCA_KIND, one.kind)
    if deleting and one.form not in PLACED_FORMS:
        body = rt.TCMSG.pack(0, indices[step["iface"]], one.handle, one.parent if one.form == "qdisc" else 0, 0)
    if one.chain is not None:
        body += rt.u32(rt.TCA_CHAIN, one.chain)
    if one.options is not None and not deleting:
        options = resent(one.kind, one.options) if one.form == "qdisc" else one.options
        if one.form == "filter":
            options = replayable(one.kind, options, one.devices, indices)
        body += rt.attribute(rt.NESTED | rt.TCA_OPTIONS, options)  # ets and fq_pie want the flag that dumps leave out
    if one.stab is not None and not deleting:
        body += rt.attribute(rt.TCA_STAB, size_table(one.stab))
    return delete if deleting else new, _FLAGS[step["verb"]], body


def _encode_link(step: Mapping[str, Any], indices: Mapping[str, int]) -> tuple[int, int, bytes]:
    """Return (type, flags, body) of the message that makes, sets or removes a device."""
    link = step.get("link", {})
    if step["verb"] == "link-delete":
        return rt.RTM_DELLINK, 0, rt.IFINFOMSG.pack(0, 0, indices[step["iface"]], 0, 0)
    up = rt.IFF_UP if link.get("up") else 0
    mask = rt.IFF_UP if "up" in link else 0
    body = b"".join(
        rt.u32(number, link[field])
        for field, number in (("mtu", rt.IFLA_MTU), ("txqlen", rt.IFLA_TXQLEN))
        if link.get(field) is not None
    )
    if step["verb"] == "link-set":
        return rt.RTM_NEWLINK, 0, rt.IFINFOMSG.pack(0, 0, indices[step["iface"]], up, mask) + body
    for field, number in (("tx_queues", rt.IFLA_NUM_TX_QUEUES), ("rx_queues", rt.IFLA_NUM_RX_QUEUES)):
        if link.get(field):
            body += rt.u32(number, link[field])
    if link.get("address"):
        body += rt.attribute(rt.IFLA_ADDRESS, bytes.fromhex(link["address"]))
    body += rt.text(rt.IFLA_IFNAME, step["iface"])
    body += rt.attribute(rt.IFLA_LINKINFO, rt.text(rt.IFLA_INFO_KIND, link["kind"]) + step.get("data", b""))
    head = rt.IFINFOMSG.pack(0, 0, link.get("index") or 0, up, mask)
    return rt.RTM_NEWLINK, rt.NLM_F_CREATE | rt.NLM_F_EXCL, head + body

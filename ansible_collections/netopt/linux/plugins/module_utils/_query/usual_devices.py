# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells which settings of an interface are not as usual. Pure.

No kernel remembers what a driver chose. So a device of a kind that anybody can make is compared with a new one; of
hardware is known what the kernel or nearly all drivers do. For the rest, ``usual`` is ``None``: neither is known.

Settings have flat names: ``mtu``, ``offloads.gro``, ``nic.rings.rx``, ``steering.rps_cpus``. A value of ``steering``
is one for all queues, or a dictionary by queue where these differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._plan.feature_names import long_name
from .._plan.nic_words import PROMISC, TXQUEUELEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    Held = dict[str, list[Any]]

KINDS = ("veth", "dummy", "ifb", "bridge", "bond")
BASED = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap")  # which take the MTU of the device that they are on
ETHERNET_MTU, LOOPBACK_MTU, QUEUE_LENGTH = 1500, 65536, 1000  # linux/if_ether.h, net/core/dev.c, drivers/net/loopback.c
# the kernel gives these to every device (NETIF_F_SOFT_FEATURES, linux/netdev_features.h)
BY_THE_KERNEL = {
    "generic-segmentation-offload": True,
    "generic-receive-offload": True,
    "rx-gro-list": False,
    "rx-udp-gro-forwarding": False,
    "tx-nocache-copy": False,
}
BY_DRIVERS = (
    *("tx-scatter-gather", "tx-tcp-segmentation", "tx-tcp6-segmentation"),
    *("tx-checksum-ipv4", "tx-checksum-ip-generic", "tx-checksum-ipv6", "rx-checksumming"),
)
MOST_DRIVERS = "on with most drivers"


def kind_of(shown: Mapping[str, Any]) -> str:
    """Return the kind of an interface as ``ip -d -j link`` shows it, empty for hardware and the loopback."""
    return str(shown.get("linkinfo", {}).get("info_kind", ""))


def beyond_usual(
    name: str, link: Mapping[str, Any], shown: Mapping[str, Mapping[str, Any]], new: Mapping[str, Any] | None
) -> Held:
    """Return ``{name: [value, usual]}`` of what is not as usual, or may not be: then ``usual`` is ``None``.

    Args:
        name: the interface.
        link: as a State of the subsystem ``link`` has it, with ``nic`` and ``steering``.
        shown: by name, what ``ip -d -j link`` shows of each interface.
        new: the same as ``link`` of a new device of its kind, with what is shown of that; ``None`` where there is none.
    """
    found: Held = {}
    mtu = _usual_mtu(name, shown, new)
    if mtu not in (None, link["mtu"]):
        found["mtu"] = [link["mtu"], mtu]
    found.update(_offloads(link, kind_of(shown[name]), new))
    found.update(_nic(link.get("nic", {}), shown[name], new))
    found.update(_steering(link.get("steering", {}), has_driver=new is None))
    return found


def _usual_mtu(name: str, shown: Mapping[str, Mapping[str, Any]], new: Mapping[str, Any] | None) -> int | None:
    """Return the MTU of an interface that nobody has given one, ``None`` where that depends on too much."""
    mine = shown[name]
    above = shown.get(mine.get("master", ""), {})
    if kind_of(above) in ("bond", "team"):
        return int(above["mtu"])
    if kind_of(mine) in BASED:
        below = shown.get(mine.get("link", ""))
        return int(below["mtu"]) if below else None
    if kind_of(mine) == "bridge":
        return min((int(one["mtu"]) for one in shown.values() if one.get("master") == name), default=ETHERNET_MTU)
    if new:
        return int(new["mtu"])
    if mine.get("link_type") == "loopback":
        return LOOPBACK_MTU
    return ETHERNET_MTU if mine.get("link_type") == "ether" and not kind_of(mine) else None


def _offloads(link: Mapping[str, Any], kind: str, new: Mapping[str, Any] | None) -> Held:
    """Return the features that are not as usual; those that one name sums up by that name, where they are alike."""
    requested: Mapping[str, bool] = link.get("requested", {})
    usual: dict[str, Any] = dict(BY_THE_KERNEL)
    if new:
        usual = dict(new.get("requested", {}))
    elif not kind:
        usual.update(dict.fromkeys(BY_DRIVERS, True))
    found: Held = {}
    for name, on in requested.items():
        if name in usual and usual[name] != on:
            group = next((each for each, members in link["groups"].items() if name in members), name)
            members = [each for each in link["groups"].get(group, ()) if each in requested]
            alike = all(requested[each] == on for each in members) and long_name(group) in link["active"]
            word = MOST_DRIVERS if name in BY_DRIVERS and not new else "on" if usual[name] else "off"
            found[f"offloads.{group if alike else name}"] = [on, word]
    return found


def _nic(mine: Mapping[str, Any], shown: Mapping[str, Any], new: Mapping[str, Any] | None) -> Held:
    """Return the settings of queues that are not as usual; of coalescing what is off is not told."""
    usual = dict(new["nic"]) if new else {TXQUEUELEN: QUEUE_LENGTH, PROMISC: False}
    for way in ("tx", "rx"):
        queues = f"num_{way}_queues"
        if new and shown.get(queues) != new["shown"].get(queues) and f"channels.{way}" in usual:
            usual[f"channels.{way}"] = shown.get(queues)  # it was made with a number of them, and has all
    return {
        f"nic.{name}": [value, usual.get(name)]
        for name, value in mine.items()
        if value != usual.get(name) and (name in usual or value or not name.startswith("coalesce."))
    }


def _steering(words: Mapping[str, Mapping[str, Any]], *, has_driver: bool) -> Held:
    """Return which CPUs work on the queues where that was set; drivers give each transmit queue CPUs of its own."""
    found: Held = {}
    for word, queues in words.items():
        values = list(dict.fromkeys(queues.values()))
        none: Any = 0 if word == "rps_flow_cnt" else ""
        if values in ([], [none]) or (has_driver and word == "xps_cpus" and not _by_hand(queues, values)):
            continue
        found[f"steering.{word}"] = [values[0] if len(values) == 1 else dict(queues), none]
    return found


def _by_hand(queues: Mapping[str, Any], values: list[Any]) -> bool:
    return len(queues) > 1 and len(values) == 1

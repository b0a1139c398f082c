# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces the kernel gives another MTU along with that of one, and what bounds it. Pure.

An interface *follows* those whose MTU changes its own: a VLAN the device below it, a port its bond, a bridge its ports.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

MACSEC = "macsec"
CAPPED = ("vlan", "macvlan", "macvtap", "ipvlan", "ipvtap", MACSEC)  # not above the device below, and lowered with it
BONDS = ("bond", "team")  # give their MTU to all their ports
MACSEC_HEADER = 16  # beside the tag of its cipher; drivers/net/macsec.c, macsec_extra_len
MACSEC_TAG = 16


def below(link: Mapping[str, Any]) -> str | None:
    """Return the interface that one is stacked on, as a VLAN is. The other end of a veth pair is none."""
    return None if _kind(link) == "veth" else link.get("link")


def followed(name: str, links: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the interfaces that one follows.

    Args:
        name: the interface.
        links: all of ``ip -d -j link show``, by name.
    """
    link = links[name]
    found: list[str | None] = [below(link)] if _kind(link) in CAPPED else []
    master = link.get("master")
    if master is not None and master in links and _kind(links[master]) in BONDS:
        found.append(master)
    if _kind(link) == "bridge":
        found += [port for port, other in links.items() if other.get("master") == name]
    return [one for one in found if one is not None and one in links]


def cap(name: str, links: Mapping[str, Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return ``{"iface", "mtu", "overhead"}`` of what bounds an interface's MTU from below it, ``None`` for nothing."""
    link = links[name]
    lower = below(link)
    if _kind(link) not in CAPPED or lower is None or lower not in links:
        return None
    tag = link.get("linkinfo", {}).get("info_data", {}).get("icvlen", MACSEC_TAG)
    overhead = MACSEC_HEADER + int(tag) if _kind(link) == MACSEC else 0
    return {"iface": lower, "mtu": links[lower]["mtu"], "overhead": overhead}


def height(name: str, links: Mapping[str, Mapping[str, Any]], seen: tuple[str, ...] = ()) -> int:
    """Return after how many others an interface's turn is: those it follows, and what it is stacked on."""
    lower = below(links[name])
    first = {*followed(name, links), *([lower] if lower in links else [])} - {name, *seen}
    return max((1 + height(one, links, (*seen, name)) for one in first if one is not None), default=0)


def following(iface: str, links: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the interfaces that follow one, at any distance.

    Args:
        iface: the interface.
        links: of a State; in its order what follows comes later.
    """
    found = [iface]
    for name, link in links.items():
        if name not in found and any(one in found for one in link.get("follows", ())):
            found.append(name)
    return found[1:]


def follows_any(name: str, moved: Container[str], links: Mapping[str, Mapping[str, Any]]) -> bool:
    """Return whether an interface directly follows one of some."""
    return any(one in moved for one in links[name].get("follows", ()))


def _kind(link: Mapping[str, Any]) -> str | None:
    kind: str | None = link.get("linkinfo", {}).get("info_kind")
    return kind

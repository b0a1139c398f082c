# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a plan as the host calls them, whether it names them, describes them or says ``auto``. Pure.

A pattern takes what carries a host's traffic. The loopback, ifb devices and the ends of containers' veth pairs are
taken where they are named, or where the type of a selector is theirs; the ifb devices of our own never.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Mapping, NamedTuple, Tuple, Union

from .errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Wanted = Union[str, Mapping[str, Any]]

AUTO = "auto"
DRIVER, TYPE, MIN_SPEED = SELECTOR = ("driver", "type", "min_speed_mbit")
IFACES_MAX = 64  # that a plan may name, and that a pattern may take
LISTED_MAX = 32  # in one message
TUNNEL = "tunnel"
TUNNELS = (
    *(TUNNEL, "tun", "wireguard", "vxlan", "geneve", "gre", "gretap", "erspan", "ip6gre", "ip6gretap", "ip6erspan"),
    *("ipip", "sit", "ip6tnl", "vti", "vti6", "xfrm"),
)
_LOOPBACK, _IFB, _VETH = "loopback", "ifb", "veth"
_OURS = "ifb-"


class Found(NamedTuple):
    """What a plan is for on a host.

    Attributes:
        ifaces: the interfaces, each once.
        notes: what a person should know of them.
    """

    ifaces: Tuple[str, ...]
    notes: Tuple[str, ...] = ()


def named(plan: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """Return the interfaces of a plan as it names them."""
    iface = plan["iface"]
    return (iface,) if isinstance(iface, (str, Mapping)) else tuple(iface)


def is_glob(word: str) -> bool:
    """Return whether a text stands for all interfaces whose names match it."""
    return any(char in word for char in "*?[")


def as_word(wanted: Wanted) -> str:
    """Return what a plan names in one word, for people."""
    if isinstance(wanted, str):
        return wanted
    return ",".join(f"{key}={wanted[key]}" for key in SELECTOR if wanted.get(key) is not None)


def placeholder(wanted: Wanted) -> str:
    """Return what stands in the text of a plan: a name or ``auto`` as it is, in braces what each host finds out."""
    word = as_word(wanted)
    return word if isinstance(wanted, str) and not is_glob(wanted) else f"{{{word}}}"


def words(plan: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the interfaces of a plan as its text shows them."""
    return tuple(map(placeholder, named(plan)))


def host_interfaces(wanted: Iterable[Wanted], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the interfaces that are wanted, as ``find`` does.

    Raises:
        NetoptError: as of ``find``.
    """
    return find(wanted, facts).ifaces


def find(wanted: Iterable[Wanted], facts: Mapping[str, Any]) -> Found:
    """Return the interfaces that are wanted as a host calls them, each once.

    Args:
        wanted: names, globs, selectors, or ``auto`` for those of the default route.
        facts: the host's facts.

    Raises:
        NetoptError: one of them is nothing on this host, or there are too many.
    """
    asked = tuple(wanted)
    each = {as_word(one): _taken(one, facts) for one in asked}
    missing = [one for one in asked if not each[as_word(one)]]
    if missing:
        raise _nothing(missing, asked, facts)
    ifaces = tuple(dict.fromkeys(name for names in each.values() for name in names))
    if len(ifaces) > IFACES_MAX:
        raise NetoptError(
            f"{', '.join(each)} is {len(ifaces)} interfaces of this host, more than the {IFACES_MAX} of a plan",
            stage="facts",
            key="iface",
            wanted=f"at most {IFACES_MAX} interfaces",
            after=_listed(ifaces),
            hint="Narrow the pattern.",
        )
    return Found(ifaces, (*_several_defaults(each), *_stacked(asked, each, facts)))


def _taken(wanted: Wanted, facts: Mapping[str, Any]) -> Sequence[str]:
    """Return the interfaces that one word of a plan stands for."""
    there = facts["interfaces"]
    if isinstance(wanted, str):
        if wanted == AUTO:
            default = facts.get("default_interface")
            return facts.get("default_interfaces") or ([default] if default else [])
        if wanted in there or not is_glob(wanted):
            return [wanted] if wanted in there else []
        return [name for name in sorted(there) if fnmatchcase(name, wanted) and not is_set_aside(name, there[name])]
    return [name for name in sorted(there) if _is(wanted, name, there[name])]


def _is(selector: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> bool:
    """Return whether an interface is what a selector describes."""
    driver, kind, speed = (selector.get(key) for key in SELECTOR)
    return (
        any(value is not None for value in (driver, kind, speed))
        and (driver is None or entry.get("driver") == driver)
        and (kind is None or entry.get("type") == kind or (kind == TUNNEL and entry.get("type") in TUNNELS))
        and (speed is None or (entry.get("speed_mbit") or 0) >= speed)
        and not (is_set_aside(name, entry) if kind is None else is_ours(name, entry))
    )


def is_ours(name: str, entry: Mapping[str, Any]) -> bool:
    """Return whether an interface is a device that netopt has made for what arrives at another."""
    return name.startswith(_OURS) and entry.get("type") == _IFB


def is_set_aside(name: str, entry: Mapping[str, Any]) -> bool:
    """Return whether an interface is taken only where it is meant: no pattern takes it by the way.

    A container's own veth has an address in a network; the other end, on the machine that it runs on, has none.
    """
    kind = entry.get("type")
    return name == "lo" or kind in (_LOOPBACK, _IFB) or (kind == _VETH and not entry.get("in_network"))


def _nothing(missing: Sequence[Wanted], asked: Sequence[Wanted], facts: Mapping[str, Any]) -> NetoptError:
    """Return the error for what is nothing on this host: what was wanted, what there is, and what to do."""
    there = facts["interfaces"]
    if AUTO in missing:
        message = "This host has no default route, so iface 'auto' stands for nothing"
        todo = "Name the interface."
    else:
        message = f"This host has no interface {', nor '.join(map(_said, missing))}"
        todo = f"Name one that it has, write '{AUTO}' for that of the default route, or leave this host out."
    globs = [one for one in missing if isinstance(one, str) and is_glob(one)]
    aside = [name for name in sorted(there) if any(fnmatchcase(name, glob) for glob in globs)]
    if aside:
        todo += f" A glob leaves out the loopback, ifb devices and ends of containers: here {_listed(aside)}."
    return NetoptError(
        message,
        stage="facts",
        key="iface",
        wanted=", ".join(map(as_word, asked)),
        after=", ".join(sorted(there)),
        hint=f"It has {_listed(_described(name, there[name]) for name in sorted(there))}. {todo}",
    )


def _said(wanted: Wanted) -> str:
    if isinstance(wanted, str):
        return f"that matches {wanted}" if is_glob(wanted) else wanted
    found = [f"{key} {wanted[key]}" for key in (DRIVER, TYPE) if wanted.get(key) is not None]
    if wanted.get(MIN_SPEED) is not None:
        found.append(f"{wanted[MIN_SPEED]} Mbit/s or more")
    return f"with {', '.join(found)}" if found else "for a selector that says nothing"


def _described(name: str, entry: Mapping[str, Any]) -> str:
    """Return an interface with what a selector may ask of it."""
    speed = entry.get("speed_mbit")
    told = [entry.get("type"), entry.get("driver"), f"{speed} Mbit/s" if speed else None]
    return f"{name} ({', '.join(dict.fromkeys(str(one) for one in told if one))})"


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = len(every) - LISTED_MAX
    return ", ".join(every[:LISTED_MAX]) + (f" and {more} more" if more > 0 else "")


def _several_defaults(each: Mapping[str, Sequence[str]]) -> list[str]:
    """Return that ``auto`` is more than one interface."""
    names = each.get(AUTO, ())
    if len(names) < 2:
        return []
    note = (
        f"iface: {AUTO} is {', '.join(names)}, as {len(names)} default routes of this host are equal; each of these "
        "interfaces gets what the plan says of one. Name one interface where that is too much."
    )
    return [note]


def _stacked(asked: Sequence[Wanted], each: Mapping[str, Sequence[str]], facts: Mapping[str, Any]) -> list[str]:
    """Return which patterns took both an interface and one that stands on it, a VLAN or the bond that it is in."""
    found = []
    for one in asked:
        if one == AUTO or (isinstance(one, str) and not is_glob(one)):
            continue
        names = each[as_word(one)]
        for name in names:
            above = [upper for upper in facts["interfaces"][name].get("upper") or () if upper in names]
            if above:
                found.append(
                    f"iface: {as_word(one)} is {name} and also {', '.join(above)} on top of it; what goes by both "
                    "meets the plan twice. Narrow the pattern where that is not meant."
                )
    return found

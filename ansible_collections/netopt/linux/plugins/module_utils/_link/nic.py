# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rings, channels, coalescing, pause frames and queue length of a device, by flat name (``rings.rx``). Pure.

Of a device a State has ``nic``: ``{name: number or bool}`` of what it has, and ``nic_most``: ``{name: number}`` of how
much it can. ``no_ethtool`` says that this kernel does not tell, ``nic_refused`` why a driver does not, by group.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._plan.nic_words import GROUPS, MAX, OF_LINK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LETTERS = {"channels": "L", "rings": "G", "coalesce": "C", "pause": "A"}  # options of ethtool(8); small ones show
CALLED = {"channels": "channels", "rings": "rings", "coalesce": "coalescing", "pause": "pause frames"}
OLDEST = "5.7"
# what adaptive coalescing moves by itself, so that it is no difference while that is on
MOVED = {
    f"coalesce.{side}_{word}": f"coalesce.adaptive_{side}" for side in ("rx", "tx") for word in ("usecs", "frames")
}
# the lines of ``ethtool -g`` and ``ethtool -l``
_SHOWN = {
    "rx": "RX",
    "tx": "TX",
    "rx_mini": "RX Mini",
    "rx_jumbo": "RX Jumbo",
    "other": "Other",
    "combined": "Combined",
}


def groups_of(names: Iterable[str]) -> list[str]:
    """Return the groups that flat names belong to, and words of ``OF_LINK``, in the order of setting."""
    found = {name.partition(".")[0] for name in names}
    return [group for group in (*GROUPS, *OF_LINK) if group in found]


def to_read(names: Iterable[str]) -> list[str]:
    """Return the groups to read for flat names, and what a driver may make anew along with channels and rings."""
    found = groups_of(names)
    if "channels" in found or "rings" in found:
        found = [group for group in (*GROUPS, *OF_LINK) if group in found or group in ("rings", "coalesce")]
    return found


def said(value: Any) -> str:
    """Return a value as ethtool writes it."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def command(iface: str, group: str, values: Mapping[str, Any]) -> str:
    """Return the command that sets some settings of one group.

    Args:
        iface: the interface.
        group: of ``GROUPS``, or a word of ``OF_LINK``.
        values: by flat name; ``max`` reads how much the device can.
    """
    if group in OF_LINK:
        return f"ip link set dev {shlex.quote(iface)} {group} {said(values[group])}"
    words = []
    for name, value in values.items():
        word = name.partition(".")[2]
        words += [word.replace("_", "-"), _most(iface, group, word) if value == MAX else said(value)]
    return " ".join(["ethtool", f"-{LETTERS[group]}", shlex.quote(iface), *words])


def _most(iface: str, group: str, word: str) -> str:
    """Return the part of a command that reads how much the device can."""
    shows = f"ethtool -{LETTERS[group].lower()} {shlex.quote(iface)}"
    return f"\"$({shows} | sed -n '/^Pre-set/,/^Current/s/^{_SHOWN[word]}:[[:space:]]*//p')\""


def commands(iface: str, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return ``(group, command)`` for what is to be set, in order."""
    return [(group, command(iface, group, _of(group, values))) for group in groups_of(values)]


def _of(group: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name.partition(".")[0] == group}


def merged(asked: Mapping[str, Any], link: Mapping[str, Any], iface: str) -> dict[str, Any]:
    """Return the values that a plan leads to on a device.

    Raises:
        NetoptError: the device or the kernel lacks a setting, or the device can less.
    """
    found: dict[str, Any] = {}
    for name, value in asked.items():
        if name not in link["nic"]:
            raise _lacking(name, value, link, iface)
        most = link["nic_most"].get(name)
        found[name] = most if value == MAX else value
        if most is not None and found[name] > most:
            raise NetoptError(
                f"{iface} takes {name} up to {most}, not {value}",
                stage="rehearse",
                key=f"{iface} {name}",
                wanted=str(value),
                before=said(link["nic"][name]),
                hint=f"Ask for {most} or less, or for {MAX}.",
            )
    return found


def _lacking(name: str, value: Any, link: Mapping[str, Any], iface: str) -> NetoptError:
    """Return the error for a setting that a device does not have."""
    group, _dot, word = name.partition(".")
    if link.get("no_ethtool"):
        return NetoptError(
            f"{name} of {iface} cannot be read: this kernel does not tell it over netlink",
            stage="rehearse",
            key=f"{iface} {name}",
            wanted=said(value),
            after="absent",
            hint=f"Linux {OLDEST} and later do. Leave changes.nic.{group} out for this host.",
        )
    why = link.get("nic_refused", {}).get(group)
    if why:
        return NetoptError(
            f"{name} of {iface} cannot be read: {why}",
            stage="rehearse",
            key=f"{iface} {name}",
            wanted=said(value),
            after=why,
            hint=f"See what ethtool -{LETTERS[group].lower()} {iface} says; a device that is down may not answer.",
        )
    others = [other.partition(".")[2] for other in _of(group, link["nic"])]
    if others:
        what, more = f"{CALLED[group]} {word}", f" It has {', '.join(others)}."
    else:
        what, more = f"{CALLED[group]} that can be set", ""
    return NetoptError(
        f"{iface} has no {what}",
        stage="rehearse",
        key=f"{iface} {name}",
        wanted=said(value),
        after="absent",
        hint=f"ethtool -{LETTERS[group].lower()} {iface} shows what its driver offers.{more} Leave changes.nic.{name} "
        "out for this host.",
    )


def not_settable(iface: str, group: str, why: str | None) -> NetoptError:
    """Return the error for settings of a group that a device shows and does not let be set.

    Args:
        iface: the interface.
        group: of ``GROUPS``.
        why: the kernel's words, ``None`` where it says only that there is no way.
    """
    return NetoptError(
        f"{iface} has no {CALLED[group]} that can be set" if why is None else f"{iface}, {CALLED[group]}: {why}",
        stage="rehearse",
        key=f"{iface} {group}",
        after=why,
        hint=f"The driver of {iface} does not let it be set: leave it out of changes.nic.{group} for this host.",
    )


def differing(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return by group what has to be set to lead from one state to another."""
    found = {}
    for group in groups_of(then):
        changed = {name: value for name, value in _of(group, then).items() if name in now and now[name] != value}
        if any(then.get(MOVED.get(name, "")) is not True for name in changed):
            found[group] = changed
    return found


def diff(iface: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Change]:
    """Return what differs, as a person would read it."""
    return [
        Change("link", f"{iface} {name}", said(now[name]), said(value))
        for values in differing(now, then).values()
        for name, value in values.items()
    ]


def operations(iface: str, now: Mapping[str, Any], then: Mapping[str, Any]) -> list[Operation]:
    """Return the steps from one state to another, one for each group."""
    return [
        Operation(
            "link",
            f"{iface} {' '.join(values)}",
            command(iface, group, values),
            {"do": "nic", "iface": iface, "group": group, "values": values},
        )
        for group, values in differing(now, then).items()
    ]

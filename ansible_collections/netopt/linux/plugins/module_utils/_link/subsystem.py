# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTU, offloads and queues of interfaces: what a plan asks for, how it reads as commands, and the steps to it.

State: ``{"links": {iface: {"mtu", "min_mtu", "max_mtu", "requested", "active", "fixed", "groups", "ipv6", "follows",
"cap"}}}``, the last two as ``followers.py`` has them, and of the plan's interfaces what ``nic.py`` and ``steering.py``
name, where it is asked for. With the interfaces of the plan come those that follow or lead them (VLANs on them, bonds
and their ports), since the kernel changes these too; what follows another interface comes after it. A wanted state
holds only what is wanted; whatever it leaves out is not compared.
"""

from __future__ import annotations

import copy
import shlex
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._common.intents import OneIntent
from .._common.quick_dataclass import dataclass
from .._plan.feature_names import SHORT_NAMES, long_name
from .._plan.nic_words import NIC, RFS_ENTRIES, STEERING, TXQUEUELEN, flat
from . import ipv6_mtus, nic, steering
from .followers import follows_any
from .ipv6_below_1280 import IPV6_MIN_MTU, ipv6_operations
from .mtu import check_mtu, with_followers

if TYPE_CHECKING:
    from collections.abc import Mapping

    State = dict[str, Any]

SCATTER_GATHER = "scatter-gather"
NEED_SCATTER_GATHER = ("tcp-segmentation-offload", "generic-segmentation-offload")  # net/core/dev.c


@dataclass(frozen=True)
class Intent(OneIntent):
    """What a plan asks of its interfaces: the same of each.

    Attributes:
        ifaces: the interfaces.
        mtu: bytes, ``None`` to leave it.
        offloads: on or off by short name (``gro``) or by the kernel's own name.
        nic: by flat name (``rings.rx``).
        steering: by word; RFS's entries are a kernel parameter, and not here.
        former: what is to be as it was, since no plan asks for it any more, as a State has it of an interface.
        along: the same of interfaces whose MTU the kernel changed along with those of ``ifaces``, by name.
        held: interfaces whose MTU some plan has.
    """

    ifaces: tuple[str, ...] = ()
    mtu: int | None = None
    offloads: dict[str, bool] = field(default_factory=dict)
    nic: dict[str, Any] = field(default_factory=dict)
    steering: dict[str, Any] = field(default_factory=dict)
    former: dict[str, Any] = field(default_factory=dict)
    along: dict[str, dict[str, Any]] = field(default_factory=dict)
    held: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Tell whether anything is asked for."""
        asked = self.offloads or self.nic or self.steering or self.former
        return bool(self.ifaces) and (self.mtu is not None or bool(asked))


def intent(changes: Mapping[str, Any], ifaces: tuple[str, ...]) -> Intent:
    """Return what the changes of a plan ask of its interfaces: ``mtu``, ``offloads``, ``nic`` and ``steering``.

    Raises:
        NetoptError: a feature is asked for by two names, to be on and off.
    """
    offloads: dict[str, bool] = {}
    seen: dict[str, bool] = {}
    for name, on in changes.get("offloads", {}).items():
        if seen.setdefault(long_name(name), bool(on)) != bool(on):
            raise NetoptError(f"{long_name(name)} is asked to be on and off", stage="plan", key=f"offloads.{name}")
        offloads[name] = bool(on)
    mtu = changes.get("mtu")
    return Intent(
        ifaces=tuple(ifaces),
        mtu=None if mtu is None else int(mtu),
        offloads=offloads,
        nic=flat(NIC, changes.get(NIC) or {}),
        steering={word: value for word, value in (changes.get(STEERING) or {}).items() if word != RFS_ENTRIES},
    )


def _word(on: bool) -> str:  # noqa: FBT001 - turns a flag into the tool's word for it
    return "on" if on else "off"


def _ethtool(iface: str, features: Mapping[str, bool]) -> list[str]:
    return ["ethtool", "-K", iface, *(word for name, on in features.items() for word in (name, _word(on)))]


def render(wanted: Intent) -> tuple[list[str], list[str]]:
    """Return the commands of ``ip`` and those that set the rest; running them again changes nothing."""
    if not wanted:
        return [], []
    queues = [each for iface in wanted.ifaces for each in nic.commands(iface, wanted.nic)]
    ip_link = [f"ip link set dev {shlex.quote(iface)} mtu {wanted.mtu}" for iface in wanted.ifaces if wanted.mtu]
    # of the short names, those with a dash are not taken by every release of ethtool
    named = {
        name if name in SHORT_NAMES and "-" not in name else long_name(name): on for name, on in wanted.offloads.items()
    }
    ethtool = [shlex.join(_ethtool(iface, named)) for iface in wanted.ifaces if named]
    ip_link += [line for group, line in queues if group not in nic.LETTERS]
    ethtool += [line for group, line in queues if group in nic.LETTERS]
    return ip_link, [*ethtool, *(line for iface in wanted.ifaces for line in steering.render(iface, wanted.steering))]


def queue_lengths(wanted: Intent) -> dict[str, int]:
    """Return the queue length that each interface gets, of those that get one."""
    found = {}
    for iface in wanted.ifaces:
        values = {**wanted.of(iface).former.get(NIC, {}), **wanted.of(iface).nic}
        found.update({iface: int(values[TXQUEUELEN])} if TXQUEUELEN in values else {})
    return found


def scope(wanted: Intent) -> dict[str, Any]:
    """Return what has to be read for an intent.

    ``{"ifaces": [iface], "ipv6": bool, "features": bool}``, and where they are asked for ``"mtu": True``,
    ``"nic": [group]`` and ``"steering": True``; another number of channels is another number of queues.
    """
    back = [origin for one in wanted.parts for origin in (one.former, *one.along.values())]
    mtus = [mtu for mtu in (*(one.mtu for one in wanted.parts), *(it.get("mtu") for it in back)) if mtu is not None]
    features = any(one.offloads or one.former.get("requested") or one.former.get("active") for one in wanted.parts)
    below = any("ipv6" in it for it in back) or any(mtu < IPV6_MIN_MTU for mtu in mtus)
    found = {"ifaces": list(wanted.ifaces), "ipv6": below, "features": features}
    if mtus:
        found["mtu"] = True
    groups = nic.to_read(name for one in wanted.parts for name in (*one.nic, *one.former.get("nic", ())))
    if groups:
        found["nic"] = groups
    if "channels" in groups or any(one.steering or one.former.get("steering") for one in wanted.parts):
        found["steering"] = True
    return found


def _feature_to_set(name: str, on: bool, link: Mapping[str, Any], iface: str) -> dict[str, bool]:  # noqa: FBT001
    """Return the features to request for one that is asked for: its members, where it sums up others."""
    long = long_name(name)
    if long not in link["active"]:
        known = ", ".join(sorted(SHORT_NAMES))
        raise NetoptError(
            f"{iface} has no feature {name}",
            stage="rehearse",
            key=f"{iface} {name}",
            wanted=_word(on),
            after="absent",
            hint=f"Short names are {known}; ethtool -k {iface} lists all.",
        )
    members = link["groups"].get(long, [long])
    settable = [member for member in members if member in link["requested"]]
    if not settable and link["active"][long] == on:
        return {}
    if not settable:
        now = _word(link["active"][long])
        raise NetoptError(
            f"{long} ({name}) of {iface} is fixed {now} and cannot be turned {_word(on)}",
            stage="rehearse",
            key=f"{iface} {name}",
            wanted=_word(on),
            before=now,
            after=f"{now} [fixed]",
            hint=f"The driver of {iface} does not let {name} be set: leave it out for this host.",
        )
    return dict.fromkeys(settable, on)


def _check_dependencies(wanted: Mapping[str, bool], link: Mapping[str, Any], iface: str) -> None:
    """Raise where a feature is asked for that the kernel leaves off as long as another one is off."""
    for name in NEED_SCATTER_GATHER:
        if wanted.get(name) and not {**link["active"], **wanted}.get(SCATTER_GATHER, True):
            raise NetoptError(
                f"{name} of {iface} cannot be on while {SCATTER_GATHER} is off",
                stage="rehearse",
                key=f"{iface} {name}",
                wanted="on",
                before=_word(link["active"][name]),
                after="off [requested on]",
                hint="Ask for sg: true as well, or leave this one off.",
            )


def merge(wanted: Intent, current: State) -> State:
    """Return the state that an intent leads to.

    Raises:
        NetoptError: a feature is unknown or fixed, or the device does not take the MTU or lacks another setting.
    """
    links: dict[str, Any] = {}
    for iface in wanted.ifaces:
        link, asked = current["links"][iface], wanted.of(iface)
        entry: dict[str, Any] = copy.deepcopy(asked.former)
        lost = entry.pop(steering.LOST_QUEUES, {})
        if lost:
            entry[STEERING] = steering.with_lost_queues(entry.get(STEERING, {}), lost, link)
        if asked.mtu is not None:
            check_mtu(asked.mtu, link, iface)
            entry["mtu"] = asked.mtu
        for name, on in asked.offloads.items():
            entry.setdefault("requested", {}).update(_feature_to_set(name, on, link, iface))
            entry.setdefault("active", {})[long_name(name)] = on
        _check_dependencies(entry.get("active", {}), link, iface)
        if asked.nic:
            entry.setdefault("nic", {}).update(nic.merged(asked.nic, link, iface))
        if asked.steering:
            entry.setdefault("steering", {}).update(steering.merged(asked.steering, link, iface))
        links[iface] = entry
    return {
        "links": with_followers(
            links,
            current["links"],
            along={name: origin for one in wanted.parts for name, origin in one.along.items()},
            asked={iface for iface in wanted.ifaces if wanted.of(iface).mtu is not None},
            held=frozenset().union(*(one.held for one in wanted.parts)),
        )
    }


def _features_to_set(now: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, bool]:
    """Return the features whose request, or else whose effect, differs and which can be set."""
    requested = {
        name: on
        for name, on in then.get("requested", {}).items()
        if name in now.get("requested", {}) and now["requested"][name] != on
    }
    if requested:
        return requested
    fixed = now.get("fixed", [])
    return {
        name: on
        for name, on in then.get("active", {}).items()
        if name in now.get("active", {}) and now["active"][name] != on and name not in fixed
    }


def _feature_now(now: Mapping[str, Any], name: str, on: bool) -> str:  # noqa: FBT001 - turns flags into words
    """Return how a feature is that should be ``on``; it may be asked for already, and be left as it is."""
    asked = now["requested"].get(name, now["active"][name])
    return _word(asked) if asked != on else f"{_word(now['active'][name])} [requested {_word(on)}]"


def diff(current: State, wanted: State) -> list[Change]:
    """Return what differs between two states, as a person would read it."""
    changes = []
    for iface, then in wanted["links"].items():
        now = current["links"].get(iface)
        if now is None:
            continue
        if "mtu" in then and now["mtu"] != then["mtu"]:
            changes.append(Change("link", f"{iface} mtu", str(now["mtu"]), str(then["mtu"])))
        changes += [
            Change("link", f"{iface} {name}", _feature_now(now, name, on), _word(on))
            for name, on in _features_to_set(now, then).items()
        ]
        changes += nic.diff(iface, now.get("nic", {}), then.get("nic", {}))
        changes += steering.diff(iface, now.get("steering", {}), then.get("steering", {}))
        for step in ipv6_operations(iface, now.get("ipv6", {}), then.get("ipv6", {})):
            changes.append(Change("link", step.key, None, step.command))
    return changes


def operations(current: State, wanted: State) -> list[Operation]:
    """Return the steps from one state to the other, one interface after the other: MTU, IPv6, queues, offloads.

    What follows another interface comes after it, and gets its MTU again where that one's changes it; the current state
    has this order. Interfaces that have gone are left out. Empty exactly when nothing differs.
    """
    steps = []
    moved: set[str] = set()
    for iface, now in current["links"].items():
        then = wanted["links"].get(iface, {})
        follows = follows_any(iface, moved, current["links"])
        moves = "mtu" in then and now["mtu"] != then["mtu"]
        if follows or moves:
            moved.add(iface)
        if moves or ("mtu" in then and follows):
            payload = {"do": "mtu", "iface": iface, "mtu": then["mtu"], "before": now["mtu"]}
            steps.append(Operation("link", f"{iface} mtu", f"ip link set dev {iface} mtu {then['mtu']}", payload))
            steps += ipv6_mtus.operations(iface, now, then)
        steps += ipv6_operations(iface, now.get("ipv6", {}), then.get("ipv6", {}))
        queues = nic.operations(iface, now.get("nic", {}), then.get("nic", {}))
        steps += queues
        others = any(step.payload["group"] == "channels" for step in queues)
        steps += steering.operations(iface, now.get("steering", {}), then.get("steering", {}), other_queues=others)
        features = _features_to_set(now, then)
        if features:
            command = " ".join(_ethtool(iface, features))
            payload = {"do": "features", "iface": iface, "features": features}
            steps.append(Operation("link", f"{iface} {' '.join(features)}", command, payload))
    return steps

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adjusters as every subsystem is used: which are to run, as text and as the way there. Pure.

A state is ``{"interfaces": {name: settings or None}}``: the settings of the adjuster that runs, see
``_adjuster/adjuster.py``.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any, Dict, Tuple

from .._adjuster.law import NOT_OURS
from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._common.intents import OneIntent
from .._common.quick_dataclass import dataclass
from .._plan.adapting import DEFAULTS, adapting, limits, problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SUBSYSTEM = "adapt"
CAPABILITIES = "CAP_NET_ADMIN CAP_NET_RAW"


@dataclass(frozen=True)
class Intent(OneIntent):
    """Which adjusters are to run for some interfaces; falsy when nothing is asked.

    Attributes:
        ifaces: the interfaces.
        settings: of each that is to have one.
    """

    ifaces: Tuple[str, ...] = ()
    settings: Dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.ifaces)


def intent(changes: Mapping[str, Any], ifaces: Iterable[str]) -> Intent:
    """Return what normalised ``changes`` ask of the adjusters of ``ifaces``.

    Raises:
        NetoptError: a shaper cannot adapt as they say; stage ``plan``.
    """
    if adapting(changes) is None:
        return Intent()
    for problem in problems(changes):
        path = "changes." + ".".join(problem.path)
        raise NetoptError(
            f"{path}: {problem.message}", stage="plan", key=path, hint=f"{problem.hint} Nothing was changed."
        )
    names = tuple(ifaces)
    return Intent(names, {iface: _settings(changes, iface) for iface in names})


def _settings(changes: Mapping[str, Any], iface: str) -> dict[str, Any]:
    """Return the settings of the adjuster of one interface."""
    from .._tc.commands import commands  # noqa: PLC0415 - most hosts have no adjuster
    from .._tc.intent import intent as tc_intent  # noqa: PLC0415
    from .._tc.objects import ifb_name  # noqa: PLC0415

    adapt = {**DEFAULTS, **{key: value for key, value in changes["shaper"]["adapt"].items() if value is not None}}
    made = [list(one.words) for one in commands(tc_intent(changes, (iface,)), iface)]
    devices = {"egress": iface, "ingress": ifb_name(iface)}
    directions = {}
    for direction, (least, own, most) in limits(changes["shaper"]).items():
        kind, words = _shaper(made, devices[direction])
        directions[direction] = {
            "device": devices[direction],
            "kind": kind,
            "words": words,
            "min_kbit": least,
            "base_kbit": own,
            "max_kbit": most,
        }
    return {
        "iface": iface,
        "reflectors": list(adapt["reflectors"]),
        "delay_ms": adapt["delay_ms"],
        "interval_ms": adapt["interval_ms"],
        "directions": directions,
    }


def _shaper(made: list[list[str]], device: str) -> tuple[str, list[str]]:
    """Return the kind of a device's shaper, and the words by which tc changes it to what the plan has made."""
    for words in made:
        if words[:5] == ["tc", "qdisc", "replace", "dev", device] and "cake" in words:
            return "cake", ["qdisc", "change", *words[3:]]
        if words[:5] == ["tc", "class", "add", "dev", device] and words[words.index("classid") + 1] == "1:1":
            return "htb", ["class", "change", *words[3:]]
    raise NetoptError(f"{device} has no shaper", stage="plan", key="changes.shaper.adapt")


def render(wanted: Intent) -> str:
    """Return comments that say which adjusters run; the program comes with netopt, so no command by hand starts it."""
    lines = []
    for iface, settings in wanted.settings.items():
        asked = f"pings {', '.join(settings['reflectors'])} every {settings['interval_ms']} ms"
        lines.append(f"# {unit_of(iface)}: {asked}, and by their delay changes, within these bounds:")
        for one in settings["directions"].values():
            line = " ".join(["tc", *one["words"]])
            lines.append(f"#   {one['min_kbit']} to {one['max_kbit']} kbit/s: {line}")
    return "".join(f"{line}\n" for line in lines)


def unit_of(iface: str) -> str:
    """Return the name of the unit of an interface's adjuster, without its suffix."""
    return "netopt-adapt-" + re.sub(r"[^0-9A-Za-z-]", lambda found: f"_{ord(found.group()):02x}", iface)


def start_words(iface: str, program: list[str], path: str) -> list[str]:
    """Return the command that starts the adjuster of an interface.

    Args:
        iface: the interface.
        program: what runs the adjuster.
        path: of its settings.
    """
    return [
        *("systemd-run", "--quiet", "--collect", f"--unit={unit_of(iface)}"),
        f"--description=Move the rate of the shaper of {iface} by the delay (netopt)",
        "--property=Type=notify",
        "--property=Restart=on-failure",
        "--property=RestartSec=5",
        f"--property=RestartPreventExitStatus={NOT_OURS}",
        f"--property=ExecStopPost={' '.join([*program, '--settle', path])}",
        f"--property=CapabilityBoundingSet={CAPABILITIES}",
        "--property=NoNewPrivileges=yes",
        *program,
        path,
    ]


def scope(wanted: Intent) -> dict[str, Any]:
    """Return what is to be observed for an intent: ``{"ifaces": [name, ...]}``."""
    return {"ifaces": list(wanted.ifaces)}


def diff(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """Return which adjusters differ."""
    return [
        Change(SUBSYSTEM, f"{iface} adapt", _said(current["interfaces"].get(iface)), _said(settings))
        for iface, settings in wanted["interfaces"].items()
        if current["interfaces"].get(iface) != settings
    ]


def _said(settings: Mapping[str, Any] | None) -> str | None:
    """Return what an adjuster does, in one line."""
    if settings is None:
        return None
    rates = [
        f"{name} {one['min_kbit'] / 1000:g} to {one['max_kbit'] / 1000:g} Mbit/s"
        for name, one in settings["directions"].items()
    ]
    often = f"{settings['delay_ms']:g} ms, asked every {settings['interval_ms']} ms"
    return f"{', '.join(rates)} by the delay to {', '.join(settings['reflectors'])}: {often}"


def operations(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Operation]:
    """Return the steps that stop and start adjusters."""
    found = []
    for iface, settings in wanted["interfaces"].items():
        unit, running = unit_of(iface), current["interfaces"].get(iface)
        if running == settings:
            continue
        if running is not None:
            found.append(Operation(SUBSYSTEM, f"{iface} adapt", f"systemctl stop {unit}.service", (iface, None)))
        if settings is not None:
            found.append(Operation(SUBSYSTEM, f"{iface} adapt", f"systemd-run --unit={unit}", (iface, settings)))
    return found

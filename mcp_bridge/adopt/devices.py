# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes in what the interfaces and routes of a host hold beyond what is usual: MTU, offloads, queues, tc, metrics."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.feature_names import is_known, plan_name
from mcp_bridge.collection.kernel_state import handle_text

from .found import Place, Setting, place_of
from .tc import arriving, taken

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .found import Found
    from .tc.reading import Reading

NOT_TOLD = (
    "Nobody can tell whether the driver has chosen this or somebody has set it: what you have set, put into the plan."
)
NO_TABLE = "No kernel shows the table that its jitter follows: say distribution, where it is not uniform."
CONTAINER = (
    "It is an end of a container's link, and whoever runs the container makes its queues: see the settings there."
)
IDLE = "Nothing that arrives is redirected to this device, as far as a plan could say: it is left as it is."
ONE_FOR_ALL = "A plan has the same for all queues of an interface."
LOCK = "lock "


def take(told: Mapping[str, Any], found: Found, *, only: str = "*", shaped: Mapping[str, str] | None = None) -> None:
    """Take in what a host has told.

    Args:
        told: as the subset ``devices`` of ``netopt_info`` has it.
        found: takes it.
        only: a glob of the interfaces that count.
        shaped: why their trees of tc are not adopted, by interface.
    """
    there = [name for name, one in told["tc"]["interfaces"].items() if one]
    for name, reading in arriving.read_all(told["tc"], there).items():
        if not fnmatchcase(name, only):
            continue
        if name in told["aside"]:
            for device, one in _first_of(reading):
                found.leave_out(Place(device), _said(device, one), CONTAINER)
            continue
        if told["tc"]["interfaces"][name]["link"]["kind"] == "ifb":
            for device, one in _first_of(reading):
                found.leave_out(Place(device), _said(device, one), IDLE)
            continue
        _settings(name, told["held"].get(name, {}), found)
        why = (shaped or {}).get(name)
        if why is None:
            _tree(reading, told["qdiscs"].get(name), found)
        else:
            found.leave_out(place_of("none", None), f"tc qdisc show dev {name}", why)
        _routes(name, told["routes"].get(name, {}), found)


def _first_of(reading: Reading) -> list[tuple[str, TcObject]]:
    """Return one object of a tree, if there is any."""
    return [*reading.origins.values(), *((each.device, each.one) for each in reading.unsaid)][:1]


def _settings(iface: str, held: Mapping[str, Sequence[Any]], found: Found) -> None:
    """Take in MTU, offloads, queues and steering."""
    not_told = []
    for name, (value, usual, who) in held.items():
        text = f"{iface} {name.partition('.')[2] or name} {_word(value)}"
        if usual is None and who is None:
            not_told.append(f"{name.removeprefix('nic.')} {_word(value)}")
            continue
        place = place_of("unknown" if usual is None else _word(usual), who)
        field, _dot, key = name.partition(".")
        if field == "offloads" and not is_known(key):
            found.leave_out(place, text, f"No plan sets the feature {key}.")
        elif isinstance(value, dict):
            found.leave_out(place, text, ONE_FOR_ALL)
        else:
            path = (field, plan_name(key)) if field == "offloads" else tuple(name.split("."))
            found.set(Setting(path, value if value != "" else "none", place, text), (iface,))
    if not_told:
        found.leave_out(Place(iface), f"{iface} {', '.join(not_told)}", NOT_TOLD)


def _word(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{queue} {each or 'none'}" for queue, each in value.items())
    return {True: "on", False: "off"}.get(value, str(value)) if isinstance(value, bool) else str(value) or "none"


def _tree(reading: Reading, who: str | None, found: Found) -> None:
    """Take in the tree of an interface."""
    place = place_of("none", who)
    taken.take(reading, lambda device, one: (place, _said(device, one)), found)
    if reading.changes.get("netem", {}).get("delay_jitter_ms"):
        found.leave_out(place, _said(*reading.origins["netem"]), NO_TABLE)


def _said(device: str, one: TcObject) -> str:
    """Return an object of tc in words that find it in what tc shows."""
    if one.form == "filter":
        return f"tc filter show dev {device}: {one.protocol} pref {one.info >> 16} {one.kind}"
    return f"tc {one.form} show dev {device}: {one.kind} {handle_text(one.handle)}"


def _routes(iface: str, networks: Mapping[str, Sequence[Mapping[str, Any]]], found: Found) -> None:
    """Take in metrics; a plan gives all routes to a network the same."""
    for network, routes in networks.items():
        first = routes[0]
        text = f"{network} dev {iface} {' '.join(f'{word} {said}' for word, said in first['metrics'].items())}".rstrip()
        place = place_of("none", f"on a route of {first['owner']}" if first["owner"] else None)
        for words in [" ".join(one["others"]) for one in routes if one["others"]]:
            found.leave_out(place, f"{network} dev {iface} {words}", "No plan has these metrics.")
        refused = next((one["refused"] for one in routes if one["refused"]), None)
        metrics = {word: _metric(word, said) for word, said in first["metrics"].items()}
        if not any(one["metrics"] for one in routes):
            continue
        if refused:
            found.leave_out(place, text, f"No plan sets metrics of this route: {refused}.")
        elif any(one["metrics"] != first["metrics"] for one in routes):
            found.leave_out(place, text, "A plan gives all routes to a network the same metrics; these have others.")
        elif None in metrics.values():
            found.leave_out(place, text, "A plan locks rto_min, and no other metric.")
        else:
            found.set(Setting(("routes", network), {"dst": network, **metrics}, place, text), (iface,))


def _metric(word: str, said: str) -> Any:
    """Return a metric as a plan has it, ``None`` where none has it."""
    if (word == "rto_min_ms") is not said.startswith(LOCK):
        return None
    if word == "congctl":
        return said
    number = int(said.removeprefix(LOCK))
    return bool(number) if word == "quickack" else number

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of routes that exist: what a plan asks for, how it reads as commands, and the steps that lead there. Pure.

State: ``{"routes": {iface: {name: {"metrics", "body", "lives", "refused", "text"}}}, "text": {iface: [network]}}``.
``name`` is the network and what tells the route from others to it; ``metrics`` are those that a plan may set, as in
``attributes.metrics_of``; ``body`` is the message that makes the route, in hexadecimal; ``lives`` says that it ends by
itself; ``refused`` why its metrics cannot be set; ``text`` who made it, and beside the routes a few networks of each
interface, for people. A wanted state holds the wanted metrics alone. What it leaves out is not compared, nor are routes
that have gone.
"""

from __future__ import annotations

import shlex
from dataclasses import field
from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping

from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._common.intents import OneIntent
from .._common.quick_dataclass import dataclass
from .._plan.routes import DEFAULTS, ROUTES, network_of, said_of
from .attributes import LOCK

if TYPE_CHECKING:
    from .._common.intents import Intents

    State = Dict[str, Any]

EVERY = "*"
LISTED = 8  # routes in a message
# what of a line of `ip route show` is not taken back by `ip route change`
_TAKEN_BACK = (
    r"sed -e 's/rto_min lock /rto_min /' -e 's/ expires \([0-9]*\)sec/ expires \1/'"
    r" -e 's/ \(linkdown\|dead\|offload\|trap\|rt_offload\|rt_trap\)\>//g'"
)


@dataclass(frozen=True)
class Intent(OneIntent):
    """What a plan asks of routes through its interfaces: the same of each.

    Attributes:
        ifaces: the interfaces.
        routes: ``{network: {word: text}}``, ``None`` for a metric that is to be off.
        former: ``{name: {word: text}}`` of what is to be as it was, since no plan asks for it any more.
    """

    ifaces: tuple[str, ...] = ()
    routes: Dict[str, Dict[str, "str | None"]] = field(default_factory=dict)
    former: Dict[str, Dict[str, "str | None"]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether anything is asked for."""
        return bool(self.ifaces) and bool(self.routes or self.former)


def intent(changes: Mapping[str, Any], ifaces: tuple[str, ...]) -> Intent:
    """Return what the changes of a plan ask of routes; ``routes`` is read.

    Raises:
        NetoptError: a metric of one route is asked for twice, with different values.
    """
    found: Dict[str, Dict[str, str | None]] = {}
    for network, word, value in said_of(changes.get(ROUTES) or ()):
        if value is None:
            continue
        text = _text(word, value)
        if found.setdefault(network, {}).setdefault(word, text) != text:
            key = f"{ROUTES}.{network} {word}"
            raise NetoptError(
                f"{key} is asked to be {_said(found[network][word])} and {_said(text)}", stage="plan", key=key
            )
    return Intent(ifaces=tuple(ifaces), routes=found)


def _text(word: str, value: Any) -> str | None:
    """Return a value as the kernel keeps it: a metric of 0 is none, and rto_min counts only where it is locked."""
    if word == "quickack":
        return "1" if value else None
    return f"{LOCK}{value}" if word == "rto_min_ms" else str(value)


def _said(text: str | None) -> str:
    return "off" if text is None else text.replace(LOCK, "", 1)


def render(wanted: Intent) -> list[str]:
    """Return the commands that set the metrics; each takes a route as it is there, and running it again is harmless."""
    if not wanted:
        return []
    from .words import metric_words  # noqa: PLC0415 - most plans have no routes

    lines = []
    for iface in map(shlex.quote, wanted.ifaces):
        for network, metrics in wanted.routes.items():
            ip = "ip -6" if ":" in network else "ip -4"
            words = shlex.join([one for word, text in metrics.items() for one in metric_words(word, text or "0")])
            lines.append(
                f"{ip} route show exact {network} dev {iface} | {_TAKEN_BACK} | while read -r route; do "
                f"{ip} route change $route dev {iface} {words}; done"
            )
    return lines


def scope(wanted: Intent | Intents) -> dict[str, Any]:
    """Return what has to be read for an intent: ``{"ifaces": [iface], "networks": [network]}``."""
    networks = [each for one in wanted.parts for each in (*one.routes, *map(network_of, one.former))]
    return {"ifaces": list(wanted.ifaces), "networks": list(dict.fromkeys(networks))}


def merge(wanted: Intent | Intents, current: State) -> State:
    """Return the state that an intent leads to.

    Raises:
        NetoptError: there is no such route, or its metrics cannot be set.
    """
    found: Dict[str, Any] = {}
    for iface in wanted.ifaces:
        asked, there = wanted.of(iface), current[ROUTES][iface]
        entries = {name: {"metrics": dict(text)} for name, text in asked.former.items() if name in there}
        both = all(network in asked.routes for network in DEFAULTS)
        for network, metrics in asked.routes.items():
            names = [name for name in there if network_of(name) == network]
            if not names and both and network in DEFAULTS and any(network_of(name) in DEFAULTS for name in there):
                continue  # the default route of one family alone
            if not names:
                raise _no_route(network, iface, current)
            for name in names:
                if there[name]["refused"]:
                    raise _refused(name, iface, there[name]["refused"])
                entries.setdefault(name, {"metrics": {}})["metrics"].update(metrics)
        found[iface] = entries
    return {ROUTES: found}


def _no_route(network: str, iface: str, current: State) -> NetoptError:
    known = current.get("text", {}).get(iface, [])
    others = " and others" if len(known) == LISTED else ""
    has = f"It has routes to {', '.join(known)}{others}." if known else "It has none."
    where = f"default ({network})" if network in DEFAULTS else network
    return NetoptError(
        f"There is no route to {where} through {iface} in the main table",
        stage="rehearse",
        key=f"{iface} {network}",
        wanted=where,
        after="absent",
        hint=f"{has} A plan sets metrics of routes that exist; make the route where the network is configured.",
    )


def _refused(name: str, iface: str, reason: str) -> NetoptError:
    other = next((each for each in DEFAULTS if each != network_of(name)), "") if network_of(name) in DEFAULTS else ""
    return NetoptError(
        f"The metrics of the route to {name} through {iface} cannot be set: {reason}",
        stage="rehearse",
        key=f"{iface} {name}",
        wanted="a route that can be replaced by itself",
        after=reason,
        hint="Set them where the route is made." + (f" For the other family alone, name {other}." if other else ""),
    )


def _differing(current: State, wanted: State) -> Iterator[tuple[str, str, str, "str | None", "str | None"]]:
    """Yield (interface, route, word, now, then) of each metric that differs."""
    for iface, routes in wanted[ROUTES].items():
        for name, entry in routes.items():
            now = current[ROUTES].get(iface, {}).get(name)
            if now is None:
                continue
            for word, then in entry["metrics"].items():
                if now["metrics"][word] != then:
                    yield iface, name, word, now["metrics"][word], then


def diff(current: State, wanted: State) -> list[Change]:
    """Return what differs between two states, as a person would read it."""
    return [
        Change("route", f"{iface} {name} {word}", now, then)
        for iface, name, word, now, then in _differing(current, wanted)
    ]


def operations(current: State, wanted: State) -> list[Operation]:
    """Return the steps from one state to the other. Empty exactly when nothing differs."""
    from .words import command  # noqa: PLC0415 - most plans have no routes

    steps = []
    made: Dict[tuple[str, str], Dict[str, str | None]] = {}
    for iface, name, word, _now, then in _differing(current, wanted):
        so_far = made.setdefault((iface, name), {})
        so_far[word] = then
        text = " ".join(command(current[ROUTES][iface][name]["body"], iface, so_far))
        payload = {"iface": iface, "name": name, "word": word, "text": then}
        steps.append(Operation("route", f"{iface} {name} {word}", text, payload))
    return steps


def warnings(current: State, wanted: State | None) -> list[str]:
    """Return who will write the routes again without what is set."""
    from .owner import written_again  # noqa: PLC0415 - most plans have no routes

    found: Dict[str, None] = {}
    for iface, name, _word, _now, then in _differing(current, wanted or current):
        entry = current[ROUTES][iface][name]
        told = written_again(f"{iface} {name}", entry["text"]) if then is not None else None
        if told:
            found[told] = None
    return list(found)

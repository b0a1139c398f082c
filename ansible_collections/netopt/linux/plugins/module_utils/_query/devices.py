# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what interfaces and routes hold beyond what is usual for them, for a plan that says the same. Reads only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.interfaces import is_ours, is_set_aside
from .._host import facts as host_facts
from .._host.scratch_namespace import ScratchUnavailableError, in_scratch_namespace
from .._link import kernel as link_kernel
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .._plan.nic_words import GROUPS, OF_LINK
from .._plan.routes import ROUTES, network_of
from .._route import kernel as route_kernel
from .._route.attributes import LOCK
from .._route.subsystem import EVERY
from .._route.words import other_metrics
from .._tc.netlink_messages import encode
from .._tc.observe import observe as observe_tc
from .usual_devices import KINDS, beyond_usual, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .._host.commands import Tools

_NIC = [*GROUPS, *OF_LINK]
BY_ITSELF = ("kernel", "ra")  # protocols of routes whose other metrics nobody has set


def devices(tools: Tools) -> dict[str, Any]:
    """Return what a plan could say of the interfaces of this host, and of their routes.

    Returns:
        ``held``: ``{iface: {name: [value, usual]}}`` as ``usual_devices`` has it; ``tc``: the tc State of all
        interfaces; ``routes``: ``{iface: {network: [{"metrics", "others", "refused", "owner"}]}}`` where one of the
        routes to a network has metrics; ``aside``: ends of containers' links, of which ``tc`` alone tells.
    """
    there = host_facts.links()["interfaces"]
    named = sorted(name for name, entry in there.items() if not is_ours(name, entry))
    aside = [
        name for name in named if name != "lo" and there[name]["type"] == "veth" and is_set_aside(name, there[name])
    ]
    own = [name for name in named if name not in aside]
    return {
        "held": _held(own, tools),
        "tc": observe_tc({"ifaces": named, "brief": True}, tools),
        "routes": _routes(own, tools),
        "aside": aside,
    }


def _held(names: Sequence[str], tools: Tools) -> dict[str, Any]:
    """Return which settings of interfaces are not as usual, or may not be."""
    shown = link_kernel.shown_links(tools)
    scope = {"ifaces": list(names), "nic": _NIC, "steering": True}
    links = link_kernel.observe(scope, tools)["links"]
    try:
        new: dict[str, Any] = in_scratch_namespace(
            lambda: _new(sorted({kind_of(shown[name]) for name in names}), tools)
        )
    except (ScratchUnavailableError, NetoptError):  # what is usual is not known then
        new = {}
    found = {name: beyond_usual(name, links[name], shown, new.get(kind_of(shown[name]))) for name in names}
    return {name: held for name, held in found.items() if held}


def _new(kinds: Sequence[str], tools: Tools) -> dict[str, Any]:
    """Return what new devices of some kinds have, in the namespace of this process, which is a scratch one."""
    made = {}
    with RouteSocket() as route:
        for number, kind in enumerate(kind for kind in kinds if kind in KINDS):
            name = f"new{number}"
            try:
                route.change([encode({"verb": "link-add", "iface": name, "link": {"kind": kind}}, {})])
            except KernelRefusedError:
                continue
            made[name] = kind
    links = link_kernel.observe({"ifaces": list(made), "nic": _NIC}, tools)["links"]
    shown = link_kernel.shown_links(tools)
    return {kind: {**links[name], "shown": shown[name]} for name, kind in made.items()}


def _routes(names: Sequence[str], tools: Tools) -> dict[str, Any]:
    """Return the routes to networks to which one has metrics, by interface and network."""
    found: dict[str, Any] = {}
    state = route_kernel.observe({"ifaces": list(names), "networks": [EVERY]}, tools)[ROUTES]
    for iface, routes in state.items():
        told = {name: _route(entry) for name, entry in routes.items()}
        networks = {network_of(name) for name, entry in told.items() if entry["metrics"] or entry["others"]}
        for name, entry in told.items():
            if network_of(name) in networks:
                found.setdefault(iface, {}).setdefault(network_of(name), []).append(entry)
    return found


def _route(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is told of one route."""
    by_itself = entry["text"]["protocol"] in BY_ITSELF
    return {
        "metrics": {word: text for word, text in entry["metrics"].items() if text is not None and text != f"{LOCK}0"},
        "others": [] if by_itself else other_metrics(entry["body"]),
        "refused": entry["refused"],
        "owner": entry["text"]["owner"],
    }

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a change shall be there again after a restart of the host. Pure.

A *layer* is one confirmed change's share: ``{"sysctl": {key: value}, "modules": [name], "links": {iface: {"mtu",
"features", "nic", "steering"}}, "routes": {iface: {name: {"body", "metrics"}}}, "tc": {iface: {"links": [words],
"batch": [line], "adapt"?: {"settings", "program"}}}, "nft": text or None}``. An adjuster's program is text in which
each character stands for one byte. A layer that an earlier release wrote has no ``routes``. Later layers cover
earlier ones setting by setting; what is left when one is taken away is what the others say. ``"released"``, where a
layer has it, names what is not persisted any more: ``{"sysctl": [key], "links": [[iface, "mtu" or name]], "routes":
[[iface, network and word]], "tc": [iface]}``; of the table ``""`` says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import Change
from .._plan.routes import network_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Layer = Mapping[str, Any]

SUBSYSTEM = "persist"
BY_NAME = ("features", "nic", "steering")  # what of an interface is one setting for each name


def empty() -> dict[str, Any]:
    """Return a layer that says nothing."""
    return {"sysctl": {}, "modules": [], "links": {}, "routes": {}, "tc": {}, "nft": None}


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """Return what layers amount to, the later ones over the earlier ones."""
    found = empty()
    for layer in layers:
        _release(found, layer.get("released", {}))
        found["sysctl"].update(layer["sysctl"])
        found["modules"] = list(dict.fromkeys([*found["modules"], *layer["modules"]]))
        for iface, link in layer["links"].items():
            there = found["links"].get(iface, {})
            both = {kind: {**there.get(kind, {}), **link.get(kind, {})} for kind in BY_NAME}
            found["links"][iface] = {**there, **link, **{kind: values for kind, values in both.items() if values}}
        for iface, routes in layer.get("routes", {}).items():
            for name, entry in routes.items():
                there = found["routes"].setdefault(iface, {}).get(name, {"metrics": {}})
                found["routes"][iface][name] = {**entry, "metrics": {**there["metrics"], **entry["metrics"]}}
        found["tc"].update(layer["tc"])
        found["nft"] = layer["nft"] if layer["nft"] is not None else found["nft"]
    return found


def _release(found: dict[str, Any], released: Mapping[str, Any]) -> None:
    """Take out of what layers amount to what is not persisted any more."""
    for key in released.get("sysctl", ()):
        found["sysctl"].pop(key, None)
    for iface, name in released.get("links", ()):
        link = found["links"].get(iface, {})
        link.pop(name, None)
        for kind in BY_NAME:
            link.get(kind, {}).pop(name, None)
        if not any(link.values()):
            found["links"].pop(iface, None)
    for iface, setting in released.get("routes", ()):
        network, _blank, word = setting.partition(" ")
        routes = found["routes"].get(iface, {})
        for name in [name for name in routes if network_of(name) == network]:
            left = {one: text for one, text in routes[name]["metrics"].items() if one != word}
            routes[name] = {**routes[name], "metrics": left}
            if not left:
                del routes[name]
        if not routes:
            found["routes"].pop(iface, None)
    for iface in released.get("tc", ()):
        found["tc"].pop(iface, None)


def diff(before: Layer, after: Layer) -> list[Change]:
    """Return how what is there after a restart changes, setting by setting."""
    old, new = _settings(before), _settings(after)
    names = dict.fromkeys([*new, *old])
    changed = [name for name in names if old.get(name) != new.get(name)]
    return [Change(SUBSYSTEM, f"{name} at boot", _said(old.get(name)), _said(new.get(name))) for name in changed]


def _settings(layer: Layer) -> dict[str, Any]:
    """Return a layer as a flat list of settings."""
    found: dict[str, Any] = dict(layer["sysctl"])
    found.update({f"module {module}": "loaded" for module in layer["modules"]})
    for iface, link in layer["links"].items():
        if "mtu" in link:
            found[f"{iface} mtu"] = str(link["mtu"])
        named = {name: value for kind in BY_NAME for name, value in link.get(kind, {}).items()}
        found.update({f"{iface} {name}": _word(value) for name, value in named.items()})
    for iface, routes in layer["routes"].items():
        for name, entry in routes.items():
            found.update({f"{iface} {name} {word}": text or "off" for word, text in entry["metrics"].items()})
    found.update({f"{iface} qdiscs": (*entry["batch"], entry["links"]) for iface, entry in layer["tc"].items()})
    found.update({f"{iface} adapt": "as the plan says" for iface, entry in layer["tc"].items() if "adapt" in entry})
    if layer["nft"] is not None:
        found["table inet netopt"] = (layer["nft"],)
    return found


def _word(value: Any) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _said(value: Any) -> str | None:
    """Return a setting's value for people; long ones as their size."""
    if not isinstance(value, tuple):
        return value if value is None else str(value)
    if isinstance(value[-1], str):
        return f"{len(value[0].splitlines())} lines"
    return f"{len(value) - 1} commands"

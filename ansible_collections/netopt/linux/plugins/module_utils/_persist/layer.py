# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a change shall be there again after a restart of the host. Pure.

A *layer* is one confirmed change's share: ``{"sysctl": {key: value}, "modules": [name], "links": {iface: {"mtu",
"features"}}, "tc": {iface: {"links": [words], "batch": [line]}}, "nft": text or None}``. Later layers cover
earlier ones setting by setting; what is left when one is taken away is what the others say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import Change
from .._sysctl.side_effects import CONGESTION_CONTROL
from .._sysctl.subsystem import congestion_module

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Layer = Mapping[str, Any]

SUBSYSTEM = "persist"
BUILT_IN = ("cubic", "reno")  # algorithms that no module brings on any distribution's kernel


def layer_of(
    changes: Mapping[str, Any],
    intents: Mapping[str, Any],
    current: Mapping[str, Any],
    wanted: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what of a rehearsed plan can be persisted. Impairments cannot: they end by themselves.

    Args:
        changes: normalised changes as they fit the host.
        intents: ``{subsystem: intent}`` that were made of them.
        current: ``{subsystem: state}`` now.
        wanted: ``{subsystem: state}`` that the rehearsal led to.
    """
    found = empty()
    if "sysctl" in intents:
        # a floor that is reached already may be so by an earlier change, and be gone after a restart
        reached = {key: current["sysctl"]["values"].get(key) for key in intents["sysctl"].floors}
        values = {**reached, **wanted["sysctl"]["values"]}
        found["sysctl"] = {key: value for key, value in values.items() if value is not None}
        needed = [module for key, module in intents["sysctl"].modules.items() if key in found["sysctl"]]
        algorithm = found["sysctl"].get(CONGESTION_CONTROL)
        if algorithm and algorithm not in BUILT_IN:
            needed.append(congestion_module(algorithm))
        found["modules"] = list(dict.fromkeys(needed))
    if "link" in intents:
        found["links"] = {
            iface: {
                **({"mtu": link["mtu"]} if "mtu" in link else {}),
                **({"features": dict(link["requested"])} if link.get("requested") else {}),
            }
            for iface, link in wanted["link"]["links"].items()
        }
    if "tc" in intents:
        found["tc"] = _tc(changes, intents["tc"].ifaces)
    if "nft" in intents:
        from .._nft.subsystem import CLEAR  # noqa: PLC0415 - most plans do without

        found["nft"] = CLEAR + wanted["nft"]["text"] if wanted["nft"]["present"] else ""
    return found


def _tc(changes: Mapping[str, Any], ifaces: Iterable[str]) -> dict[str, Any]:
    """Return the commands for each interface, without impairments and without what only clears a running host."""
    from .._tc.commands import commands  # noqa: PLC0415
    from .._tc.intent import intent  # noqa: PLC0415

    calm = {name: value for name, value in changes.items() if name != "netem"}
    found: dict[str, Any] = {}
    for iface in ifaces:
        asked = intent(calm, (iface,))
        steps = [step for step in commands(asked, iface) if step.when is None] if asked else []
        if steps:
            found[iface] = {
                "links": [
                    {"words": list(step.words[1:]), "may_fail": step.unless is not None}
                    for step in steps
                    if step.words[0] == "ip"
                ],
                "batch": [" ".join(step.words[1:]) for step in steps if step.words[0] == "tc"],
            }
    return found


def empty() -> dict[str, Any]:
    """Return a layer that says nothing."""
    return {"sysctl": {}, "modules": [], "links": {}, "tc": {}, "nft": None}


def merged(layers: Iterable[Layer]) -> dict[str, Any]:
    """Return what layers amount to, the later ones over the earlier ones."""
    found = empty()
    for layer in layers:
        found["sysctl"].update(layer["sysctl"])
        found["modules"] = list(dict.fromkeys([*found["modules"], *layer["modules"]]))
        for iface, link in layer["links"].items():
            there = found["links"].get(iface, {})
            features = {**there.get("features", {}), **link.get("features", {})}
            found["links"][iface] = {**there, **link, **({"features": features} if features else {})}
        found["tc"].update(layer["tc"])
        found["nft"] = layer["nft"] if layer["nft"] is not None else found["nft"]
    return found


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
        found.update({f"{iface} {name}": "on" if on else "off" for name, on in link.get("features", {}).items()})
    found.update({f"{iface} qdiscs": (*entry["batch"], entry["links"]) for iface, entry in layer["tc"].items()})
    if layer["nft"] is not None:
        found["table inet netopt"] = (layer["nft"],)
    return found


def _said(value: Any) -> str | None:
    """Return a setting's value for people; long ones as their size."""
    if not isinstance(value, tuple):
        return value if value is None else str(value)
    if isinstance(value[-1], str):
        return f"{len(value[0].splitlines())} lines"
    return f"{len(value) - 1} commands"

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the plans in force shall be there again after a restart, as a layer of ``_persist/layer.py``. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping

from .._link.steering import EACH, written
from .._persist.layer import BY_NAME, empty
from .._plan.nic_words import NIC, STEERING
from .._plan.routes import ROUTES, network_of
from .._sysctl.side_effects import CONGESTION_CONTROL
from .._sysctl.subsystem import congestion_module
from .compose import RULES, TREE, intents, of_present, trees
from .record import without_field

if TYPE_CHECKING:
    from .change import PlansChange
    from .compose import Part
    from .record import InForce, Section

BUILT_IN = ("cubic", "reno")  # algorithms that no module brings on any distribution's kernel


def layer_of(
    plans: PlansChange, current: Mapping[str, Any], wanted: Mapping[str, Any], *, adjuster: Callable[[], bytes]
) -> dict[str, Any]:
    """Return what a change leaves for the next boot: what it touches, as the persisted sections of all plans say it.

    Impairments are never persisted: they end by themselves.

    Args:
        plans: what is to be in force, and what the change touches.
        current: ``{subsystem: state}`` now.
        wanted: ``{subsystem: state}`` that the rehearsal led to.
        adjuster: gives the program that moves rates.
    """
    calm = without_field(plans.after, "netem")
    kept = replace(calm, sections=tuple(one for one in calm.sections if one.persist))
    about = of_present(plans.about, plans.present)
    asked = intents(kept, about, skippable={}, modules=plans.modules)
    found = empty()
    if "sysctl" in asked:
        # a floor that is reached already may be so by an earlier change, and be gone after a restart
        reached = {key: current["sysctl"]["values"].get(key) for key in asked["sysctl"].floors}
        values = {**reached, **wanted["sysctl"]["values"]}
        mine = {*asked["sysctl"].values, *asked["sysctl"].floors}
        found["sysctl"] = {key: value for key, value in values.items() if value is not None and key in mine}
        needed = [module for key, module in asked["sysctl"].modules.items() if key in found["sysctl"]]
        algorithm = found["sysctl"].get(CONGESTION_CONTROL)
        if algorithm and algorithm not in BUILT_IN:
            needed.append(congestion_module(algorithm))
        found["modules"] = list(dict.fromkeys(needed))
    if "link" in asked:
        found["links"] = {
            iface: {
                **({"mtu": link["mtu"]} if asked["link"].of(iface).mtu is not None else {}),
                **(
                    {"features": dict(link["requested"])}
                    if asked["link"].of(iface).offloads and link.get("requested")
                    else {}
                ),
                **_of_queues(asked["link"].of(iface), link),
            }
            for iface, link in wanted["link"]["links"].items()
            if iface in asked["link"].ifaces
        }
    if "route" in asked:
        found[ROUTES] = _routes(asked["route"], current["route"])
    found["tc"] = _commands(trees(kept, about.trees), (current.get("tc") or {}).get("interfaces") or {})
    for iface in asked["adapt"].ifaces if "adapt" in asked else ():
        program = adjuster().decode("latin-1")
        found["tc"][iface]["adapt"] = {"settings": asked["adapt"].of(iface).settings[iface], "program": program}
    if "nft" in asked or about.table:
        whole = _in_table(kept) == _in_table(plans.after)
        found["nft"] = _table(_asked_of_table(kept, plans), whole, wanted.get("nft"))
    links = {(iface, name) for iface in found["links"] for name in _names(found["links"][iface])}
    released = {
        "sysctl": sorted(about.keys - set(found["sysctl"])),
        "links": sorted([list(each) for each in about.links - links]),
        ROUTES: sorted([list(each) for each in about.routes - set(_settings(found[ROUTES]))]),
        "tc": sorted(about.trees - set(found["tc"])),
    }
    return {**found, **({"released": released} if any(released.values()) else {})}


def _of_queues(asked: Any, link: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of the queues of an interface: numbers, and one value for all queues."""
    found = {
        NIC: {name: link[NIC][name] for name in asked.nic},
        STEERING: {word: written(word, link[STEERING][word][EACH]) for word in asked.steering},
    }
    return {kind: values for kind, values in found.items() if values}


def _names(link: Mapping[str, Any]) -> list[str]:
    return [*(["mtu"] if "mtu" in link else []), *(name for kind in BY_NAME for name in link.get(kind, ()))]


def _routes(asked: Any, current: Mapping[str, Any]) -> dict[str, Any]:
    """Return the routes whose metrics are set at boot, each as it is now."""
    found: dict[str, Any] = {}
    for iface in asked.ifaces:
        for name, entry in current[ROUTES][iface].items():
            metrics = asked.of(iface).routes.get(network_of(name))
            if metrics and why_not_at_boot(entry) is None:
                found.setdefault(iface, {})[name] = {"body": entry["body"], "metrics": dict(metrics)}
    return found


def _settings(routes: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for iface, each in routes.items():
        for name, entry in each.items():
            yield from ((iface, f"{network_of(name)} {word}") for word in entry["metrics"])


def why_not_at_boot(entry: Mapping[str, Any]) -> str | None:
    """Return why metrics of a route cannot be set at boot by a command alone, ``None`` where they can."""
    from .._route.words import sayable  # noqa: PLC0415 - few plans have routes

    if entry["lives"]:
        return "it ends by itself unless it is advertised again"
    return None if sayable(entry["body"]) else "it has parts that ip route has no words for"


def routes_left_out(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return what is said of routes whose metrics are set and are not there again after a restart."""
    return [
        f"{iface} {name}: its metrics are not persisted, since {why}; set them where the route is made."
        for iface, routes in wanted.get("route", {}).get(ROUTES, {}).items()
        for name in routes
        for why in [why_not_at_boot(current["route"][ROUTES][iface][name])]
        if why
    ]


def _in_table(record: InForce) -> list[Section]:
    """Return the sections that have to do with the table: those with rules, and those of trees, which rules lead to."""
    return [one for one in record.sections if one.field in (*RULES, *TREE)]


def _asked_of_table(kept: InForce, plans: PlansChange) -> Any:
    """Return what is asked of the table, with the classes of all interfaces; ``None`` for nothing."""
    shaped = {iface for one in kept.sections if one.field in TREE for iface in one.ifaces}
    about = of_present(replace(plans.about, trees=shaped, table=True), plans.present)
    return intents(kept, about, skippable={}, modules={}).get("nft")


def _table(asked: Any, whole: bool, wanted: Mapping[str, Any] | None) -> str:  # noqa: FBT001 - a fact about the two others
    """Return the text that makes the table at boot; ``""`` where none is to be made."""
    from .._nft.subsystem import CLEAR, table_text  # noqa: PLC0415 - most plans do without

    if whole and wanted is not None:
        return CLEAR + wanted["text"] if wanted["present"] else ""
    return CLEAR + table_text(asked) if asked else ""


def _commands(parts: Iterable[Part], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return the commands for each interface, without what only clears a running host.

    Args:
        parts: what makes the trees.
        there: the interfaces of the host as they are.
    """
    from .._tc.commands import commands  # noqa: PLC0415 - most plans do without
    from .._tc.intent import intent  # noqa: PLC0415

    found: dict[str, Any] = {}
    for part in parts:
        for iface in part.ifaces:
            asked = intent(part.changes, (iface,))
            queues = there[iface]["link"]["tx_queues"] if iface in there else 1
            todo = commands(asked, iface, queues=queues) if asked else []
            steps = [step for step in todo if step.when is None]
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

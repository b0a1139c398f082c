# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what netem takes from packets, and which packets it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.impairment import CLASSES_MAX, lost_pct

from .classes import ROOT, check_filters
from .finding import Finding
from .sizes import check_ports, check_proto

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy

HERE = ("changes", "netem")


def check_netem(changes: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield what is wrong with ``netem`` beyond the range of each figure.

    Args:
        changes: ``Changes`` as JSON data.
        policy: what the plan is judged by.
    """
    netem = changes.get("netem", {})
    span = policy.limits.at("netem.loss_pct")
    lost = lost_pct(netem) if netem.get("loss_model") else 0.0
    if span and span.max is not None and lost > span.max:
        message = f"The model loses {lost:.3g} % of packets in the long run, more than the {span.max} % allowed"
        yield Finding((*HERE, "loss_model"), message, "Make bursts shorter or rarer, or lose less within them.")
    yield from _match(netem, policy)
    yield from _classes(netem, changes)


def _match(netem: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    match = netem.get("match")
    if match:
        yield from check_ports((*HERE, "match"), match, policy)
        yield from check_proto((*HERE, "match", "proto"), match.get("proto"), policy)
        for one in check_filters({"htb_classes": [{"match": [match]}]}, by_map=False):
            yield Finding((*HERE, "match"), one.message, one.hint)


def _classes(netem: dict[str, Any], changes: dict[str, Any]) -> Iterator[Finding]:
    """Yield classes that packets do not wait in, and more of them than may have filters of their own."""
    leaving = (changes, changes.get("qdisc", {}).get("per_queue", {}))
    holders = (changes.get("ingress", {}),) if netem.get("direction") == "ingress" else leaving
    classes = [entry for holder in holders for entry in holder.get("htb_classes", [])]
    inner = {entry.get("parent", ROOT) for entry in classes}
    leaves = {entry["classid"] for entry in classes} - inner
    for index, name in enumerate(netem.get("classes", [])):
        if name not in leaves:
            hint = "Name classes of the plan's htb_classes that have no classes below them."
            yield Finding((*HERE, "classes", index), f"Packets wait in no class {name}", hint)
    for field in ("classes", "match"):
        count = len(netem.get("classes", leaves))
        if netem.get(field) and count > CLASSES_MAX:
            message = f"netem is for some packets of {count} classes, and {CLASSES_MAX} is the most"
            hint = "Name fewer classes, or leave match and classes out and impair the packets of all."
            yield Finding((*HERE, field), message, hint)
            return

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what a plan says of what arrives as if it left, and what can never be told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .classes import check_classes, check_filters, check_link
from .constraints import check_constraints
from .finding import Finding, Path
from .sizes import check_sizes, check_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy

UNTOLD = {
    "uid": "What arrives has no user of this host yet",
    "skb_priority": "What arrives has no priority yet",
    "fwmark": "What arrives has no mark yet: rules see it later",
}
RATES = ("egress_mbit", "ceil_mbit")
OWN = ("qdisc", "htb_classes", "default_class")


def check_ingress(changes: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield what is wrong with ``ingress``, at its own paths.

    Args:
        changes: ``Changes`` as JSON data.
        policy: what the plan is judged by.
    """
    own = changes.get("ingress")
    if not own:
        return
    there = {key: own[key] for key in OWN if key in own}
    there.setdefault("qdisc", changes.get("qdisc", {}))
    shaper = {key: value for key, value in changes.get("shaper", {}).items() if key not in RATES}
    if "ingress_mbit" in shaper:
        shaper["egress_mbit"] = shaper.pop("ingress_mbit")
    if shaper:
        there["shaper"] = shaper
    there = {key: value for key, value in there.items() if value}
    found = [*check_sizes({"changes": there}, policy), *check_words(there, policy), *check_classes(there)]
    found += [*check_filters(there, by_map=False), *check_link(there)]
    found += check_constraints(there, policy, partial=frozenset())
    for one in found:
        yield Finding(_path(one.path, own), one.message, one.hint, one.severity)
    for index, entry in enumerate(own.get("htb_classes", [])):
        for number, match in enumerate(entry.get("match", [])):
            for name in UNTOLD.keys() & match.keys():
                path = ("changes", "ingress", "htb_classes", index, "match", number, name)
                yield Finding(path, UNTOLD[name], "Match addresses, ports, dscp, max_length or tcp_flags.")


def _path(path: Path, own: dict[str, Any]) -> Path:
    """Return where a finding about what is judged lies in the plan."""
    if path[1:2] == ("shaper",):
        return ("changes", "shaper", *("ingress_mbit" if each in RATES else each for each in path[2:]))
    return ("changes", "ingress", *path[1:]) if path[1:2] and path[1] in own else path

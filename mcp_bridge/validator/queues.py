# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what a plan says of each TX queue below mq as if it were said of an interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.impairment import QUEUE_CLASSES_MAX

from .classes import check_classes, check_filters
from .constraints import check_constraints
from .finding import Finding
from .sizes import check_sizes, check_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy

HERE = ("changes", "qdisc", "per_queue")
BY_RULE = ("uid", "skb_priority")


def check_queues(changes: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield what is wrong with mq and with what its queues are to have, at its own paths.

    Args:
        changes: ``Changes`` as JSON data.
        policy: what the plan is judged by.
    """
    qdisc = changes.get("qdisc", {})
    if qdisc.get("type") != "mq":
        return
    if "egress_mbit" in changes.get("shaper", {}):
        message = "mq has many queues and cannot hold them to one rate"
        hint = "Say under qdisc.per_queue what each queue is held to, or choose another qdisc."
        yield Finding(("changes", "shaper", "egress_mbit"), message, hint)
    own = qdisc.get("per_queue")
    if not own:
        return
    count = len(own.get("htb_classes", []))
    if count > QUEUE_CLASSES_MAX:
        message = f"{count} classes for each queue, and {QUEUE_CLASSES_MAX} is the most"
        yield Finding((*HERE, "htb_classes"), message, "Use fewer classes, or htb at the root.")
        return
    there = {"qdisc": {key: own[key] for key in ("type", "params") if key in own}}
    there.update({key: own[key] for key in ("htb_classes", "default_class") if key in own})
    found = [*check_sizes({"changes": there}, policy), *check_words(there, policy), *check_classes(there)]
    found += [*check_filters(there, by_map=False), *check_constraints(there, policy, partial=frozenset())]
    for one in found:
        rest = one.path[2:] if one.path[1:2] == ("qdisc",) else one.path[1:]
        yield Finding((*HERE, *rest), one.message, one.hint, one.severity)
    for index, entry in enumerate(own.get("htb_classes", [])):
        for number, match in enumerate(entry.get("match", [])):
            for name in match.keys() & set(BY_RULE):
                path = (*HERE, "htb_classes", index, "match", number, name)
                message = f"No filter of tc can tell {name}, and below mq there are filters alone"
                yield Finding(path, message, "Match addresses, ports, dscp, fwmark, max_length or tcp_flags.")

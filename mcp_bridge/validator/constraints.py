# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy's constraints that a plan alone can break; the policy says how bad each is and what to tell.

Constraints that need a host's facts are checked on the host (``_transaction/preflight.py`` of the collection). Those
that both can see are checked at both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.checks import FORWARDING, PREFLIGHT_CHECKS, families_of, overbooked, tc_intent
from mcp_bridge.collection.errors import NetoptError

from .classes import ROOT, SHAPER_CLASS, ancestors, class_path, shapes_with_htb
from .explain import explain
from .finding import Finding, Path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mcp_bridge.policy import Policy

CONGESTION_CONTROL = "net.ipv4.tcp_congestion_control"
DEFAULT_QDISC = "net.core.default_qdisc"

Broken = tuple[Path, str]
"""Where a constraint is broken, and the particulars; empty when the constraint's message says all."""


@dataclass(frozen=True)
class Check:
    """A constraint in code.

    Attributes:
        reads: fields of ``changes`` that must have parsed whole for the answer to be right.
        broken: yields every place where ``changes`` (JSON data) break the constraint under a policy.
    """

    reads: frozenset[str]
    broken: Callable[[dict[str, Any], Policy], Iterator[Broken]]


def check_constraints(changes: dict[str, Any], policy: Policy, *, partial: frozenset[str]) -> Iterator[Finding]:
    """Yield every constraint that a plan breaks.

    Args:
        changes: ``Changes`` as JSON data.
        policy: says which constraints there are; one that it does not list is not checked.
        partial: fields of ``changes`` of which something did not parse.
    """
    for name, check in CHECKS.items():
        if name in policy.rules.constraints and not check.reads & partial:
            for path, particulars in check.broken(changes, policy):
                yield from explain(policy, name, path, particulars=particulars)


def _classes(changes: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the classes of a plan."""
    found: list[dict[str, Any]] = changes.get("htb_classes", [])
    return found


def _ceil_below_rate(changes: dict[str, Any]) -> Iterator[Broken]:
    """HTB takes a ceiling below the rate without a word."""
    shaper = changes.get("shaper", {})
    if shaper.get("ceil_mbit", shaper.get("egress_mbit", 0)) < shaper.get("egress_mbit", 0):
        yield ("changes", "shaper", "ceil_mbit"), f"{shaper['ceil_mbit']} < {shaper['egress_mbit']} Mbit/s"
    for index, entry in enumerate(_classes(changes)):
        if entry.get("ceil_mbit", entry["rate_mbit"]) < entry["rate_mbit"]:
            yield class_path(index, "ceil_mbit"), f"{entry['ceil_mbit']} < {entry['rate_mbit']} Mbit/s"


def _existing(changes: dict[str, Any]) -> set[str]:
    """Return the classes that will exist."""
    return {entry["classid"] for entry in _classes(changes)} | ({SHAPER_CLASS} if shapes_with_htb(changes) else set())


def _default_class_unknown(changes: dict[str, Any]) -> Iterator[Broken]:
    """HTB sends packets for a default class that does not exist past all classes."""
    for path, name in (
        (("default_class",), changes.get("default_class")),
        (("qdisc", "params", "default"), changes.get("qdisc", {}).get("params", {}).get("default")),
    ):
        if name is not None and name not in _existing(changes):
            yield ("changes", *path), str(name)


def _parent_unknown(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find classes whose parent does not exist; the kernel refuses them."""
    known = {ROOT, *_existing(changes)}
    for index, entry in enumerate(_classes(changes)):
        if entry.get("parent", ROOT) not in known:
            yield class_path(index, "parent"), entry["parent"]


def _duplicate_classid(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find ids that two classes share."""
    seen: set[str] = set()
    for index, entry in enumerate(_classes(changes)):
        if entry["classid"] in seen:
            yield class_path(index, "classid"), entry["classid"]
        seen.add(entry["classid"])


def _class_cycle(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find classes that are their own ancestors."""
    parents = {entry["classid"]: entry.get("parent", ROOT) for entry in _classes(changes)}
    for index, entry in enumerate(_classes(changes)):
        chain = ancestors(entry["classid"], parents)
        if chain and chain[-1] == entry["classid"]:
            yield class_path(index, "parent"), " -> ".join([entry["classid"], *chain])


def _classes_without_htb(changes: dict[str, Any]) -> Iterator[Broken]:
    """Only htb holds these classes."""
    kind = changes.get("qdisc", {}).get("type")
    if _classes(changes) and kind not in {None, "htb"} and not shapes_with_htb(changes):
        yield ("changes", "htb_classes"), f"qdisc is {kind}"


def _children_exceed_parent(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find classes that are promised more than the class above them has, the class of the rest included."""
    places = {entry["classid"]: index for index, entry in enumerate(_classes(changes))}
    try:
        found = overbooked(tc_intent(changes, ()))
    except NetoptError:  # no tree at all, which other constraints explain
        return
    for name, (promised, has) in found.items():
        path = class_path(places[name], "rate_mbit") if name in places else ("changes", "shaper", "egress_mbit")
        words = f"{promised:g} > {has:g} Mbit/s below {name}, so each keeps {100 * has / promised:.3g} %"
        yield path, words


def _adapt_pings(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find shapers for which hosts send pings."""
    reflectors = changes.get("shaper", {}).get("adapt", {}).get("reflectors", [])
    if reflectors:
        yield ("changes", "shaper", "adapt", "reflectors"), ", ".join(reflectors)


def _shaper_without_leaf(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find shapers under which packets wait in a plain queue."""
    if "shaper" in changes and "qdisc" not in changes and not _classes(changes):
        yield ("changes", "shaper"), ""


def _lro_with_nat(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find LRO beside address translation: translated packets are forwarded packets."""
    if changes.get("offloads", {}).get("lro") is True and changes.get("nat_rules"):
        yield ("changes", "offloads", "lro"), ""


def _nat_without_forwarding(changes: dict[str, Any]) -> Iterator[Broken]:
    """Find translation in a plan that turns forwarding off; what the host has set is seen on the host."""
    for family, key in FORWARDING.items():
        needs = any(family in families_of(rule) for rule in changes.get("nat_rules", ()))
        if needs and changes.get("sysctl", {}).get(key) == "0":
            yield ("changes", "nat_rules"), f"the plan sets {key} to 0"


def _netem_duration(changes: dict[str, Any], policy: Policy) -> Iterator[Broken]:
    """Find impairments longer than the policy allows, where ``limits.yaml`` does not refuse them already."""
    duration = changes.get("netem", {}).get("duration_s", 0)
    longest = policy.validation_limits.netem_duration_max_s
    span = policy.limits.at("netem.duration_s")
    if duration > longest and not (span and span.problem(duration)):
        yield ("changes", "netem", "duration_s"), f"{duration} s > {longest} s"


def _bbr_without_fq(changes: dict[str, Any]) -> Iterator[Broken]:
    """BBR paces by itself since Linux 4.13, and better with fq; below a shaper's rate that costs next to nothing."""
    sysctl = changes.get("sysctl", {})
    kinds = {changes.get("qdisc", {}).get("type"), sysctl.get(DEFAULT_QDISC)}
    per_queue = changes.get("qdisc", {}).get("per_queue", {})
    kinds |= {per_queue.get("type")}
    kinds |= {entry.get("leaf", {}).get("type") for entry in (*_classes(changes), *_classes(per_queue))}
    shaped = "egress_mbit" in changes.get("shaper", {}) and "cake" in kinds
    if sysctl.get(CONGESTION_CONTROL) == "bbr" and "fq" not in kinds and not shaped:
        yield ("changes", "sysctl", CONGESTION_CONTROL), ""


def _on_any_host(name: str) -> Callable[[dict[str, Any]], Iterator[Broken]]:
    """Return a host's check as far as it goes without facts."""

    def broken(changes: dict[str, Any]) -> Iterator[Broken]:
        for issue in PREFLIGHT_CHECKS[name](changes, (), {}, ()):
            yield _split(issue["path"]), ""

    return broken


def _split(path: str) -> Path:
    """Return a dotted path in parts; good for those of a host's checks, where no key holds a dot."""
    words = path.replace("[", ".").replace("]", "").split(".")
    return tuple(int(word) if word.isdigit() else word for word in words)


def _check(broken: Callable[[dict[str, Any]], Iterator[Broken]], *reads: str) -> Check:
    """Return a check that needs nothing of the policy but its words."""
    return Check(frozenset(reads), lambda changes, _policy: broken(changes))


CHECKS: dict[str, Check] = {
    "ceil_below_rate": _check(_ceil_below_rate),
    "default_class_unknown": _check(_default_class_unknown, "htb_classes", "shaper", "qdisc"),
    "parent_unknown": _check(_parent_unknown, "htb_classes", "shaper", "qdisc"),
    "duplicate_classid": _check(_duplicate_classid),
    "class_cycle": _check(_class_cycle, "htb_classes"),
    "classes_without_htb": _check(_classes_without_htb, "htb_classes", "shaper", "qdisc"),
    "children_exceed_parent": _check(_children_exceed_parent, "htb_classes", "shaper", "qdisc"),
    "adapt_pings": _check(_adapt_pings, "shaper"),
    "shaper_without_leaf": _check(_shaper_without_leaf, "qdisc", "htb_classes"),
    "lro_with_forwarding": _check(_on_any_host("lro_with_forwarding")),
    "lro_with_nat": _check(_lro_with_nat),
    "nat_without_forwarding": _check(_nat_without_forwarding),
    "dnat_takes_transit": _check(_on_any_host("dnat_takes_transit")),
    "nonlocal_netem_duration": Check(frozenset(), _netem_duration),
    "bbr_without_fq": _check(_bbr_without_fq, "qdisc", "htb_classes"),
    "limit_on_management_port": _check(_on_any_host("limit_on_management_port")),
}
"""The checks by the id of their constraint."""

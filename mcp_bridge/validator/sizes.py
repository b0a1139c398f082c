# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges how large a plan is, and whether it stays with the words that the policy knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.models.base import set_only

from .finding import Finding, Path, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy


def check_sizes(plan: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield every list that is longer than the policy allows, and every duration.

    Args:
        plan: a ParameterPlan as JSON data.
        policy: holds the sizes in ``validation_limits``.
    """
    limits = policy.validation_limits
    changes = set_only(plan.get("changes", {}))
    targets = plan.get("validate", {}).get("targets", {})
    classes = changes.get("htb_classes", [])
    iface = plan.get("iface")
    sized: list[tuple[Path, Any, int]] = [
        (("iface",), iface if isinstance(iface, list) else [], limits.max_interfaces),
        (("rationale",), plan.get("rationale", []), limits.max_rationale_lines),
        (("changes", "sysctl"), changes.get("sysctl", {}), limits.max_sysctl_keys),
        (("changes", "htb_classes"), classes, limits.max_classes),
        (("changes", "dscp"), changes.get("dscp", []), limits.max_dscp_rules),
        (("changes", "connection_limits"), changes.get("connection_limits", []), limits.max_connection_limits),
        (("changes", "rate_limits"), changes.get("rate_limits", []), limits.max_rate_limits),
        (("changes", "nat_rules"), changes.get("nat_rules", []), limits.max_nat_rules),
        *((("validate", "targets", name), targets.get(name, []), limits.max_targets) for name in ("ping", "tcp")),
    ]
    for index, entry in enumerate(classes):
        here = ("changes", "htb_classes", index, "match")
        sized.append((here, entry.get("match", []), limits.max_matches_per_class))
        sized.extend(_ports((*here, number), match, policy) for number, match in enumerate(entry.get("match", [])))
    sized.extend(
        _ports(("changes", "dscp", index, "match"), rule["match"], policy)
        for index, rule in enumerate(changes.get("dscp", []))
    )
    for path, entries, largest in sized:
        yield from _too_many(path, entries, largest)
    yield from _remembering(changes, limits.max_connection_limits)
    for index, line in enumerate(plan.get("rationale", [])):
        if len(line) > limits.max_rationale_chars:
            yield _exceeds(("rationale", index), limits.max_rationale_chars, "characters")
    if plan.get("validate", {}).get("duration_s", 0) > limits.validation_duration_max_s:
        yield _exceeds(("validate", "duration_s"), limits.validation_duration_max_s, "seconds")


def _too_many(path: Path, entries: Any, largest: int) -> Iterator[Finding]:
    """Yield the finding for a list that is longer than allowed."""
    if len(entries) > largest:
        yield Finding(path, f"{len(entries)} entries, more than the {largest} allowed", f"Use at most {largest}.")


def check_ports(path: Path, match: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield the ports of a match where there are more than the policy allows."""
    yield from _too_many(*_ports(path, match, policy))


def check_proto(path: Path, word: str | None, policy: Policy) -> Iterator[Finding]:
    """Yield a protocol that the policy does not know."""
    known = policy.validation_limits.protocols
    if word is not None and word not in known:
        yield Finding(path, f"The policy does not allow {word}", did_you_mean(word, known, what="allowed values"))


def _remembering(changes: dict[str, Any], largest: int) -> Iterator[Finding]:
    """Yield the rate limit at which more limits than allowed keep a set of sources in the kernel."""
    count = len(changes.get("connection_limits", []))
    for index, entry in enumerate(changes.get("rate_limits", [])):
        count += bool(entry.get("per_source"))
        if count > largest and entry.get("per_source"):
            message = f"The {count}th limit that remembers sources, more than the {largest} allowed"
            hint = "Leave per_source out here, or limit several ports together by ports."
            yield Finding(("changes", "rate_limits", index, "per_source"), message, hint)
            return


def _exceeds(path: Path, largest: int, unit: str) -> Finding:
    """Return the finding for a figure above its limit."""
    return Finding(path, f"Value exceeds maximum allowed: {largest}", f"At most {largest} {unit}.")


def _ports(path: Path, match: dict[str, Any], policy: Policy) -> tuple[Path, Any, int]:
    """Return where a match has its ports, the ports, and how many it may have."""
    name = max(("sports", "dports"), key=lambda side: len(match.get(side, [])))
    return (*path, name), match.get(name, []), policy.validation_limits.max_ports_per_match


def check_words(changes: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield every qdisc, protocol and offload that the policy does not know; it may know fewer than the models.

    Args:
        changes: ``Changes`` as JSON data.
        policy: holds the words in ``validation_limits``.
    """
    limits = policy.validation_limits
    words: list[tuple[Path, str | None, list[str]]] = [
        (("qdisc", "type"), changes.get("qdisc", {}).get("type"), limits.qdisc_types),
        *((("offloads", name), name, list(limits.offloads)) for name in changes.get("offloads", {})),
    ]
    for index, entry in enumerate(changes.get("htb_classes", [])):
        here: Path = ("htb_classes", index)
        words.append(((*here, "leaf", "type"), entry.get("leaf", {}).get("type"), limits.leaf_qdisc_types))
        for number, match in enumerate(entry.get("match", [])):
            words.append(((*here, "match", number, "proto"), match.get("proto"), limits.protocols))
    for index, rule in enumerate(changes.get("dscp", [])):
        words.append((("dscp", index, "match", "proto"), rule["match"].get("proto"), limits.protocols))
    for field, known in (
        ("connection_limits", limits.port_protocols),
        ("rate_limits", limits.protocols),
        ("nat_rules", limits.port_protocols),
    ):
        for index, entry in enumerate(changes.get(field, [])):
            words.append(((field, index, "protocol"), entry.get("protocol"), known))
    for path, word, known in words:
        if word is not None and word not in known:
            yield Finding(
                ("changes", *path),
                f"The policy does not allow {word}",
                did_you_mean(word, known, what="allowed values"),
            )

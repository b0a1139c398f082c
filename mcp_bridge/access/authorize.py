# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds a change against a caller's rule: the plan's cards and profile, the time to confirm."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mcp_bridge.collection.nic_words import BY_NAME, RFS_ENTRIES, RFS_KEY, STEERING_NAMES, flat
from mcp_bridge.models import ParameterPlan
from mcp_bridge.policy import Policy

from .caller import Caller
from .errors import AccessError
from .host_scope import HostScope

# What a part of a plan is called among the cards; sysctl keys and the kinds of qdisc have their own.
CARDS: dict[str, tuple[str, ...]] = {
    "shaper": ("tc.shaper",),
    "netem": ("tc.netem_delay", "tc.netem_loss", "tc.netem_impairments"),
    "htb_classes": ("tc.htb_rate", "tc.htb_ceil", "tc.htb_priority"),
    "default_class": ("tc.default_class",),
    "dscp": ("iptables.qos_marking",),
    "connection_limits": ("iptables.connection_limiting",),
    "rate_limits": ("iptables.rate_limiting",),
    "connection_tracking": ("iptables.connection_tracking",),
    "nat_rules": ("iptables.nat",),
    "offloads": ("ethtool.offloads",),
    "mtu": ("link.mtu",),
    "routes": ("link.route_metrics",),
}
# What of the queues of an interface ethtool does not set; the cards of the rest are called by its groups.
QUEUE_CARDS = {
    "txqueuelen": "link.txqueuelen",
    "promisc": "link.promisc",
    **dict.fromkeys(STEERING_NAMES, "link.steering"),
}
_DELAY = ("delay_ms", "delay_jitter_ms", "delay_correlation_pct", "distribution")
_LOSS = ("loss_pct", "loss_correlation_pct", "loss_model")
NETEM_FIELDS = {**dict.fromkeys(_DELAY, "tc.netem_delay"), **dict.fromkeys(_LOSS, "tc.netem_loss")}
NETEM_FREE = frozenset({"limit", "duration_s", "direction", "match", "classes"})


def check_confirm_timeout(caller: Caller, seconds: int | None) -> None:
    """Make sure that a change is to be confirmed within the caller's bounds.

    Raises:
        AccessError: it is not.
    """
    bounds = caller.rule.confirm_timeout
    allowed = f"Allowed: {bounds.min_s} to {bounds.max_s} s."
    if seconds is None:
        if bounds.required:
            raise AccessError(
                f"Changes of the caller {caller.name} need confirm_timeout_s", hint=allowed, kind="timeout"
            )
    elif not bounds.min_s <= seconds <= bounds.max_s:
        raise AccessError(f"confirm_timeout_s is {seconds}", hint=allowed, kind="timeout")


def check_profile(caller: Caller, profile: str | None) -> None:
    """Make sure that the caller may use a profile.

    Raises:
        AccessError: it may not.
    """
    if profile is not None and not _matches(profile, caller.rule.profiles):
        raise AccessError(
            f"The caller {caller.name} may not use the profile {profile!r}",
            hint=f"Allowed: {', '.join(caller.rule.profiles) or 'none'}.",
            kind="plan",
        )


def check_plan(caller: Caller, plan: ParameterPlan, policy: Policy) -> None:
    """Make sure that the caller may have such a plan, on whichever hosts.

    Args:
        caller: who asks.
        plan: in canonical form.
        policy: names the cards.

    Raises:
        AccessError: it may not; says which cards are missing.
    """
    check_profile(caller, plan.profile)
    brought = policy.profiles[plan.profile].active_cards if plan.profile in policy.profiles else []
    denied = sorted(
        {
            card
            for changes in (plan.taken_away(), plan.changes.dump())  # one may hold keys of a field, and the other more
            for card in cards_of(changes, policy)
            if card not in brought and not _matches(card, caller.rule.cards)
        }
    )
    if denied:
        raise AccessError(
            f"The caller {caller.name} may not change: {', '.join(denied)}",
            hint=f"Allowed cards: {', '.join(caller.rule.cards) or 'none'}; those of its profiles as well.",
            kind="plan",
        )


def check_removal(caller: Caller, sections: Sequence[tuple[str, Any]], policy: Policy) -> None:
    """Make sure that a caller may change all that a plan sets which is to be taken away or replaced.

    Which profile it came from is not known any more, so the cards of each profile that the caller may use count.

    Args:
        caller: who asks.
        sections: where each stands in ``changes``, e.g. ``sysctl.net.core.somaxconn``, and its value.
        policy: names the cards.

    Raises:
        AccessError: it may not; says which cards are missing.
    """
    found: set[str] = set()
    for path, value in sections:
        field, _dot, key = path.partition(".")
        if field == "htb_classes" and isinstance(value, dict):  # it comes with the default class
            found.update(cards_of({name: each for name, each in value.items() if name in CARDS}, policy))
        else:
            found.update(cards_of({field: {key: value} if key else value}, policy))
    usable = [each for name, each in policy.profiles.items() if _matches(name, caller.rule.profiles)]
    brought = {card for profile in usable for card in profile.active_cards}
    denied = sorted(card for card in found - brought if not _matches(card, caller.rule.cards))
    if denied:
        raise AccessError(
            f"The caller {caller.name} may not take away: {', '.join(denied)}",
            hint=f"Allowed cards: {', '.join(caller.rule.cards) or 'none'}; those of its profiles as well.",
            kind="plan",
        )


def fields_of(plan: ParameterPlan) -> set[str]:
    """Return the fields of ``changes`` that a plan sets or takes away."""
    return {*plan.changes.dump(), *plan.taken_away()}


def check_places(caller: Caller, touched: Collection[str], hosts: Sequence[str], host_scope: HostScope) -> None:
    """Make sure that impairments and address translation stay where the caller may have them.

    Args:
        caller: who asks.
        touched: fields of ``changes`` that are set or taken away.
        hosts: where that is.
        host_scope: knows the groups of hosts.

    Raises:
        AccessError: they do not.
    """
    for field, name, entries in (
        ("netem", "Impairments (netem)", caller.rule.netem),
        ("nat_rules", "Address translation (NAT)", caller.rule.nat),
    ):
        if field in touched and not (entries and host_scope.within(hosts, entries)):
            raise AccessError(
                f"{name} is not allowed to the caller {caller.name} on all of these hosts",
                hint=f"Allowed on: {', '.join(entries) or 'no host'}.",
                kind="plan",
            )


def cards_of(changes: dict[str, Any], policy: Policy) -> Iterator[str]:
    """Yield the ids of the cards that a plan's changes touch."""
    for field, value in changes.items():
        if value in ({}, []):
            continue
        if field == "sysctl":
            covering = {key: policy.card_of(key) for key in value}
            yield from (card.id if card else f"sysctl.{key}" for key, card in covering.items())
        elif field == "qdisc":
            yield from _qdisc_cards(value or {"type": None}, policy)  # null takes the queue away
        elif field == "ingress":
            yield "tc.qdisc_type"
            yield from cards_of(value or {}, policy)
        elif field == "netem":
            yield from (
                NETEM_FIELDS.get(name, "tc.netem_impairments")
                for name in value or NETEM_FIELDS
                if name not in NETEM_FREE
            )
        elif field in BY_NAME:
            yield from _queue_cards(flat(field, value), policy)
        else:
            yield from CARDS[field]
            if field == "htb_classes":
                yield from (card for entry in value or () for card in _qdisc_cards(entry.get("leaf") or {}, policy))
            if field == "connection_tracking" and (value is None or "max_connections" in value):
                yield "iptables.connection_tracking_size"


def _queue_cards(names: Iterable[str], policy: Policy) -> Iterator[str]:
    """Yield the cards of settings of queues, by their flat names; the entries of RFS are a kernel parameter."""
    groups = {name.partition(".")[0] for name in names}
    yield from sorted({QUEUE_CARDS.get(group, f"ethtool.{group}") for group in groups})
    if RFS_ENTRIES in groups:
        yield from cards_of({"sysctl": {RFS_KEY: None}}, policy)


def _qdisc_cards(qdisc: dict[str, Any], policy: Policy) -> Iterator[str]:
    if qdisc:
        yield "tc.qdisc_type"
        own = f"tc.qdisc_{qdisc.get('type')}"
        if own in policy.cards and qdisc.get("params"):
            yield own
        per_queue = qdisc.get("per_queue") or {}
        yield from _qdisc_cards(per_queue, policy)
        yield from cards_of({"htb_classes": per_queue.get("htb_classes") or []}, policy)


def _matches(name: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)

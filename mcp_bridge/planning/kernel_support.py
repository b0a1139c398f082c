# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells which of a plan's values a host's kernel cannot have, from the host's facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_bridge.policy import Policy

CONGESTION_CONTROL = "net.ipv4.tcp_congestion_control"
NEEDS_HTB = ("htb_classes", "shaper")


@dataclass(frozen=True)
class Unsupported:
    """A value that a host cannot have.

    Attributes:
        key: a kernel parameter, or a field of ``changes`` such as ``qdisc``.
        reason: why not.
    """

    key: str
    reason: str


def unsupported(changes: Mapping[str, Any], facts: Mapping[str, Any], policy: Policy) -> tuple[Unsupported, ...]:
    """Return what of ``changes`` a host cannot have; what its facts do not tell is taken for supported.

    Args:
        changes: normalised changes.
        facts: the host's facts: ``sysctl_absent``, ``qdiscs`` and ``congestion_controls`` are looked at.
        policy: knows which keys come with a kernel module, and which have no effect where they are gone.
    """
    return (*_keys(changes.get("sysctl", {}), facts, policy), *_kinds(changes, facts))


def without(changes: Mapping[str, Any], lacking: Iterable[Unsupported]) -> dict[str, Any]:
    """Return ``changes`` without the values that a host cannot have."""
    keys = {entry.key for entry in lacking}
    left = {field: value for field, value in changes.items() if field not in keys}
    if "sysctl" in left:
        left["sysctl"] = {key: value for key, value in left["sysctl"].items() if key not in keys}
    return {field: value for field, value in left.items() if value != {}}


def _keys(sysctl: Mapping[str, str], facts: Mapping[str, Any], policy: Policy) -> Iterator[Unsupported]:
    absent = set(facts.get("sysctl_absent") or ())
    modules, skippable = policy.modules(sysctl), policy.skippable(sysctl)
    for key in sysctl:
        if key in absent and key not in modules:
            yield Unsupported(key, skippable.get(key) or f"The kernel {facts.get('kernel', '')} lacks this key")
    control = sysctl.get(CONGESTION_CONTROL)
    if (facts.get("congestion_controls") or {}).get(control) is False:
        yield Unsupported(CONGESTION_CONTROL, f"The kernel {facts.get('kernel', '')} has no {control}")


def _kinds(changes: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Unsupported]:
    """Yield the fields that need a qdisc which the kernel does not have."""
    qdisc = changes.get("qdisc") or {}
    wanted = {"qdisc": (qdisc.get("per_queue") or qdisc).get("type")}  # mq itself is in every kernel
    wanted.update({field: "htb" for field in NEEDS_HTB if changes.get(field)})
    own = changes.get("ingress") or {}
    wanted["ingress"] = "htb" if own.get("htb_classes") else (own.get("qdisc") or {}).get("type")
    wanted.update({"netem": "netem"} if changes.get("netem") else {})
    for field, kind in wanted.items():
        if (facts.get("qdiscs") or {}).get(kind) is False:
            yield Unsupported(field, f"The kernel {facts.get('kernel', '')} has no qdisc {kind} (module sch_{kind})")

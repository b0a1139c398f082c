# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges whether what a plan wants to hold can be measured at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.measuring import DELAYS, MAX_TARGETS, REGRESSION, THROUGHPUT

from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy

THROUGHPUT_MIN_S = 5  # ten stretches of half a second, the fewest of which two can be told apart


def check_measuring(plan: dict[str, Any], policy: Policy) -> Iterator[Finding]:
    """Yield every objective that has nothing to be measured to, and what is too much or too short to be measured.

    Args:
        plan: a ParameterPlan as JSON data.
        policy: brings the duration where the plan has none.
    """
    spec = plan.get("validate", {})
    targets, objectives = spec.get("targets", {}), spec.get("objectives", {})
    ways = {name for name in ("ping", "tcp", "iperf") if targets.get(name)}
    for name in objectives:
        fitting = {THROUGHPUT: {"iperf"}, REGRESSION: {"ping", "tcp", "iperf"}}.get(name, {"ping", "tcp"})
        if (name in DELAYS or name in (THROUGHPUT, REGRESSION)) and not ways & fitting:
            wanted = " or ".join(f"validate.targets.{way}" for way in sorted(fitting, reverse=True))
            yield Finding(("validate", "objectives", name), "There is nothing to measure this to", f"Give {wanted}.")
    count = sum(len(targets.get(name, [])) for name in ("ping", "tcp")) + ("iperf" in ways)
    if count > MAX_TARGETS:
        message = f"{count} targets in all, more than the {MAX_TARGETS} that are measured at a time"
        yield Finding(("validate", "targets"), message, f"Use at most {MAX_TARGETS} of ping, tcp and iperf together.")
    profile = policy.profiles.get(plan.get("profile") or "")
    default = profile.validation.duration_s if profile else policy.validation_limits.validation_duration_default_s
    judged = THROUGHPUT in objectives or REGRESSION in objectives
    if "iperf" in ways and judged and spec.get("duration_s", default) < THROUGHPUT_MIN_S:
        message = "Too short to judge throughput by"
        yield Finding(("validate", "duration_s"), message, f"Give at least {THROUGHPUT_MIN_S} seconds.")

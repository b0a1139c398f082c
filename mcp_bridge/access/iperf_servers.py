# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which host a call would have serve: the one that throughput is measured to need not be among those that measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mcp_bridge.documents import DocumentError, parse_json

from .argument_limits import PLAN_ARGUMENTS


def servers(arguments: Mapping[str, Any]) -> set[str]:
    """Return the hosts that a call's arguments name as a target of iperf3, for the call itself or in a plan.

    Args:
        arguments: as they were sent; a plan may be JSON text, and have any shape.
    """
    plans = (plan for name in PLAN_ARGUMENTS & set(arguments) for plan in _plans(arguments[name]))
    named = [arguments.get("iperf"), *(target for plan in plans for target in _targets(plan))]
    return {name for name in named if isinstance(name, str)}


def _plans(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield a plan, and what it was rendered from."""
    if isinstance(value, str):
        try:
            value = parse_json(value, name="plan")
        except (ValueError, DocumentError):  # whoever reads it as a plan says what is wrong
            return
    if isinstance(value, Mapping):
        yield value
        inner = value.get("plan")
        if isinstance(inner, Mapping):
            yield inner


def _targets(plan: Mapping[str, Any]) -> Iterator[Any]:
    for name in ("validate", "validation"):
        spec = plan.get(name)
        targets = spec.get("targets") if isinstance(spec, Mapping) else None
        if isinstance(targets, Mapping):
            yield targets.get("iperf")

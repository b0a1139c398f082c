# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges the link of a plan: whether a profile shapes by it, and to what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_bridge.collection.uplink import OVERHEAD, RATES, SHAPER, shaping

from .explain import explain
from .finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.models import ParameterPlan
    from mcp_bridge.policy import Policy


def check_uplink(plan: ParameterPlan, policy: Policy) -> Iterator[Finding]:
    """Yield what is wrong with ``link``: nothing that shapes by it, or rates that the policy does not allow."""
    if plan.link is None:
        return
    profile = policy.profiles.get(plan.profile) if plan.profile else None
    if plan.profile is None:
        yield from explain(policy, "link_without_profile", ("link",))
    elif profile and profile.link is None:
        yield from explain(policy, "link_not_shaped", ("link",), particulars=profile.name)
    elif profile and profile.link:
        shaper = shaping(plan.link.dump(), profile.link.model_dump(by_alias=False))[SHAPER]
        for word, field in (*((word, field) for word, (field, _share) in RATES.items()), (OVERHEAD, OVERHEAD)):
            span = policy.limits.at(f"shaper.{field}")
            problem = span.problem(shaper[field]) if span and field in shaper else None
            if problem:
                what = f" for the {shaper[field]:g} Mbit/s that it is shaped to" if word in RATES else ""
                yield Finding(("link", word), f"{problem}{what}")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that hosts fit a plan by: all of them for a profile's values, few for what a link adds to a user's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.uplink import FIELDS, OVERHEAD, RATES, SHAPER
from mcp_bridge.models.base import set_only
from mcp_bridge.validator import link_changes, profile_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mcp_bridge.policy import Policy, Profile

VALUES = ("set", "cap", "raise")
MATTERS = {*FIELDS, "htb_classes"}  # of what a plan says itself, to what a link adds to it


def profile_of(data: Mapping[str, Any], policy: Policy) -> Profile | None:
    """Return the profile whose values a normalised plan has, so that hosts may adapt them.

    A plan without changes of its own has them: normalising has filled them in.
    """
    profile = policy.profiles.get(data.get("profile", ""))
    if profile is None:
        return None
    wanted = {**profile_changes(profile, policy), **link_changes(profile, data.get("link"), own=_away(data))}
    return profile if set_only(data["changes"]) == wanted else None


def _away(data: Mapping[str, Any]) -> set[str]:
    """Return the fields that a plan takes away."""
    return {field for field, value in data["changes"].items() if value is None}


def adaptations_for(data: Mapping[str, Any], policy: Policy) -> list[dict[str, Any]]:
    """Return the rules that fit a normalised plan to a host.

    What a user wrote is exact: of a plan with changes of its own only what its link adds to these is fitted. An uplink
    that the inventory tells of is for plans without changes of their own, whose values are the profile's.
    """
    profile = policy.profiles.get(data.get("profile", ""))
    if profile is None:
        return []
    rules = policy.rules.adaptations_for(profile.name)
    link = data.get("link")
    if profile_of(data, policy) is not None:
        return [*([] if link else shaping_rules(profile, policy, own=_away(data))), *rules]
    given = link_changes(profile, link)
    return _for_link(rules, [field for field in given if data["changes"].get(field) == given[field]])


def shaping_rules(profile: Profile, policy: Policy, *, own: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return the rule by which a host shapes the uplink that its inventory tells of, none where the profile has none.

    Args:
        profile: says how.
        policy: says within which bounds.
        own: the fields of ``changes`` that the plan says itself.
    """
    if profile.link is None:
        return []
    spans = {field: policy.limits.at(f"{SHAPER}.{field}") for field in (*(f for f, _share in RATES.values()), OVERHEAD)}
    shape = {
        **profile.link.model_dump(mode="json", by_alias=False, exclude={"without"}),
        "own": sorted(MATTERS & set(own)),
        "bounds": {field: [span.min, span.max] for field, span in spans.items() if span},
    }
    message = "What leaves and what arrives is shaped below the rates of the uplink"
    return [{"id": "link", "when": {"uplink": {"eq": True}}, "shape": shape, "message": message}]


def _for_link(rules: list[dict[str, Any]], fields: Collection[str]) -> list[dict[str, Any]]:
    """Return what rules do to some fields of ``changes``; without those that do nothing to them."""
    found = []
    for rule in rules:
        kept: dict[str, Any] = {
            word: {field: value for field, value in rule[word].items() if field in fields}
            for word in VALUES
            if word in rule
        }
        kept["drop"] = {"changes": [field for field in rule.get("drop", {}).get("changes", ()) if field in fields]}
        if any(kept[word] for word in VALUES if word in kept) or kept["drop"]["changes"]:
            found.append({**{word: rule[word] for word in ("id", "when", "message")}, **kept})
    return found

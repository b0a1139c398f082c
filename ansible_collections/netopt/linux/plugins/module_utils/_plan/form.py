# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One form for what a plan may write in two, as the parts of a target read that one alone.

A plan in its normal form is left as it is, and so is its digest. It takes a plan that ``check.py`` has passed.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .dscp import with_numbers
from .feature_names import plan_name
from .fields import BY_KEY, PLAN
from .nic_words import BY_NAME, flat, nested
from .parts import changed_each, with_changed
from .routes import ROUTES, with_words_away, words_away

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def one_form(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan without what is not set, ports in lists, code points as numbers, keys and features by one name.

    Sections that it takes away stay null.
    """
    found = dict(set_only({PLAN.aliases.get(key, key): value for key, value in plan.items()}))
    changes = with_numbers(found.get("changes", {}))
    if "changes" in found:
        found["changes"] = changes
    if "offloads" in changes:
        changes["offloads"] = {plan_name(name): on for name, on in changes["offloads"].items()}
    if "dscp" in changes:
        changes["dscp"] = changed_each(changes["dscp"], _with_ports_of_match)
    for name in ("connection_limits", "rate_limits"):
        if name in changes:
            changes[name] = changed_each(changes[name], _with_ports_in_lists)
    queue = (changes.get("qdisc") or {}).get("per_queue") or {}
    for holder in (changes, changes.get("ingress") or {}, queue):
        if "htb_classes" in holder:
            holder["htb_classes"] = changed_each(holder["htb_classes"], _with_ports_of_matches)
    if "match" in (changes.get("netem") or {}):
        changes["netem"] = _with_ports_of_match(changes["netem"])
    for name, value in taken_away(plan).items():
        changes[name] = with_taken_away(name, changes.get(name), value)
    return found


def with_taken_away(field: str, said: Any, away: Any) -> Any:
    """Return what a plan says of a field together with what it takes away of it; null where that is the whole."""
    if field == ROUTES and away:
        return with_words_away(said or [], away)
    if field in BY_NAME and away:
        return nested({**flat(field, said or {}), **flat(field, away)})
    return {**(said or {}), **away} if away else None


def taken_away(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a plan's changes that are null, as they take a section away; a plan with a name has no need to.

    Of ``sysctl`` and ``offloads`` the keys are the sections, so that these are null and not the whole. So are the
    single settings of ``nic`` and ``steering`` and the words of ``routes``; null for the whole stands for all of them.
    """
    found: dict[str, Any] = {}
    for name, value in (plan.get("changes") or {}).items():
        if name not in BY_KEY and value is None and not plan.get("name"):
            found[name] = None
        elif name in BY_NAME and not plan.get("name"):
            names = {key: None for key, each in flat(name, value).items() if each is None}
            found.update({name: nested(names)} if names else {})
        elif name in BY_KEY and not plan.get("name"):
            keys = {key: None for key, each in (value or {}).items() if each is None}
            found.update({name: keys} if keys else {})
        elif name == ROUTES and value and not plan.get("name"):
            words = words_away(value)
            found.update({name: words} if words else {})
    return found


def _with_ports_in_lists(match: dict[str, Any]) -> dict[str, Any]:
    """Return a match or a limit in which a port that stands alone is in a list: its text is read digit by digit."""
    alone = [side for side in ("sports", "dports", "ports") if side in match and not isinstance(match[side], list)]
    return {**match, **{side: [match[side]] for side in alone}} if alone else match


def _with_ports_of_match(entry: dict[str, Any]) -> dict[str, Any]:
    return with_changed(entry, "match", _with_ports_in_lists(entry["match"]))


def _with_ports_of_matches(entry: dict[str, Any]) -> dict[str, Any]:
    if "match" not in entry:
        return entry
    return with_changed(entry, "match", changed_each(entry["match"], _with_ports_in_lists))


def set_only(value: Any) -> Any:
    """Return a value without keys that are null, at every level.

    A part that has none is not copied, as ten thousand classes would be time and again: change nothing in place.
    """
    if isinstance(value, dict):
        found = {key: set_only(item) for key, item in value.items() if item is not None}
        same = len(found) == len(value) and all(item is value[key] for key, item in found.items())
        return value if same else found
    return changed_each(value, set_only) if isinstance(value, (list, tuple)) else value


def digest_of(digests: Sequence[str]) -> str:
    """Return what names several plans together: the digest of one, or one over the digests of several, in order."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

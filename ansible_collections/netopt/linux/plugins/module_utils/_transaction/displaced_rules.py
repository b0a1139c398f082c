# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules of an earlier change a plan would take away without a word. Pure.

Table ``inet netopt`` holds the rules of one plan: the next plan with rules makes it anew. What the earlier one said
under a field that the new one does not name would be gone. Classes are no part of this: the table keeps those of other
interfaces, and on its own interface a plan replaces the whole tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Tuple

if TYPE_CHECKING:
    from collections.abc import Iterator

NAT_RULES = "nat_rules"
LISTS = ("dscp", "connection_limits", "rate_limits", NAT_RULES)
TRACKING = "connection_tracking"
FIELDS = (*LISTS, TRACKING)
# each rule's comment says which entry of the plan it came from, see _nft/rules.py
_ACCEPTED = f'comment "{TRACKING}.accept_established"'
_DROPPED = f'comment "{TRACKING}.drop_invalid"'


@dataclass(frozen=True)
class Said:
    """What a plan says of the table.

    Attributes:
        changes: the plan's changes.
        named: the interfaces as the plan names them; ``auto`` stands for itself.
        ifaces: the interfaces as the host calls them.
    """

    changes: Mapping[str, Any]
    named: Tuple[str, ...]
    ifaces: Tuple[str, ...]

    def covers(self, other: Said, path: str) -> bool:
        """Return whether this plan names a field itself: for all interfaces for which another one did, or empty."""
        field, _dot, key = path.partition(".")
        value = self.changes.get(field)
        if not value:
            return value is not None
        if key and value.get(key) is None:  # of connection_tracking; its other keys say nothing of this rule
            return False
        if set(other.named) <= set(self.named) or set(other.ifaces) <= set(self.ifaces):
            return True
        return field == NAT_RULES and other._translating() <= {*self.ifaces, *self._translating()}

    def _translating(self) -> set[str]:
        """Return the interfaces of the translations: their own ones, else the plan's."""
        rules = self.changes.get(NAT_RULES) or ()
        return {iface for rule in rules for iface in ([rule["iface"]] if rule.get("iface") else self.ifaces)}


def lost(earlier: Said, plan: Said, *, there: str, then: str) -> tuple[str, ...]:
    """Return the fields of an earlier change whose rules a plan takes away though it does not name them.

    Those of ``connection_tracking`` are told one by one, as ``connection_tracking.drop_invalid``.

    Args:
        earlier: the change that made the table last.
        plan: the plan that makes it anew.
        there: the table now, as nft lists it; of what was removed by hand there is nothing to lose.
        then: the table that the plan asks for.
    """
    return tuple(field for field in _held(earlier.changes, there, then) if not plan.covers(earlier, field))


def _held(changes: Mapping[str, Any], there: str, then: str) -> Iterator[str]:
    """Yield the fields by which a change holds something in the table that may go."""
    for field in LISTS:
        if changes.get(field) and f'comment "{field}[' in there:
            yield field
    tracking = changes.get(TRACKING) or {}
    accepts = tracking.get("accept_established")
    # limits bring this rule by themselves, so that it may stay; and it may be that it was kept out
    turned = accepts is not None and (_ACCEPTED in there) is accepts and (_ACCEPTED in then) is not accepts
    if turned:
        yield f"{TRACKING}.accept_established"
    if tracking.get("drop_invalid") and _DROPPED in there:
        yield f"{TRACKING}.drop_invalid"

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says in the policy's words what is wrong: its constraints give message, severity and hint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .finding import Finding, Path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_bridge.policy import Policy

ALWAYS = {
    "empty_plan": "The plan changes nothing",
    "unknown_sysctl": "No card of the policy covers this key",
}
"""Constraints that hold under a policy that does not list them, too."""


def explain(
    policy: Policy, name: str, path: Path, *, particulars: str = "", hint: str | None = None
) -> Iterator[Finding]:
    """Yield the finding for a constraint that is broken; nothing where the policy does not have it.

    Args:
        policy: holds the constraint.
        name: its id.
        path: where it is broken.
        particulars: what exactly is broken, added to the message.
        hint: better advice than the constraint's own.
    """
    constraint = policy.rules.constraints.get(name)
    if constraint is not None:
        message = f"{constraint.message} ({particulars})" if particulars else constraint.message
        yield Finding(path, message, hint or constraint.hint, constraint.severity)
    elif name in ALWAYS:
        yield Finding(path, ALWAYS[name], hint)

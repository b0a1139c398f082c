# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as the commands that an operator would type, and the digest that binds the two together."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from .._common.interfaces import words
from .._link import subsystem as link_subsystem
from .._nft import subsystem as nft_subsystem
from .._plan.adapting import adapting
from .._plan.form import set_only
from .._plan.routes import ROUTES
from .._sysctl import subsystem as sysctl_subsystem
from .._tc import subsystem as tc_subsystem

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_FIELDS = ("sysctl_cmds", "tc_script", "nft_script", "ethtool_cmds", "ip_link_cmds")


def render(
    plan: Mapping[str, Any],
    *,
    skippable: Mapping[str, str] | None = None,
    modules: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the text of a normalised plan.

    Args:
        plan: a normalised ParameterPlan as JSON data.
        skippable: ``{sysctl key: reason}`` of keys that a kernel may lack; none by default.
        modules: ``{sysctl key: kernel module}`` of keys that a module brings; none by default.

    Returns:
        ``sysctl_cmds``, ``ethtool_cmds`` and ``ip_link_cmds``: lists of commands; ``tc_script`` and
        ``nft_script``: shell scripts.

    Raises:
        NetoptError: stage ``plan``, when a part of the plan cannot be said in commands.
    """
    changes = set_only(plan.get("changes") or {})
    ifaces = words(plan)
    ip_link_cmds, ethtool_cmds = link_subsystem.render(link_subsystem.intent(changes, ifaces))
    return {
        "sysctl_cmds": sysctl_subsystem.render(
            sysctl_subsystem.intent(changes, ifaces, skippable=skippable, modules=modules)
        ),
        "tc_script": tc_subsystem.render(tc_subsystem.intent(changes, ifaces)) + _adjusters(changes, ifaces),
        "nft_script": nft_subsystem.render(nft_subsystem.intent(changes, ifaces, plan=plan.get("name") or "")),
        "ethtool_cmds": ethtool_cmds,
        "ip_link_cmds": [*ip_link_cmds, *_routes(changes, ifaces)],
    }


def _adjusters(changes: Mapping[str, Any], ifaces: tuple[str, ...]) -> str:
    if adapting(changes) is None:
        return ""
    from .._adapt import subsystem  # noqa: PLC0415 - few shapers adapt

    return subsystem.render(subsystem.intent(changes, ifaces))


def _routes(changes: Mapping[str, Any], ifaces: tuple[str, ...]) -> list[str]:
    if ROUTES not in changes:
        return []
    from .._route import subsystem  # noqa: PLC0415 - most plans have no routes

    return subsystem.render(subsystem.intent(changes, ifaces))


def digest(plan: Mapping[str, Any], text: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hexadecimal, over canonical JSON of a plan and its text.

    Args:
        plan: a normalised ParameterPlan as JSON data.
        text: what ``render`` gives for it; other keys do not count.
    """
    content = {"plan": plan, **{field: text[field] for field in TEXT_FIELDS}}
    found = hashlib.sha256()
    between = "{"
    for name in sorted(content):  # part by part: one text of all would be in memory three times over
        found.update(f'{between}"{name}":'.encode())
        found.update(json.dumps(content[name], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
        between = ","
    found.update(b"}")
    return found.hexdigest()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells people which plans are in force: each with what it sets, since when, and by whom. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .record import InForce


def listed(record: InForce) -> list[dict[str, Any]]:
    """Return each plan as ``{"name", "digest", "checkpoint_id", "since", "by", "sections"}``.

    The one without a name comes first; its ``name`` is ``None``. A section is ``{"path", "ifaces", "value",
    "checkpoint_id", "persist"}``.
    """
    found = []
    for name in record.names():
        told = record.plans.get(name, {})
        sections = [
            {
                "path": one.path.partition(".")[2],
                "ifaces": list(one.ifaces),
                "value": one.said,
                "checkpoint_id": one.checkpoint,
                "persist": one.persist,
            }
            for one in record.of(name)
        ]
        about = {"digest": told.get("digest"), "checkpoint_id": told.get("checkpoint"), "since": told.get("since")}
        found.append({"name": name or None, **about, "by": told.get("by"), "sections": sections})
    return found

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_checkpoint takes and does, for the module and for the transport.

The controller reads the options here too, so what does the work is imported when there is work.
"""

from __future__ import annotations

from typing import Any

STATES = ("present", "restored", "confirmed", "extended", "accepted", "verified", "absent", "listed", "plans")
ARGUMENT_SPEC: dict[str, Any] = {
    "state": {"type": "str", "choices": list(STATES), "default": "listed"},
    "id": {"type": "str"},
    "label": {"type": "str"},
    "iface": {"type": "list", "elements": "str", "default": []},
    "sysctl": {"type": "list", "elements": "str", "default": []},
    "nft": {"type": "bool", "default": True},
    "on_conflict": {"type": "str", "choices": ["keep", "restore"], "default": "restore"},
    "confirm_timeout_s": {"type": "float"},
    "fail_on_drift": {"type": "bool", "default": False},
}
CONSTRAINTS: dict[str, Any] = {
    "required_if": [
        *(("state", state, ("id",)) for state in ("restored", "confirmed", "accepted", "absent")),
        ("state", "extended", ("id", "confirm_timeout_s")),
    ]
}


def run(options: dict[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    """Do what is asked of the checkpoints and return the module's result."""
    from .._common.report import as_result  # noqa: PLC0415
    from .checkpoint_states import Request  # noqa: PLC0415 - see above
    from .checkpoint_states import run as do  # noqa: PLC0415

    asked: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
        if name != "fail_on_drift"
    }
    asked["ifaces"] = asked.pop("iface", ())
    outcome = do(Request(check=check, **asked))
    more: dict[str, Any] = {} if outcome.plans is None else {"plans": outcome.plans}
    if outcome.drift is not None:
        more["drift"] = outcome.drift
        if options.get("fail_on_drift") and outcome.drift:
            from .._drift.told import told  # noqa: PLC0415

            more.update({"failed": True, "msg": told(outcome.drift)})
    if options["state"] == "listed":
        more["changing"] = outcome.changing
        if outcome.kept is not None:
            more["kept"] = outcome.kept.as_dict()
    return dict(as_result(outcome.report, diff_mode=diff), checkpoints=outcome.checkpoints, **more)

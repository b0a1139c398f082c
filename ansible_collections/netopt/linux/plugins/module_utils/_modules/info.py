# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_info takes and does, for the module and for the transport.

The controller reads the options here too, so what does the work is imported when there is work.
"""

from __future__ import annotations

from typing import Any

COMMON = ("facts", "link", "tc", "nft", "sysctl", "checkpoints", "versions")
BEYOND_DEFAULTS, DEVICES = "beyond_defaults", "devices"
SUBSETS = (*COMMON, BEYOND_DEFAULTS, DEVICES)
ARGUMENT_SPEC: dict[str, Any] = {
    "gather": {"type": "list", "elements": "str", "choices": list(SUBSETS), "default": list(COMMON)},
    "iface": {"type": "list", "elements": "str", "default": ["auto"]},
    "sysctl": {"type": "list", "elements": "str", "default": []},
}
CONSTRAINTS: dict[str, Any] = {}


def run(options: dict[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    """Read what is asked for and return the module's result; a host is only looked at, whatever the mode."""
    from .._host.commands import Tools  # noqa: PLC0415
    from .._query.host_info import gather  # noqa: PLC0415 - see above

    del check, diff
    info, problems = gather(subsets=options["gather"], ifaces=options["iface"], sysctl=options["sysctl"], tools=Tools())
    if info.get(BEYOND_DEFAULTS):
        from .._drift.cause import Culprits  # noqa: PLC0415 - asked for by those who move to netopt alone

        who = Culprits().setters({key: value for key, (value, _default) in info[BEYOND_DEFAULTS].items()})
        info[BEYOND_DEFAULTS] = {key: [*pair, who.get(key)] for key, pair in info[BEYOND_DEFAULTS].items()}
    if info.get(DEVICES):
        info[DEVICES] = _with_setters(info[DEVICES])
    return {"changed": False, "info": info, "problems": problems}


def _with_setters(devices: dict[str, Any]) -> dict[str, Any]:
    """Return what interfaces hold with who has set it, and with the plans in force, which are netopt's own."""
    from .._checkpoint.store import Store  # noqa: PLC0415 - as above
    from .._drift.cause import Culprits  # noqa: PLC0415
    from .._plans.in_force import plans_in_force  # noqa: PLC0415
    from .._plans.listing import listed  # noqa: PLC0415

    culprits, held, qdiscs = Culprits(), {}, {}
    for iface in devices["tc"]["interfaces"]:
        mine = devices["held"].get(iface, {})
        who = culprits.device_setters(iface, {name: value for name, (value, _usual) in mine.items()})
        held[iface] = {name: [*pair, who.get(name)] for name, pair in mine.items()}
        qdiscs[iface] = who.get("qdisc")
    plans = [
        {
            "name": one["name"],
            "since": one["since"],
            "sections": [{name: section[name] for name in ("path", "ifaces")} for section in one["sections"]],
        }
        for one in listed(plans_in_force(Store()))
    ]
    return {**devices, "held": held, "qdiscs": qdiscs, "plans": plans}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validates plans that are refused and as large as they may be; ends when they cost more than they may."""

from __future__ import annotations

import sys
from typing import Any

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

CLASSES = 10_000


def _chain(above: int) -> list[dict[str, Any]]:
    """Return classes each of which hangs on the one so many places on, in a circle."""
    return [
        {"classid": f"1:{n + 2:x}", "parent": f"1:{(n + above) % CLASSES + 2:x}", "rate_mbit": 1}
        for n in range(CLASSES)
    ]


def _odd(count: int) -> list[dict[str, Any]]:
    """Return marks of which every other one is wrong."""
    return [{"match": {}, "dscp": "zz" if n % 2 else 1} for n in range(count)]


PLANS: dict[str, dict[str, Any]] = {
    "a circle of classes": {"htb_classes": _chain(1)},
    "a circle the other way": {"htb_classes": _chain(-1)},
    "fields that there are not": {f"sysctk{n}": 1 for n in range(60_000)},
    "keys that there are not": {"sysctl": {f"net.core.rmem_maz{n}": 1 for n in range(60_000)}},
    "entries without anything": {"dscp": [{}] * 80_000},
    "every other entry wrong": {"dscp": _odd(20_000)},
    "wrong parts of entries": {"htb_classes": [{"classid": [], "rate_mbit": {}, "bogus": 1}] * 20_000},
}


def main() -> None:
    """Validate each plan; it has to be refused."""
    policy = load_policy()
    for name, changes in PLANS.items():
        print(name, flush=True)
        if validate({"iface": "eth0", "changes": changes}, policy).ok:
            sys.exit(f"{name} was taken")


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has two plans set MTUs of interfaces that follow one another, and prints what becomes of them, on its own kernel.

The answer is ``{kind: {order: {"errors": [...], "before": {iface: mtu}, "between": ..., "after": ...}}}``.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from itertools import product
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

# what is made on dum0 and dum1, and the MTU of each plan's interface
KINDS: dict[str, tuple[list[str], dict[str, tuple[str, int]]]] = {
    "vlan": (
        ["ip link add link dum0 name top0 type vlan id 5", "ip link add link dum0 name top1 type vlan id 6"],
        {"low": ("dum0", 1400), "high": ("top0", 1300)},
    ),
    "vlan on vlan": (
        ["ip link add link dum0 name top0 type vlan id 5", "ip link add link top0 name top1 type vlan id 6"],
        {"low": ("dum0", 1400), "high": ("top0", 1300)},
    ),
    "ipvlan": (["ip link add link dum0 name top0 type ipvlan"], {"low": ("dum0", 1400), "high": ("top0", 1300)}),
    "macsec": (["ip link add link dum0 name top0 type macsec"], {"low": ("dum0", 1400), "high": ("top0", 1300)}),
    "bridge": (
        ["ip link add top0 type bridge", "ip link set dum0 master top0"],
        {"low": ("dum0", 1400), "high": ("top0", 1300)},
    ),
    "bond": (
        ["ip link add top0 type bond", "ip link set dum0 down", "ip link set dum0 master top0"],
        {"low": ("dum0", 1400), "high": ("top0", 1400)},
    ),
}


def run(command: str) -> bool:
    """Run a command, and return whether it did what it should."""
    return not subprocess.run(shlex.split(command), check=False, capture_output=True).returncode


def mtus() -> dict[str, int]:
    """Return the MTU of each interface."""
    return {name: one["mtu"] for name, one in gather()["interfaces"].items()}


def asked(**options: Any) -> list[str]:
    """Carry something out, and return what went wrong."""
    error = Transaction(request_of(options)).run().error
    return [error["message"]] if error else []


def tried(plans: dict[str, tuple[str, int]], order: tuple[str, ...]) -> dict[str, Any]:
    """Apply plans and take them away, in an order."""
    errors: list[str] = []
    before = mtus()
    for name in order[:2]:
        iface, mtu = plans[name]
        errors += asked(plan={"name": name, "iface": iface, "changes": {"mtu": mtu}})
    errors += asked(remove=[order[2]])
    between = mtus()
    errors += asked(remove=[order[3]])
    return {"errors": errors, "before": before, "between": between, "after": mtus()}


def main() -> None:
    """Try every kind that this kernel has, in every order."""
    found: dict[str, Any] = {}
    both = (("low", "high"), ("high", "low"))
    for kind, (made, plans) in KINDS.items():
        run("ip link add dum0 type dummy")
        if all(run(command) for command in made):
            found[kind] = {}
            for one, other in product(both, both):
                found[kind][" ".join((*one, *other))] = tried(plans, (*one, *other))
                print(kind, flush=True)  # who waits sees that it goes on
        for iface in ("top1", "top0", "dum0"):
            run(f"ip link del {iface}")
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

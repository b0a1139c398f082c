# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what interfaces of every kind are called and what plans for them lead to, as JSON, on a kernel of its own."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

MADE = {
    "dum0": "type dummy",
    "dum0.5": "link dum0 type vlan id 5",
    "bond9": "type bond",
    "team0": "type team",
    "br0": "type bridge",
    "mac0": "link dum0 type macvlan",
    "mac1": "link dum0 type ipvlan",
    "red": "type vrf table 10",
    "wg0": "type wireguard",
    "gre9": "type gre local 192.0.2.1 remote 192.0.2.9",
    "tun9": "type ipip local 192.0.2.1 remote 192.0.2.9",
    "vx0": "type vxlan id 7 dstport 4789 local 192.0.2.1 remote 192.0.2.9",
    "ve0": "type veth peer name ve1",
    "ifb9": "type ifb",
}
WANTED = 1290
PLANS: dict[str, Any] = {
    "vlan": {"type": "vlan"},
    "bond": {"type": "bond"},
    "dummy": "dum*",
    "gre": {"type": "gre"},
    "default routes": "auto",
    "wireless": {"type": "wireless"},
}


def run(command: str) -> bool:
    """Run a command, and return whether it did what it should."""
    return not subprocess.run(shlex.split(command), check=False, capture_output=True).returncode


def mtus() -> dict[str, int]:
    """Return the MTU of each interface."""
    return {name: one["mtu"] for name, one in gather()["interfaces"].items()}


def applied(iface: Any) -> dict[str, Any]:
    """Apply an MTU, and return which interfaces have it, and what was told."""
    before = mtus()
    report = Transaction(request_of({"plan": {"iface": iface, "changes": {"mtu": WANTED}}})).run()
    after = mtus()
    for name in after:
        run(f"ip link set {name} mtu {before[name]}")
    return {
        "changed": sorted(name for name, mtu in after.items() if mtu == WANTED != before[name]),
        "warnings": report.warnings,
        "error": report.error,
    }


def main() -> None:
    """Make what this kernel can make, and print what it is called and what plans lead to."""
    made = []
    for name, words in MADE.items():
        first, _, rest = words.partition(" type ")
        line = f"ip link add {first} name {name} type {rest}" if rest else f"ip link add name {name} {words}"
        if run(line):
            made.append(name)
            run(f"ip link set {name} up")
    run("ip addr add 192.0.2.1/24 dev dum0")
    run("ip addr add 198.51.100.1/24 dev br0")
    run("ip route add default nexthop via 192.0.2.2 onlink dev dum0 nexthop via 198.51.100.2 onlink dev br0")
    found = gather()["interfaces"]
    kinds = {name: found[name]["type"] for name in made}
    upper = found["dum0"]["upper"]
    plans = {name: applied(one) for name, one in PLANS.items()}
    json.dump({"kinds": kinds, "upper": upper, "plans": plans}, sys.stdout)


if __name__ == "__main__":
    main()

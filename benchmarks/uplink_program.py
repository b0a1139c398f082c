# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in a kernel of its own: delay on a full uplink, by the kernel's defaults and by profiles that know it.

``python -m benchmarks.uplink_program JSON`` with ``{"profiles", "path", "link", "rounds"}``; it prints a line of JSON
for each run, the last one with all of them. The host is the kernel's first namespace. It is changed by what runs on
hosts as well, and has to be as before in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._modules import apply, checkpoint
from benchmarks.profiles_guest import uplink, world
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy

DEFAULTS = "defaults"
VIEW = (
    "sysctl -a --pattern '^net[.](core|ipv4[.]tcp)'",
    "tc -d qdisc show; tc -d class show dev wan0; tc -d filter show dev wan0; tc -d filter show dev wan0 ingress",
    "ip -d link show; ip addr show; ip route show",
)


def view() -> list[str]:
    """Return what the tools say of the host."""
    return [subprocess.run(line, shell=True, check=False, capture_output=True, text=True).stdout for line in VIEW]


def applied(plan: dict[str, Any]) -> dict[str, Any]:
    """Apply a plan as a host does that gets it from the controller, and return the report."""
    inputs = vars(check(plan, load_policy()).target_inputs)
    options = {name: spec.get("default") for name, spec in apply.ARGUMENT_SPEC.items()}
    result = apply.run({**options, **inputs, "confirm_timeout_s": 0.0}, check=False, diff=False)
    report: dict[str, Any] = result["report"]
    return report


def rolled_back(identity: str) -> None:
    """Bring the host to what it was before a change."""
    options = {name: spec.get("default") for name, spec in checkpoint.ARGUMENT_SPEC.items()}
    result = checkpoint.run({**options, "state": "restored", "id": identity}, check=False, diff=False)
    if result.get("failed"):
        sys.exit(f"not rolled back: {result}")


def measured(profile: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one run of one way."""
    world.forget_paths()
    before, report = view(), None
    if profile != DEFAULTS:
        plan = {"iface": world.IFACE, "profile": profile, "link": asked["link"]}
        report = applied(plan)
        if report["status"] != "applied" or applied(plan)["status"] != "unchanged":
            sys.exit(f"{profile}: not applied, or not unchanged the second time: {report}")
    figures = uplink.full(world.Path(**asked["path"]))
    if report:
        rolled_back(report["checkpoint_id"])
        if view() != before:
            sys.exit(f"{profile}: the host is not as before")
    return {"way": profile, "figures": figures, "said": report["warnings"] if report else []}


def main() -> None:
    """Measure all ways in turn, every other round backwards."""
    asked = json.loads(sys.argv[1])
    modprobe = Path("/proc/sys/kernel/modprobe").read_text(encoding="ascii").strip()  # knows where the modules are
    subprocess.run([modprobe, "tcp_bbr"], check=True)
    world.build()
    world.set_path(world.Path(**asked["path"]))
    ways = [DEFAULTS, *asked["profiles"]]
    found = []
    for number in range(asked["rounds"]):
        for way in ways if number % 2 == 0 else reversed(ways):
            found.append(measured(way, asked))
            print(json.dumps(found[-1]), flush=True)
    print(json.dumps({"runs": found}), flush=True)


if __name__ == "__main__":
    main()

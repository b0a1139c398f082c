# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in a kernel of its own: delay on a full uplink, by the kernel's defaults and by profiles that know its rates.

``python -m benchmarks.uplink_program JSON`` with ``{"profiles", "path", "rounds", "seconds"?}`` prints a line of JSON
for each run, and as the last one all of them: ``{"limits", "runs": [{"profile", "way", "figures", "said"}]}``. The host
is the kernel's first namespace. What changes it is what runs on any host, and it has to be as before in the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host import kernel_features
from ansible_collections.netopt.linux.plugins.module_utils._modules import apply, checkpoint
from benchmarks.profiles_guest import latency, uplink, world
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy

DEFAULTS, PROFILE, WITHOUT_CAKE = WAYS = ("defaults", "profile", "profile, without cake")
PROBES = {"video_calls": latency.media_with_peer}  # others are measured by pings
WITHOUT = {"video_calls": {"dscp": None}}  # user-mode Linux has no nftables family inet, which marks need
VIEW = (
    "sysctl -a --pattern ^net[.](core|ipv4[.]tcp)",
    "tc -d qdisc show",
    "tc -d class show dev wan0",
    "tc -d filter show dev wan0",
    "tc -d filter show dev wan0 ingress",
    "ip -d link show",
    "ip addr show",
    "ip route show",
)


def view() -> list[str]:
    """Return what the tools say of the host."""
    return [subprocess.run(line.split(), check=False, capture_output=True, text=True).stdout for line in VIEW]


def applied(plan: dict[str, Any], *, has_cake: bool) -> dict[str, Any]:
    """Apply a plan as a host does that gets it from the controller, and return the report."""
    kernel_features.gather = lambda: {"qdiscs": {"cake": has_cake}}  # the kernel has it
    inputs = vars(check(plan, load_policy()).target_inputs)
    options = {name: spec.get("default") for name, spec in apply.ARGUMENT_SPEC.items()}
    found: dict[str, Any] = apply.run({**options, **inputs, "confirm_timeout_s": 0.0}, check=False, diff=False)
    report: dict[str, Any] = found["report"]
    return report


def rolled_back(identity: str) -> None:
    """Bring the host to what it was before a change."""
    options = {name: spec.get("default") for name, spec in checkpoint.ARGUMENT_SPEC.items()}
    result = checkpoint.run({**options, "state": "restored", "id": identity}, check=False, diff=False)
    if result.get("failed"):
        sys.exit(f"not rolled back: {result}")


def measured(way: str, profile: str, path: dict[str, Any], *, seconds: float) -> dict[str, Any]:
    """Return the figures of one run of one way, with the probe of a profile."""
    world.forget_paths()
    before, report = view(), None
    if way != DEFAULTS:
        link = {"up_mbit": path["rate_mbit"], "down_mbit": path["down_mbit"]}
        plan = {"iface": world.IFACE, "profile": profile, "link": link, "changes": WITHOUT.get(profile, {})}
        report, again = (applied(plan, has_cake=way == PROFILE) for _ in range(2))
        if (report["status"], again["status"]) != ("applied", "unchanged"):
            sys.exit(f"{profile}: {report['status']}, then {again['status']}: {report}")
    figures = uplink.full(PROBES.get(profile, latency.ping_peer), seconds=seconds)
    if report:
        rolled_back(report["checkpoint_id"])
        if view() != before:
            sys.exit(f"{profile}: the host is not as before")
    return {"profile": profile, "way": way, "figures": figures, "said": report["warnings"] if report else []}


def main() -> None:
    """Measure the ways of each profile in turn, every other round backwards."""
    asked = json.loads(sys.argv[1])
    modprobe = Path("/proc/sys/kernel/modprobe").read_text(encoding="ascii").strip()  # knows where the modules are
    subprocess.run([modprobe, "tcp_bbr"], check=True)
    world.build()
    world.set_path(world.Path(rtt_ms=asked["path"]["rtt_ms"]))
    limits = {"carried_mbit": uplink.carried_mbit(), "lateness_ms": uplink.lateness_ms()}
    world.set_path(world.Path(**asked["path"]))
    runs = []
    for profile in asked["profiles"]:
        for number in range(asked["rounds"]):
            for way in WAYS if number % 2 == 0 else reversed(WAYS):
                runs.append(measured(way, profile, asked["path"], seconds=asked.get("seconds", uplink.FULL_S)))
                print(json.dumps(runs[-1]), flush=True)
    print(json.dumps({"limits": limits, "runs": runs}), flush=True)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs in a kernel of its own: what a profile promises, measured by the kernel's defaults and by the profile.

``python -m benchmarks.profiles_program JSON`` with ``{"case", "rounds", "seconds"?}`` prints a line of JSON for each
run, and as the last one all of them: ``{"limits", "runs": [{"way", "figures", "changed", "said"}]}``. The host is the
kernel's first namespace. What changes it is what runs on any host, and it has to be as before in the end.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host import kernel_features
from ansible_collections.netopt.linux.plugins.module_utils._modules import apply, checkpoint
from benchmarks.profiles_cases import DEFAULTS, WITHOUT_CAKE, Case
from benchmarks.profiles_guest import connections, latency, throughput, uplink, world
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy

PROBES = {"pings": latency.ping_peer, "media": latency.media_with_peer}
MEASURES = {
    **{f"{name}_full": functools.partial(uplink.full, probe) for name, probe in PROBES.items()},
    **{f"{name}_uploads": functools.partial(uplink.full, probe, down=False) for name, probe in PROBES.items()},
    "segments": throughput.segments,
    "bulk": throughput.bulk,
    "attacked": connections.attacked,
}
WITHOUT = {"video_calls": {"dscp": None}}  # user-mode Linux has no nftables family inet, which marks need
NO_BOTTLENECK_MBIT = 20000  # more than the machine carries through the queues of a path
VIEW = (
    "sysctl -a --pattern ^net[.](core|ipv4[.](tcp|ip_local_port)|netfilter[.]nf_conntrack_(max|buckets|tcp))",
    "tc -d qdisc show",
    f"tc -d class show dev {world.IFACE}",
    f"tc -d filter show dev {world.IFACE}",
    f"tc -d filter show dev {world.IFACE} ingress",
    "ip -d link show",
    "ip addr show",
    "ip route show",
)


def view() -> list[str]:
    """Return what the tools say of the host."""
    return [subprocess.run(line.split(), check=False, capture_output=True, text=True).stdout for line in VIEW]


def plan_of(case: Case) -> dict[str, Any]:
    """Return the plan that a user writes who wants a profile."""
    link = {"up_mbit": case.path["rate_mbit"], "down_mbit": case.path["down_mbit"]} if case.link else None
    plan = {"iface": world.IFACE, "profile": case.profile, "changes": WITHOUT.get(case.profile, {})}
    return {**plan, "link": link} if link else plan


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


def measured(way: str, case: Case, **limits: float) -> dict[str, Any]:
    """Return the figures of one run of one way, and what the profile changed for it."""
    world.forget_paths()
    before, report = view(), None
    if way != DEFAULTS:
        report, again = (applied(plan_of(case), has_cake=way != WITHOUT_CAKE) for _ in range(2))
        if (report["status"], again["status"]) != ("applied", "unchanged"):
            sys.exit(f"{case.profile}: {report['status']}, then {again['status']}: {report}")
    figures = MEASURES[case.measure](**limits)
    if report:
        rolled_back(report["checkpoint_id"])
        if view() != before:
            sys.exit(f"{case.profile}: the host is not as before")
    told = {"changed": report["diff"], "said": report["warnings"]} if report else {"changed": [], "said": []}
    return {"way": way, "figures": figures, **told}


def main() -> None:
    """Measure the ways of a case in turn, every other round backwards: what drifts meets all alike."""
    asked = json.loads(sys.argv[1])
    case = Case(**asked["case"])
    modprobe = Path("/proc/sys/kernel/modprobe").read_text(encoding="ascii").strip()  # knows where the modules are
    subprocess.run([modprobe, "-a", "tcp_bbr", "nf_conntrack", "nf_tables", "nft_ct"], check=True)
    world.build()
    world.set_path(world.Path(rtt_ms=1, rate_mbit=NO_BOTTLENECK_MBIT, burst_ms=4))
    limits = {"carried_mbit": uplink.carried_mbit(), "lateness_ms": uplink.lateness_ms()}
    world.set_path(world.Path(**case.path))
    seconds = {"seconds": asked["seconds"]} if "seconds" in asked else {}
    runs = []
    for number in range(asked["rounds"]):
        for way in case.ways if number % 2 == 0 else reversed(case.ways):
            runs.append(measured(way, case, **seconds))
            print(json.dumps(runs[-1]), flush=True)
    print(json.dumps({"limits": limits, "runs": runs}), flush=True)


if __name__ == "__main__":
    main()

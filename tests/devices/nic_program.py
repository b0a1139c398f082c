# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on a machine with network cards: sets what they have, again, and back, and prints what came of it."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._link import kernel, subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem

CASES: dict[str, dict[str, Any]] = {
    "rings": {"rings": {"rx": "max", "tx": 512}},
    "rounded": {"rings": {"rx": 100}},
    "delay": {"coalesce": {"rx_usecs": 20}},
    "adaptive": {"coalesce": {"adaptive_rx": True}},
    "pause": {"pause": {"autoneg": False, "rx": True, "tx": False}},
    "negotiated": {"pause": {"rx": False}},
    "channels": {"channels": {"combined": "max"}},
}
LOOK = "for what in g l c a; do ethtool -$what {iface}; done 2>/dev/null"


def shell(line: str) -> str:
    """Return what a line of shell prints."""
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False).stdout


def tried(iface: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Set something, set it again, and go back; return what the reports and the tools said."""
    tools = Tools()
    intent = subsystem.intent({"nic": changes}, (iface,))
    scope = subsystem.scope(intent)
    before, start = shell(LOOK.format(iface=iface)), kernel.observe(scope, tools)
    reports = [run_subsystem(subsystem, kernel, intent, tools=tools, check=False).as_dict() for _ in range(2)]
    held = shell(LOOK.format(iface=iface))
    for lines in subsystem.render(intent):
        for line in lines:
            shell(line)
    by_hand = shell(LOOK.format(iface=iface))
    for step in subsystem.operations(kernel.observe(scope, tools), start):
        kernel.perform(step, tools)
    left = [step.command for step in subsystem.operations(kernel.observe(scope, tools), start)]
    return {
        "statuses": [one["status"] for one in reports],
        "message": (reports[0]["error"] or {}).get("message"),
        "diff": {one["key"]: one["after"] for one in reports[0]["diff"]},
        "text does the same": by_hand == held,
        "left": left,
        "as before": shell(LOOK.format(iface=iface)) == before,
    }


def main() -> None:
    """Try every case on every card."""
    found: dict[str, Any] = {}
    for device in sorted(Path("/sys/class/net").iterdir()):
        iface, driver = device.name, (device / "device" / "driver").resolve().name
        if iface == "lo":
            continue
        shell(f"ip link set {iface} up")
        time.sleep(3)  # negotiation
        for name, changes in CASES.items():
            try:
                found.setdefault(driver, {})[name] = tried(iface, changes)
            except NetoptError as error:
                found.setdefault(driver, {})[name] = {"error": error.message}
    print("ANSWER " + json.dumps(found))


if __name__ == "__main__":
    main()

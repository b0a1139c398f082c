# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints how an adjuster moves cake both ways, as JSON: for a kernel of its own that has cake."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import ifb_name
from tests.kernel.transaction_host import IFACE
from tests.kernel.uplink_lab import REFLECTOR, uplink

CAKE: dict[str, Any] = {"type": "cake", "params": {"diffserv": "besteffort"}}
SHAPED: dict[str, Any] = {"qdisc": CAKE, "shaper": {"egress_mbit": 8, "ingress_mbit": 20}}
ADAPT = {
    "reflectors": [REFLECTOR],
    "egress_min_mbit": 2,
    "egress_max_mbit": 16,
    "ingress_min_mbit": 10,
    "ingress_max_mbit": 30,
    "interval_ms": 200,
}
ADAPTING = {**SHAPED, "shaper": {**SHAPED["shaper"], "adapt": ADAPT}}


def differing(one: str, other: str) -> list[str]:
    """Return the lines that are in one of two views alone; cake's classes are flows that wait just now."""
    found = set(one.splitlines()) ^ set(other.splitlines())
    return sorted(line for line in found if not line.startswith("class cake"))


def main() -> dict[str, Any]:
    """Return what happened."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, uplink(Path(folder)) as line:
        bare = line.host.view()
        report = line.host.apply(SHAPED)
        found["applied"] = report["status"], report["error"]
        shaped = line.host.view()
        with line.adjuster(ADAPTING) as adjuster:
            with line.load(fair=True):
                line.wait_for_rate(9000, 16000)
                found["drift"] = line.host.checkpoint("verified")["drift"]
                found["again"] = line.host.apply(SHAPED)["status"]
                line.carries("4mbit")
                line.wait_for_rate(2000, 4000)
                found["slow"] = line.kbit(), line.kbit(ifb_name(IFACE))
            adjuster.send_signal(signal.SIGTERM)
            found["stopped"] = adjuster.wait(30)
        found["left"] = differing(line.host.view(), shaped)
        with line.adjuster(ADAPTING), line.load(fair=True):
            line.carries("40mbit")
            line.wait_for_rate(9000, 16000)
            line.host.checkpoint("restored", id=report["checkpoint_id"])
        found["back"] = differing(line.host.view(), bare)
        found["status"] = list(line.host.statuses().values())
    return found


if __name__ == "__main__":
    subprocess.run(["sh", "-c", "mkdir -p /run/netopt /var/lib/netopt"], check=False)
    sys.stdout.write(json.dumps(main()) + "\n")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what comes of the scripts of ``docs/coming-from.md``, for a kernel of its own that has all qdiscs.

Each is adopted; then it is run itself on an interface, and the plan is made on another. What tc shows of both is told.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from mcp_bridge.cli.main import main as netopt
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.coming_from_page import scripts
from tests.kernel.tc_namespace import IFACE, in_namespace, left, make_interface, resolved, run

QUEUES = 4
NUMBERED = (
    (re.compile(r"^(qdisc \S+) \S+ "), r"\1 "),
    (re.compile(r" (?:parent )?[0-9a-f]+:(?=[0-9a-f]+)"), " :"),
    (re.compile(r" leaf \S+|parent :(?= )| parent [0-9a-f]+:(?= )| refcnt \d+| direct_packets_stat \d+| ver \S+"), ""),
    (re.compile(r"(default) 0x"), r"\1 "),
    (re.compile(r" (?:offloaded|seed \d+)"), ""),
)


def adopted(path: Path) -> dict[str, Any]:
    """Return what ``netopt adopt`` prints of a script, and its status."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = netopt(["adopt", str(path), "--iface", IFACE])
    return {"status": status, "plan": out.getvalue(), "told": err.getvalue()}


def held(devices: list[str]) -> dict[str, list[str]]:
    """Return the qdiscs and classes of the interface, and of the device for what arrives, without their handles."""
    found = {}
    for way, device in zip(("leaving", "arriving"), devices, strict=True):
        lines = []
        for form in ("qdisc", "class"):
            done = subprocess.run(
                ["tc", "-d", form, "show", "dev", device], check=False, capture_output=True, text=True
            )
            lines += [line.strip() for line in done.stdout.splitlines() if line.startswith(form)]
        for pattern, words in NUMBERED:
            lines = [pattern.sub(words, line) for line in lines]
        kept = [line.strip() for line in lines if not re.match(r"qdisc ingress|class (?:fq_codel|cake|sfq|mq) ", line)]
        found[way] = sorted(kept)
    return found


def of_script(path: Path) -> dict[str, list[str]]:
    """Return what a script itself leaves on a new interface."""
    make_interface(QUEUES)
    text = path.read_text(encoding="utf-8")
    device = "ifb4eth0" if "ifb4eth0" in text else "ifb0"
    if device == "ifb0":
        run("ip link add ifb0 type ifb; ip link set ifb0 up")
    run(f"iptables() {{ :; }}; {text}")
    return held([IFACE, device])


def of_plan(changes: dict[str, Any]) -> dict[str, Any]:
    """Return what the plan's text leaves on a new interface, and what an apply would still do there."""
    make_interface(QUEUES)
    run(tc_subsystem.render(tc_subsystem.intent(changes, (IFACE,))))
    return {**held([IFACE, f"ifb-{IFACE}"]), "left": left(resolved(changes)[1])}


def main() -> None:
    """Print it all."""
    policy = load_policy()
    found = {}
    for name, (text, _plan, _told) in scripts().items():
        sys.stdout.write(f"{name}\n")  # who waits sees that something happens
        sys.stdout.flush()
        path = Path("/tmp", name)  # noqa: S108 - of this kernel alone
        path.write_text(text, encoding="utf-8")
        found[name] = adopted(path)
        found[name]["script"] = in_namespace(lambda path=path: of_script(path))
        plans = [validate(plan, policy).normalized_plan for plan in yaml.safe_load_all(found[name]["plan"]) if plan]
        made = [in_namespace(lambda plan=plan: of_plan(plan.changes.dump())) for plan in plans if plan]
        found[name]["made"] = made
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

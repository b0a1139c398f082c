# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One round trip: a host in a state, a plan applied and rolled back, and whether the tools read the same then.

It runs where the hosts are: in the tests' own process, or, as a program, on a virtual machine, where it reads one case
a line from standard input and answers each with a line.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.faults import hosts
from tests.faults.engine import apply, restoring
from tests.faults.hosts import Host, host

LABELS = ["netem"]
MAKERS = ("tc ", "ip ")


def roundtrip(state: str, changes: dict[str, Any], *, strict: bool = True) -> dict[str, Any]:
    """Make a host, bring it into a state, apply changes and roll them back.

    Args:
        state: a shell script.
        changes: normalised changes for ``eth0``.
        strict: whether each line of the script has to succeed. Otherwise the state is what comes of it.

    Returns:
        ``{"status": of the apply, "reason": why it was refused, "made": lines of the script that took effect,
        "refused": those that did not, "problems": what is not as it should be}``.
    """
    with host(state if strict else "") as made:
        refused = [] if strict else _fill(made, state)
        found = _there_and_back(made, changes)
    lines = [line for line in state.splitlines() if line.startswith(MAKERS)]
    return {**found, "made": len(lines) - len(refused), "refused": refused}


def _fill(made: Host, state: str) -> list[str]:
    """Run a script line by line and return the lines of tc and ip that were refused; other kernels, other options."""
    lines = state.split("\n")
    text = made.shell(
        "\n".join(
            f"{line} >/dev/null 2>&1 || echo refused {place}" if line.startswith(MAKERS) else line
            for place, line in enumerate(lines)
        )
    )
    return [lines[int(said.split()[1])] for said in text.splitlines() if said.startswith("refused ")]


def _there_and_back(made: Host, changes: dict[str, Any]) -> dict[str, Any]:
    before = made.dump()
    report = apply(made, changes, checkpoint_id="one", labels=LABELS).value
    problems = []
    if report["status"] == "applied":
        again = apply(made, changes, labels=LABELS).value
        if again["status"] != "unchanged":
            problems.append(f"the second run is {again['status']}: {again['error'] or again['diff']}")
        failed = made.run(restoring("one")).value
        problems += [f"rolling back: {message}" for message in failed]
        if made.status("one") != "rolled_back":
            problems.append(f"the checkpoint is {made.status('one')}")
    elif report["status"] not in {"unchanged", "failed"} or report["operations"]:
        problems.append(f"{report['status']}: {report['error']}")
    try:
        made.wait_until_idle()
        made.check(before)
    except AssertionError as error:
        problems.append(str(error))
    reason = (report["error"] or {}).get("message")
    return {"status": report["status"], "reason": reason, "problems": problems}


def main() -> None:
    """Answer each line of standard input, ``{"state", "changes"}``, with what came of it."""
    hosts.PATIENCE_S = 300.0  # an emulated machine takes its time
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = roundtrip(asked["state"], asked["changes"], strict=False)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            answer = {"status": "broken", "reason": None, "made": 0, "refused": [], "problems": [repr(error)]}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what ``netopt adopt`` says of commands, for a kernel of its own that has all qdiscs: see ``coverage.py``."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from mcp_bridge.adopt.plans import TREE, from_files
from mcp_bridge.adopt.sandbox import run as sandbox
from mcp_bridge.policy import Policy, load_policy

QUEUES = 4
NO_TREE = "The policy refuses the tree that it belongs to."
NO_INGRESS = "No plan says what is done to what arrives here."
_COMMAND = re.compile(r"\s*(sudo\s+)?(tc|ip|ethtool|ifconfig)\s")
_LINE_END = re.compile(r"(?<!\\)\n")


def judged(script: str, policy: Policy) -> dict[str, list[Any]]:
    """Return what is said of each command of a script: why no plan says it, or with which difference.

    A plan says a command that has an empty reason.
    """
    path = Path("/tmp/configuration.sh")  # noqa: S108 - of this kernel alone
    path.write_text(script, encoding="utf-8")
    adopted, left_out = from_files([path], policy, iface="eth0", name=None)
    fields = {field for each in adopted for field in each.plan["changes"]}
    arriving = any(_says_what_arrives(each.plan["changes"]) for each in adopted)
    found: dict[str, list[Any]] = {}
    number = 1
    for text in _LINE_END.split(script):
        numbers = range(number, number + text.count("\n") + 1)
        number = numbers.stop
        if not _COMMAND.match(text):
            continue
        said = [one for one in left_out if one.place.line in numbers]
        reasons = [one.reason for one in said if not one.said]
        if not reasons and text.split()[0] == "tc":
            reasons += [NO_TREE] if not fields & TREE else []
            reasons += [NO_INGRESS] if re.search(r" dev (\$DEV|ifb\w*) ", f"{text} ") and not arriving else []
        found[text] = [" ".join(reasons), " ".join(one.reason for one in said if one.said)]
    return found


def _says_what_arrives(changes: dict[str, Any]) -> bool:
    """Return whether a plan says what is done to what arrives."""
    by_direction = changes.get("netem", {}).get("direction") == "ingress"
    return by_direction or "ingress" in changes or "ingress_mbit" in changes.get("shaper", {})


def main() -> None:
    """Print it for each script of a file."""
    sandbox.QUEUES = QUEUES
    policy = load_policy()
    found = {}
    for name, script in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")).items():
        sys.stdout.write(f"{name}\n")  # who waits sees that something happens
        sys.stdout.flush()
        found[name] = judged(script, policy)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

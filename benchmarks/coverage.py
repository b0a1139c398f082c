# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts how much of what public configurations set a plan can say: ``python -m benchmarks.coverage [FILE]``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import validate

CONFIGURATIONS = Path(__file__).with_name("sysctl_configurations.yaml")


@dataclass(frozen=True)
class Covered:
    """How much of one configuration a plan can say.

    Attributes:
        name: what it is called.
        keys: how many keys it sets.
        refused: what is said against a plan with one of them, by key.
    """

    name: str
    keys: int
    refused: dict[str, str]


def covered(file: Path, policy: Policy) -> list[Covered]:
    """Return how much a plan can say of each configuration in a file."""
    found = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
        refused = {}
        for key, value in entry["sysctl"].items():
            result = validate({"iface": "eth0", "changes": {"sysctl": {key: value}}}, policy)
            if not result.ok:
                refused[key] = result.issues[0].message
        found.append(Covered(entry["name"], len(entry["sysctl"]), refused))
    return found


def share(found: list[Covered]) -> float:
    """Return the part of all keys that a plan can say, 0 to 1."""
    keys = sum(one.keys for one in found)
    return (keys - sum(len(one.refused) for one in found)) / keys


def main() -> int:
    """Print a line for each configuration, and the share of all."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIGURATIONS
    found = covered(file, load_policy())
    for one in found:
        print(f"{one.name:32} {one.keys - len(one.refused):3} of {one.keys:3}")
        for key, problem in one.refused.items():
            print(f"    {key}: {problem}")
    print(f"{'all':32} {100 * share(found):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())

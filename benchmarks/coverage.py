# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts how much of what public configurations set a plan can say: ``python -m benchmarks.coverage [FILE]``.

A plan says a kernel parameter, or what stands under ``others``, where a plan of it is valid under the shipped policy.
It says a command of tc, ip or ethtool where ``netopt adopt`` makes a plan of it, on a kernel with all qdiscs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mcp_bridge.policy import Policy, load_policy
from mcp_bridge.validator import validate
from tests.coming_from_page import scripts
from tests.own_kernel import ask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SYSCTLS = Path(__file__).with_name("sysctl_configurations.yaml")
NETWORK = Path(__file__).with_name("network_configurations.yaml")
LISTED, HELD_OUT = "the list", "held out"
NO_WORD = "No plan has a word for it."


@dataclass
class Covered:
    """How much of one configuration a plan can say.

    Attributes:
        name: what it is called.
        held_out: whether nothing of it was known when the plan got its words.
        settings: how many it has.
        refused: why no plan says a setting, by its words.
        differ: what a plan says otherwise, by the words of the setting.
    """

    name: str
    held_out: bool
    settings: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    differ: dict[str, str] = field(default_factory=dict)


def covered(file: Path, policy: Policy) -> list[Covered]:
    """Return how much a plan can say of each configuration of kernel parameters in a file."""
    found = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
        one = Covered(entry["name"], entry.get("held_out", False), len(entry["sysctl"]))
        for key, value in entry["sysctl"].items():
            one.refused |= _refused(key, {"sysctl": {key: value}}, policy)
        found.append(one)
    return found


def covered_others(policy: Policy) -> list[Covered]:
    """Return how much a plan can say of each configuration that has what is no command."""
    found = []
    for entry in yaml.safe_load(NETWORK.read_text(encoding="utf-8")):
        if "others" not in entry:
            continue
        one = Covered(entry["name"], held_out=True, settings=len(entry["others"]))
        for other in entry["others"]:
            one.refused |= _refused(other["words"], other.get("changes"), policy)
        found.append(one)
    return found


def covered_lines(folder: Path) -> list[Covered]:
    """Return how much ``netopt adopt`` makes of each script of ``docs/coming-from.md``, and of each list of commands.

    Args:
        folder: an empty one, which a kernel of its own shares.

    Raises:
        subprocess.CalledProcessError: there is no such kernel here.
    """
    known = {name: text for name, (text, _plan, _told) in scripts().items()}
    entries = yaml.safe_load(NETWORK.read_text(encoding="utf-8"))
    new = {entry["name"]: "".join(f"{line}\n" for line in entry["lines"]) for entry in entries if "lines" in entry}
    (folder / "scripts.json").write_text(json.dumps({**known, **new}), encoding="utf-8")
    answer: Mapping[str, Mapping[str, Any]] = ask("benchmarks.coverage_program", folder, "/mnt/scripts.json")
    return [
        Covered(
            name,
            name not in known,
            len(lines),
            {line: refused for line, (refused, _differ) in lines.items() if refused},
            {line: differ for line, (refused, differ) in lines.items() if differ and not refused},
        )
        for name, lines in answer.items()
    ]


def _refused(words: str, changes: Mapping[str, Any] | None, policy: Policy) -> dict[str, str]:
    """Return why no plan says a setting, by its words; nothing where one does."""
    if changes is None:
        return {words: NO_WORD}
    result = validate({"iface": "eth0", "changes": changes}, policy)
    return {} if result.ok else {words: result.issues[0].message}


def share(found: Iterable[Covered]) -> float:
    """Return the part of all settings that a plan can say, 0 to 1."""
    settings = [(one.settings, len(one.refused)) for one in found]
    total = sum(number for number, _refused in settings)
    return (total - sum(refused for _number, refused in settings)) / total


def figures(found: Iterable[Covered]) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield of the list and of what is held out: percent said, settings, configurations, and those said otherwise."""
    by_group: dict[str, list[Covered]] = {}
    for one in found:
        by_group.setdefault(HELD_OUT if one.held_out else LISTED, []).append(one)
    for group, some in by_group.items():
        settings, differ = sum(one.settings for one in some), sum(len(one.differ) for one in some)
        yield group, f"{100 * share(some):.1f}", settings, len(some), differ


def _show(what: str, found: list[Covered]) -> None:
    """Print a line for each configuration, what no plan says of it, and the shares."""
    print(f"# {what}")
    for one in found:
        print(f"{one.name:38} {one.settings - len(one.refused):3} of {one.settings:3}")
        for words, problem in one.refused.items():
            print(f"    {words.strip()}: {problem}")
    for group, percent, settings, configurations, differ in figures(found):
        but = f", {differ} of them with a difference that is told" if differ else ""
        print(f"{what}, {group}: {percent} % of {settings} settings in {configurations} configurations{but}")
    print()


def main() -> int:
    """Print all of it; of a file of kernel parameters that is named, that alone."""
    policy = load_policy()
    if len(sys.argv) > 1:
        _show("Kernel parameters", covered(Path(sys.argv[1]), policy))
        return 0
    _show("Kernel parameters", covered(SYSCTLS, policy))
    with tempfile.TemporaryDirectory(prefix="netopt-coverage-") as name:
        lines = covered_lines(Path(name))
    _show("All else", joined([*lines, *covered_others(policy)]))
    return 0


def joined(found: Iterable[Covered]) -> list[Covered]:
    """Return the parts of each configuration together."""
    by_name: dict[str, Covered] = {}
    for one in found:
        whole = by_name.setdefault(one.name, Covered(one.name, one.held_out))
        whole.settings += one.settings
        whole.refused |= one.refused
        whole.differ |= one.differ
    return list(by_name.values())


if __name__ == "__main__":
    sys.exit(main())

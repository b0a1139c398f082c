# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cases of the kernel's own tests of tc, as states that a host may be in.

Of a case only what makes a state is taken: its setup and the command that it is about. What it expects of them does not
matter here: the state is what comes of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from string import Template

SIMULATED = re.compile(r'echo "1 1 ?(\d*)" > /sys/bus/netdevsim/new_device')
SUITE = Path(__file__).parents[2] / ".cache" / "tc-testing" / "tc-testing"
LEFT_OUT = {  # by id, with the reason
    "831f": "a schedule of taprio that begins anew every 100 ns leaves user-mode Linux no time for anything else",
}
NAMES = {
    "TC": "tc",
    "IP": "ip",
    "ETHTOOL": "ethtool",
    "DEV0": "v0p0",
    "DEV1": "v0p1",
    "DEV2": "",
    "DUMMY": "dummy1",
    "IFB": "ifbtdc0",
    "ETH": "eth0",
    "BATCH_FILE": "/run/batch.txt",
    "BATCH_DIR": "/run/batches",
    "EBPFDIR": "./",
}


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes:
        id: as the suite has it.
        name: what it is about.
        setup: the commands of its setup.
        command: the one that it is about; empty where it has none.
        queues: how many queues ``eth0`` has; 0 where the case does without that device.
    """

    id: str
    name: str
    setup: tuple[str, ...]
    command: str = ""
    queues: int = 0


def read(files: Iterable[Path]) -> list[Case]:
    """Return the cases in files of the suite, as they are ordered there."""
    return [_case(found) for file in sorted(files) for found in json.loads(file.read_text(encoding="utf-8"))]


def suite() -> list[Case]:
    """Return all cases of the suite but those that are left out."""
    return [case for case in read(SUITE.glob("tc-tests/**/*.json")) if case.id not in LEFT_OUT]


def _case(found: dict[str, object]) -> Case:
    """Return a case of the suite's; where it asks for a simulated device, there is one with as many queues."""
    steps = found["setup"]
    assert isinstance(steps, list)
    commands = [str(step[0] if isinstance(step, list) else step) for step in steps if step]
    simulated = [match for command in commands if (match := SIMULATED.search(command))]
    return Case(
        id=str(found["id"]),
        name=str(found["name"]),
        setup=tuple(_filled(command) for command in commands if "/sys/bus/netdevsim" not in command),
        command=_filled(str(found["cmdUnderTest"])),
        queues=max((int(match[1] or 1) for match in simulated), default=0),
    )


def _filled(command: str) -> str:
    return Template(command).safe_substitute(NAMES)

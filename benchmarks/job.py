# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The job that every peer does: one plan, rendered, and the files that it leaves on a host."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
SYSCTL_FILE = "/etc/sysctl.d/90-tuning.conf"
RULES_FILE = "/etc/nftables-tuning.conf"
LEAVES = (SYSCTL_FILE, RULES_FILE)  # what a peer writes on a host


@dataclass(frozen=True)
class Job:
    """The plan as every peer needs it.

    Attributes:
        plan: the plan's file.
        rendered: what ``netopt render --json`` says of it.
        folder: for the files of the peers.
    """

    plan: Path
    rendered: dict[str, Any]
    folder: Path

    @property
    def iface(self) -> str:
        """The interface that the plan is for."""
        return str(self.rendered["plan"]["iface"])

    @property
    def sysctl(self) -> dict[str, str]:
        """The keys and values that the plan sets."""
        pairs = (shlex.split(command)[-1].partition("=") for command in self.rendered["sysctl_cmds"])
        return {key: value for key, _, value in pairs}

    @property
    def commands(self) -> list[str]:
        """The lines that are commands by themselves; a person's playbook has no use for the script's ``if`` lines."""
        lines = [*self.rendered["ip_link_cmds"], *self.rendered["ethtool_cmds"]]
        return [*lines, *(line for line in self.rendered["tc_script"].splitlines() if line.startswith(("tc ", "ip ")))]

    @property
    def rules(self) -> str:
        """The nftables rules as ``nft -f`` reads them, out of the script's here-document."""
        return "".join(f"{line}\n" for line in self.rendered["nft_script"].splitlines()[1:-1])

    @property
    def ansible_home(self) -> Path:
        """Where the collection remembers which hosts have its program; empty when a cold run begins."""
        return self.folder / "home"

    @property
    def script(self) -> str:
        """Everything as one shell script."""
        parts = [*self.rendered["sysctl_cmds"], *self.rendered["ip_link_cmds"], *self.rendered["ethtool_cmds"]]
        return "\n".join(["set -eu", *parts, self.rendered["tc_script"] + self.rendered["nft_script"]])


def read_job(plan: Path, folder: Path) -> Job:
    """Have the plan rendered and return the job it is; ends the program when netopt refuses the plan."""
    argv = [str(BIN / "netopt"), "render", str(plan), "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(argv)}: {done.stderr or done.stdout}")
    return Job(plan.resolve(), json.loads(done.stdout), folder)

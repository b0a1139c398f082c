# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab host's kernel says of itself, through tools that this project did not write.

Reads over plain ssh, past the bridge and the collection, so that a proof does not rest on the code it is about.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from pathlib import Path

from mcp_bridge.errors import LabError

TIMEOUT_S = 60
VIEW = (
    "sysctl -a --pattern '^net[.]'",
    "tc -d qdisc show",
    "tc -d class show dev {iface}",
    "tc -d filter show dev {iface}",
    "tc -d filter show dev {iface} parent ffff:",
    "nft -s list ruleset",
    "ethtool -k {iface}",
    "ethtool -g {iface}",
    "ethtool -l {iface}",
    "ethtool -c {iface}",
    "ethtool -a {iface}",
    "grep . /sys/class/net/{iface}/queues/*/[rx]ps_*",
    "ip -d link show",
    "ip address show",
    "ip route show table all",
    "ip -6 route show table all",
)
# Figures that move by themselves, on a host that nobody touches.
MOVING = (
    re.compile(r"^net\.netfilter\.nf_conntrack_count.*\n", re.MULTILINE),
    re.compile(r"^net\.ipv4\.tcp_(available|allowed)_congestion_control.*\n", re.MULTILINE),
    re.compile(r"^net\.[a-z0-9_.]*(?:stable_secret|tcp_fastopen_key).*\n", re.MULTILINE),
    re.compile(r" (?:expires|valid_lft|preferred_lft) \d+sec"),
    re.compile(r" direct_packets_stat \d+"),
)


@dataclass(frozen=True)
class Host:
    """One host of an inventory: its name and the ssh command that reaches it (argv, to be followed by a command)."""

    name: str
    ssh: tuple[str, ...]

    def run(self, *command: str) -> str:
        """Run one command on the host and return its standard output; raises LabError when it fails."""
        argv = [*self.ssh, shlex.join(command)]
        done = subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
        if done.returncode != 0:
            raise LabError(f"{self.name}: {shlex.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def connect(inventory: Path) -> list[Host]:
    """Return the hosts of a lab's inventory file, by name."""
    hosts = yaml.safe_load(inventory.read_text(encoding="utf-8"))["all"]["hosts"]
    return [Host(name, _ssh(variables)) for name, variables in sorted(hosts.items())]


def _ssh(variables: dict[str, object]) -> tuple[str, ...]:
    """Return the ssh argv for a host's inventory variables."""
    arguments = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR"]
    arguments += ["-i", str(variables["ansible_ssh_private_key_file"])]
    arguments += ["-p", str(variables.get("ansible_port", 22))]
    arguments += shlex.split(str(variables.get("ansible_ssh_common_args", "")))
    arguments += shlex.split(str(variables.get("ansible_ssh_extra_args", "")))
    return (*arguments, f"{variables.get('ansible_user', 'root')}@{variables['ansible_host']}")


def kernel_view(host: Host, *, iface: str = "eth0") -> dict[str, str]:
    """Return what each tool prints on the host, by command, without the figures that move by themselves."""
    marker = "netopt-view-next"
    commands = [command.format(iface=iface) for command in VIEW]
    script = f"; echo {marker}; ".join(f"{command} 2>/dev/null" for command in commands)
    parts = host.run("bash", "-c", script + "; true").split(marker + "\n")
    return {command: _still(text) for command, text in zip(commands, parts, strict=True)}


def _still(text: str) -> str:
    """Drop what moves by itself."""
    for pattern in MOVING:
        text = pattern.sub("", text)
    return text

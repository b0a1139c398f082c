# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netopt of this checkout on a controller that has nothing of this machine, and two hosts.

The controller has mounts, a name and processes of its own: the checkout is at ``/srv/netopt`` and all that netopt keeps
is below ``/srv``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import yaml

from mcp_bridge.lab.state import Lab
from tests.compat.hosts import HERE, PLANS, Host

TOP = HERE.parents[1]
PYTHON = Path(sys.prefix) / "bin/python"
NAMES = ("web1", "web2")
PLACE = "/srv/netopt"
CONTROLLER = f"""
mount --bind "$1" /srv
mkdir -p {PLACE} /srv/home
mount --bind "$2" {PLACE}
hostname admin1
cd {PLACE}
shift 2
exec "$@"
"""
SPACES = ("--mount", "--propagation", "private", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
SECONDS_MAX = 120


class Release:
    """The code that this program stands beside, as netopt on a controller of its own, and its two hosts.

    Args:
        lab: the hosts.
        folder: what the controller has at ``/srv``.
    """

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.hosts = {name: Host(lab, host.name) for name, host in zip(NAMES, lab.hosts, strict=True)}

    @property
    def state(self) -> Path:
        """The controller's state folder."""
        return self.folder / "state"

    @staticmethod
    def path(file: Path) -> str:
        """Return where the controller has a file of this checkout."""
        return f"{PLACE}/{file.relative_to(TOP)}"

    def inventory(self, **others: int) -> None:
        """Write the inventory down, with another port for some hosts."""
        found = yaml.safe_load(self.lab.inventory.read_text(encoding="utf-8"))["all"]["hosts"]
        named = {name: found[host.name] for name, host in self.hosts.items()}
        for name, port in others.items():
            named[name]["ansible_port"] = port
        text = yaml.safe_dump({"all": {"hosts": named}})
        (self.folder / "inventory.yml").write_text(text, encoding="utf-8")

    def start(self, *words: str, **variables: str) -> subprocess.Popen[str]:
        """Start a ``netopt`` command on the controller; when it is killed, so is all that it has started.

        Args:
            words: the command's.
            variables: of its environment.
        """
        environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/srv/home",
            "LANG": "C.UTF-8",
            "NETOPT_STATE_DIR": "/srv/state",
            "NETOPT_INVENTORY": "/srv/inventory.yml",
            # restore.pyz then holds the sources alone, without what one Python makes of them
            "ANSIBLE_PIPELINING": "False",
            "PYTHONDONTWRITEBYTECODE": "1",
            **variables,
        }
        inside = ["sh", "-euc", CONTROLLER, "sh", str(self.folder), str(TOP), f"{PLACE}/{PYTHON.relative_to(TOP)}"]
        return subprocess.Popen(
            ["unshare", *SPACES, *inside, "-m", "mcp_bridge", *words],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def netopt(self, *words: str, status: int = 0) -> str:
        """Run a ``netopt`` command to its end and return what it printed."""
        process = self.start(*words)
        text, said = process.communicate(timeout=SECONDS_MAX)
        if process.returncode != status:
            raise SystemExit(f"netopt {' '.join(words)}: exit status {process.returncode}:\n{text}{said}")
        return text

    def apply(self, plan: str, *words: str, status: int = 0) -> str:
        """Apply a plan of this folder and return its run's id."""
        asked = (self.path(PLANS / f"{plan}.json"), "--json", "--label", plan, *words)
        return str(json.loads(self.netopt("apply", *asked, status=status))["run_id"])

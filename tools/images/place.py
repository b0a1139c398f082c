# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab hosts of this run, and the files by which a container reaches them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.kernel_view import Host, connect, kernel_view
from mcp_bridge.lab.namespaces import NETNS_DIRECTORY
from mcp_bridge.lab.state import Lab

KEY = "net.ipv4.tcp_fin_timeout"
HOSTS = 3


@dataclass(frozen=True)
class Place:
    """Lab hosts, and a folder for what containers are given."""

    lab: Lab
    hosts: list[Host]
    scratch: Path

    @property
    def name(self) -> str:
        """What everything of this run is called by."""
        return f"netopt-{self.lab.name}"

    @property
    def network(self) -> Path:
        """The network namespace from which the hosts are reached."""
        return NETNS_DIRECTORY / self.lab.lan

    def timeouts(self) -> list[str]:
        """Return what each host says of the key that the plans set."""
        return [host.run("sysctl", "-n", KEY).strip() for host in self.hosts]

    def views(self) -> dict[str, dict[str, str]]:
        """Return what the tools print on each host."""
        return {host.name: kernel_view(host) for host in self.hosts}

    def inventory(self, folder: str) -> str:
        """Return an inventory for a container that sees the key and the known hosts in a folder."""
        common = {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_private_key_file": f"{folder}/ssh_key",
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={folder}/known_hosts -o StrictHostKeyChecking=yes",
        }
        hosts = {host.name: {"ansible_host": host.address} for host in self.lab.hosts}
        return yaml.safe_dump({"all": {"vars": common, "hosts": hosts}})

    def folder(self, name: str, *, group: int = 0, **texts: str) -> Path:
        """Return a new folder with the key, the known hosts and further files, for root and a group alone.

        Args:
            name: of the folder.
            group: who may read it beside root; nobody where it is 0.
            texts: what is in each file, by its name up to the ``.yml``.
        """
        made = self.scratch / name
        made.mkdir()
        shutil.copy(self.lab.key, made / "ssh_key")
        shutil.copy(self.lab.known_hosts, made / "known_hosts")
        for file, text in texts.items():
            (made / f"{file}.yml").write_text(text, encoding="utf-8")
        for path in (made, *made.iterdir()):
            os.chown(path, 0, group)
            path.chmod((0o750 if path.is_dir() else 0o640) if group else (0o700 if path.is_dir() else 0o600))
        return made


def plan(value: int) -> dict[str, Any]:
    """Return a plan that sets the key to a value, and shapes."""
    return {"iface": "eth0", "changes": {"sysctl": {KEY: value}, "shaper": {"egress_mbit": 700}}}


@contextmanager
def fresh(scratch: Path) -> Iterator[Place]:
    """Hosts that nobody has touched."""
    name = f"images-{os.getpid()}"
    try:
        lab = lifecycle.up(name, hosts=HOSTS)
        hosts = connect(lab.inventory)
        for host in hosts:
            while host.run("ip", "-6", "address", "show", "tentative").strip():  # it looks for duplicates for a second
                time.sleep(0.2)
        yield Place(lab, hosts, scratch)
    finally:
        lifecycle.down(name)

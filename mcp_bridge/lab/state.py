# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab is: its name, its hosts, and the folder where all of it is written down."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcp_bridge.errors import LabError

PREFIX = "netopt-lab-"
DEFAULT_NAME = "default"
KERNELS = ("namespace", "vm")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?")


@dataclass(frozen=True)
class LabHost:
    """One host of a lab.

    Attributes:
        name: its inventory name and its hostname.
        address: where ssh finds it, as seen from inside the lab.
        port: the port of its sshd.
        ipv6: its IPv6 address; empty where it has none.
    """

    name: str
    address: str
    port: int = 22
    ipv6: str = ""


@dataclass(frozen=True)
class Lab:
    """A lab as written down in ``lab.json``.

    Attributes:
        name: the lab's own name.
        kernel: ``namespace`` (this machine's kernel) or ``vm`` (a distribution's stock kernel).
        hosts: its hosts, in order.
        directory: the folder with all of its files.
        ready: false until every host answered on its ssh port.
        release: whose tools the hosts have, and VMs its kernel too; empty for this machine's own.
    """

    name: str
    kernel: str
    hosts: tuple[LabHost, ...]
    directory: Path
    ready: bool = False
    release: str = ""

    @property
    def inventory(self) -> Path:
        """The Ansible inventory of the lab."""
        return self.directory / "inventory.yml"

    @property
    def ssh_config(self) -> Path:
        """What ``ssh -F`` needs to reach the hosts by name or address."""
        return self.directory / "ssh_config"

    @property
    def key(self) -> Path:
        """The private key that the hosts accept."""
        return self.directory / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The host keys, known before the first connection."""
        return self.directory / "known_hosts"

    @property
    def lan(self) -> str:
        """The network namespace that holds the lab's bridge, and from which the controller connects."""
        return f"{PREFIX}{self.name}-lan"

    def host_directory(self, host: LabHost) -> Path:
        """Return the folder with a host's keys, pid and console log."""
        return self.directory / "hosts" / host.name

    def host(self, name: str) -> LabHost:
        """Return the host of that name, or of that number.

        Raises:
            LabError: there is none; lists those there are.
        """
        for number, host in enumerate(self.hosts, start=1):
            if name in (host.name, str(number)):
                return host
        names = ", ".join(host.name for host in self.hosts)
        raise LabError(f"Lab {self.name} has no host {name}", hint=f"It has: {names}.")

    def save(self) -> None:
        """Write ``lab.json``, whole or not at all."""
        fields = {key: value for key, value in asdict(self).items() if key != "directory"}
        write_private(self.directory / "lab.json", json.dumps(fields, indent=2) + "\n")


def state_home() -> Path:
    """Return the folder under which every lab of this user lies."""
    home = os.environ.get("XDG_STATE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".local" / "state"
    return base / "netopt" / "lab"


def directory_of(name: str) -> Path:
    """Return the folder of the lab with that name, which need not exist.

    Raises:
        LabError: not a usable name.
    """
    if not _NAME.fullmatch(name):
        raise LabError(
            f"Not a usable name for a lab: {name!r}",
            hint="Use up to 24 lower-case letters, digits and inner hyphens.",
        )
    return state_home() / name


def names() -> list[str]:
    """Return the names of all labs that left a folder, complete or not."""
    home = state_home()
    return sorted(path.name for path in home.iterdir() if _NAME.fullmatch(path.name)) if home.is_dir() else []


def load(name: str) -> Lab:
    """Read a lab that is up, or was begun.

    Raises:
        LabError: there is no such lab, or its file is not readable.
    """
    directory = directory_of(name)
    path = directory / "lab.json"
    try:
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        hosts = tuple(LabHost(**host) for host in raw.pop("hosts"))
        return Lab(hosts=hosts, directory=directory, **raw)
    except FileNotFoundError:
        raise LabError(f"No lab named {name} is up", hint=f"Start it: netopt lab up --name {name}") from None
    except (ValueError, TypeError, KeyError) as error:
        raise LabError(f"{path} is damaged: {error}", hint=f"Remove it: netopt lab down --name {name}") from error


def write_private(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file of the lab in one step, readable by its owner alone unless ``mode`` says otherwise."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.chmod(mode)
    partial.replace(path)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files through which others reach a lab: Ansible inventory, ssh configuration, known hosts."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from .requirements import tool
from .state import write_private

if TYPE_CHECKING:
    from .state import Lab, LabHost

CONNECT_S = 10
LABELS = ("netem",)  # what a lab is for: netem may run on every one of its hosts


class _Plain(yaml.SafeDumper):
    """Writes equal values out in full, without anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        """Never refer back."""
        return True


def interpreter() -> str:
    """Return the Python that runs modules on namespace hosts: the distribution's, else the one running now."""
    system = Path("/usr/bin/python3")
    return str(system if system.exists() else Path(sys.executable).resolve())


def write(lab: Lab, host_keys: dict[str, str]) -> None:
    """Write all three files into the lab's folder.

    Args:
        lab: the lab.
        host_keys: host name -> its public key as ``TYPE BASE64``.
    """
    lines = [f"{host.name},{_known_as(host)} {host_keys[host.name]}" for host in lab.hosts]
    write_private(lab.known_hosts, "\n".join(lines) + "\n")
    write_private(lab.ssh_config, ssh_config(lab))
    write_private(lab.inventory, yaml.dump(inventory(lab), Dumper=_Plain, sort_keys=False))


def _known_as(host: LabHost) -> str:
    return host.address if host.port == 22 else f"[{host.address}]:{host.port}"


def inventory(lab: Lab) -> dict[str, object]:
    """Return the Ansible inventory: one group, every host with all that a connection to it takes."""
    own = lab.kernel == "namespace" and not lab.release
    common = {
        "ansible_connection": "ssh",
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.key),
        "ansible_ssh_common_args": f"-F {shlex.quote(str(lab.ssh_config))}",
        "ansible_python_interpreter": interpreter() if own else "/usr/bin/python3",
        "netopt_labels": list(LABELS),
    }
    hosts = {host.name: {"ansible_host": host.address, "ansible_port": host.port, **common} for host in lab.hosts}
    return {"all": {"hosts": hosts}}


def ssh_config(lab: Lab) -> str:
    """Return the ssh client configuration: strict host keys, the lab's key alone, and the way into the lab."""
    blocks = [f"Host {host.name}\n  HostName {host.address}\n  Port {host.port}\n" for host in lab.hosts]
    lines = [
        "Host *",
        "  User root",
        f"  IdentityFile {_quoted(lab.key)}",
        "  IdentitiesOnly yes",
        f"  UserKnownHostsFile {_quoted(lab.known_hosts)}",
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  UpdateHostKeys no",
        "  PasswordAuthentication no",
    ]
    if lab.kernel == "namespace":
        # Connects inside the lab's namespace, hands the socket to ssh, and ends: nothing is relayed.
        command = [tool("nsenter"), f"--net=/run/netns/{lab.lan}", tool("nc.openbsd"), "-nF", f"-w{CONNECT_S}"]
        lines += [f"  ProxyCommand {_escaped(shlex.join(command))} %h %p", "  ProxyUseFdpass yes"]
    return "".join(blocks) + "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    """Return a path for ssh_config(5): in quotes, with its percent signs doubled."""
    return f'"{_escaped(str(path))}"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")

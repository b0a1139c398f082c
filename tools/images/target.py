# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container as a host: with an sshd of its own, the capability to set its network, and no more."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from mcp_bridge.lab.keys import make_key, public_key
from mcp_bridge.lab.network import BRIDGE
from tools.images.engine import PREFIX, build_options, container, expect, run, until
from tools.images.place import KEY, Place, plan
from tools.images.table import Table

IMAGE = f"{PREFIX}target"
CONTAINERFILE = """\
ARG BASE_IMAGE
FROM ${BASE_IMAGE}
RUN apt-get update \\
  && apt-get install -y --no-install-recommends ethtool iproute2 kmod nftables openssh-server procps \\
  && mkdir -p /run/sshd
ENTRYPOINT ["/usr/sbin/sshd", "-D", "-e", "-h", "/keys/host_key", "-o", "AuthorizedKeysFile=/keys/authorized_keys"]
"""
VIEW = f"sysctl -n {KEY}; tc -d qdisc show; tc -d class show dev eth0; nft list ruleset; ip -d link show dev eth0"
NUMBER = 200  # the last part of its address
PORT = "port-target"
CHECKPOINT = "images"


@dataclass(frozen=True)
class Target:
    """The container, on the bridge of the lab's hosts."""

    place: Place

    @property
    def name(self) -> str:
        """The container's."""
        return f"{self.place.name}-target"

    @property
    def address(self) -> str:
        """Its address on the lab's network."""
        return f"{self.place.lab.hosts[0].address.rpartition('.')[0]}.{NUMBER}"

    def keys(self) -> str:
        """Make the folder that is mounted at /keys, with what a client needs beside, and return its path."""
        folder = self.place.folder("target")
        host_key = make_key(folder / "host_key", comment=self.name)
        (folder / "authorized_keys").write_text(f"{public_key(self.place.lab.key)}\n", encoding="utf-8")
        (folder / "known_hosts").write_text(f"{self.address} {host_key}\n", encoding="utf-8")
        return str(folder)

    def join(self) -> None:
        """Give the container an eth0 on the lab's bridge."""
        lan = ["ip", "-n", self.place.lab.lan]
        pid = run("podman", "inspect", "--format={{.State.Pid}}", self.name).strip()
        run(*lan, "link", "add", PORT, "type", "veth", "peer", "name", "eth0", "netns", pid)
        run(*lan, "link", "set", PORT, "master", BRIDGE, "up")
        inside = ["nsenter", f"--net=/proc/{pid}/ns/net", "ip"]
        for words in (["link", "set", "lo", "up"], ["address", "add", f"{self.address}/24", "dev", "eth0"]):
            run(*inside, *words)
        run(*inside, "link", "set", "eth0", "up")
        until(lambda: "tentative" not in run(*inside, "address"), 30, "no address is tentative")

    def view(self) -> str:
        """Return what the tools print in the container."""
        return run("podman", "exec", self.name, "sh", "-c", VIEW)

    def play(self, playbook: str, folder: str, **variables: object) -> str:
        """Run a playbook from here, in the lab's network."""
        common = f"-o UserKnownHostsFile={folder}/known_hosts"
        reaching = {
            "ansible_user": "root",
            "ansible_ssh_private_key_file": f"{folder}/ssh_key",
            "ansible_ssh_common_args": common,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        words = ["nsenter", f"--net={self.place.network}", sys.executable, "-m", "ansible", "playbook"]
        words += [f"netopt.linux.{playbook}", "-i", f"{self.address},", "-e", json.dumps({**reaching, **variables})]
        return run(*words)


def try_out(table: Table, place: Place, base: str) -> None:
    """Add the rows of a container as a host to a table."""
    target = Target(place)
    folder = target.keys()
    try:
        with table.step("target: a container with an sshd takes the plan, finds it unchanged, and is led back"):
            file = place.scratch / "Containerfile"
            file.write_text(CONTAINERFILE, encoding="utf-8")
            arguments = [f"--build-arg=BASE_IMAGE={base}", f"--file={file}", f"--tag={IMAGE}"]
            run("podman", "build", *build_options(), *arguments, str(place.scratch))
            writable = "--security-opt=unmask=/proc/sys"  # sysctl writes there
            with container(
                target.name, "--network=none", "--cap-add=NET_ADMIN", writable, f"--volume={folder}:/keys:ro", IMAGE
            ):
                target.join()
                before = target.view()
                expect(
                    "changed=1 " in target.play("apply", folder, netopt_plan=plan(24), netopt_checkpoint_id=CHECKPOINT),
                    "it changed nothing",
                )
                expect(target.view() != before, "nothing is changed")
                expect("changed=0 " in target.play("apply", folder, netopt_plan=plan(24)), "it changed something again")
                target.play("rollback", folder, netopt_checkpoint_id=CHECKPOINT)
                expect(target.view() == before, f"it is not as before:\n{before}\nand now:\n{target.view()}")
    finally:
        subprocess.run(["podman", "rmi", "--force", IMAGE], check=False, capture_output=True)

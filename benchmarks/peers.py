# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is compared: each peer's command, its environment, and the files it runs from, written out of one plan."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import software
import yaml
from job import BIN, RULES_FILE, SYSCTL_FILE, Job

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fleet import Fleet

HERE = Path(__file__).resolve().parent
FORKS = "50"

CONFIG = """\
[defaults]
forks = {forks}
gathering = explicit
host_key_checking = true
collections_path = {collections}
deprecation_warnings = false
timeout = 60

[ssh_connection]
pipelining = true
"""


@dataclass(frozen=True)
class Peer:
    """One way of doing the job.

    Attributes:
        name: as ``--peers`` takes it.
        title: as the table has it.
        argv: the command that does the whole job on all hosts.
        environment: in which it runs.
        sockets: the folder of its ssh masters.
        slow: it takes a second or more for each host, and runs fewer rounds on a large fleet.
    """

    name: str
    title: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    sockets: Path
    slow: bool = False


def netopt(job: Job, fleet: Fleet) -> Peer:
    """Return ours: one command, checkpoint, rehearsal, guard, read-back and confirmation included."""
    argv = (str(BIN / "netopt"), "apply", str(job.plan), "-i", str(fleet.lab.inventory), "--json")
    state = str(job.folder / "state")  # the user's audit log and kept runs are not for this
    environment, sockets = _environment(
        "netopt", job, NETOPT_FORKS=FORKS, NETOPT_STATE_DIR=state, ANSIBLE_HOME=str(job.ansible_home)
    )
    return Peer("netopt", "`netopt apply`", argv, environment, sockets)


def playbook(job: Job, fleet: Fleet) -> Peer:
    """Return the playbook that people write: modules where there are some, a loop over commands where not."""
    environment, sockets = _environment("playbook", job)
    return Peer("playbook", "hand-written playbook", _handwritten(job, fleet), environment, sockets, slow=True)


def mitogen(job: Job, fleet: Fleet) -> Peer:
    """Return the same playbook with Mitogen's strategy."""
    strategy = {"ANSIBLE_STRATEGY_PLUGINS": str(software.mitogen_strategies()), "ANSIBLE_STRATEGY": "mitogen_linear"}
    environment, sockets = _environment("mitogen", job, **strategy)
    return Peer("mitogen", "the same with Mitogen", _handwritten(job, fleet), environment, sockets, slow=True)


def shell(job: Job, fleet: Fleet) -> Peer:
    """Return a playbook whose only task runs the whole script in one shell."""
    task = {
        "name": "Run the script",
        "ansible.builtin.shell": {
            "cmd": "{{ lookup('ansible.builtin.file', '" + str(_script(job)) + "') }}",
            "executable": "/bin/bash",
        },
    }
    environment, sockets = _environment("shell", job)
    return Peer("shell", "one `shell` task", _play(job, fleet, "shell", [task]), environment, sockets)


def ssh(job: Job, fleet: Fleet) -> Peer:
    """Return the same script through plain ssh, to all hosts at once."""
    driver = (sys.executable, "-I", str(HERE / "parallel_ssh.py"), str(fleet.lab.ssh_config), str(_script(job)), FORKS)
    environment, sockets = _environment("ssh", job)
    return Peer("ssh", "plain parallel ssh", (*driver, *fleet.names), environment, sockets)


def opener(fleet: Fleet) -> tuple[str, ...]:
    """Return the command that opens an ssh master to every host, as Ansible keeps them for a minute."""
    return (str(BIN / "ansible"), "all", "-i", str(fleet.lab.inventory), "-m", "raw", "-a", "true")


PEERS: Mapping[str, Callable[[Job, Fleet], Peer]] = {
    "playbook": playbook,
    "mitogen": mitogen,
    "shell": shell,
    "ssh": ssh,
}


def disconnect(peer: Peer) -> None:
    """End the ssh masters that a peer's last run left."""
    for socket in peer.sockets.iterdir():
        argv = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "any"]
        subprocess.run(argv, check=False, capture_output=True)


def _environment(name: str, job: Job, **more: str) -> tuple[dict[str, str], Path]:
    """Return what a peer runs in, the same for all but for ``more``, and the folder of its ssh masters."""
    sockets = job.folder / f"cp-{name}"
    sockets.mkdir(mode=0o700, exist_ok=True)
    config = job.folder / "ansible.cfg"
    config.write_text(CONFIG.format(forks=FORKS, collections=software.CACHE / "collections"), encoding="utf-8")
    base = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "NETOPT_"))}
    base.pop("PYTHONDONTWRITEBYTECODE", None)  # a start would compile all that it imports, whoever starts
    # hosts of a lab are behind a ProxyCommand, which ssh has this shell run; bash may read ~/.bashrc each time
    base["SHELL"] = "/bin/sh"
    own = {"ANSIBLE_CONFIG": str(config), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(sockets)}
    return {**base, **own, **more}, sockets


def _script(job: Job) -> Path:
    path = job.folder / "commands.sh"
    path.write_text(job.script, encoding="utf-8")
    return path


def _handwritten(job: Job, fleet: Fleet) -> tuple[str, ...]:
    """Write the playbook out of the plan and return the command that runs it."""
    software.collections()
    template = job.folder / "tuning.nft.j2"
    template.write_text(job.rules, encoding="utf-8")
    tasks: list[dict[str, Any]] = []
    if job.sysctl:
        options = {"name": "{{ item.key }}", "value": "{{ item.value }}", "state": "present"}
        options |= {"sysctl_set": True, "reload": False, "sysctl_file": SYSCTL_FILE}
        pairs = [{"key": key, "value": value} for key, value in job.sysctl.items()]
        tasks.append({"name": "Set the kernel's parameters", "ansible.posix.sysctl": options, "loop": pairs})
    if job.commands:
        command = {"cmd": "{{ item }}"}
        tasks.append({"name": "Shape the traffic", "ansible.builtin.command": command, "loop": job.commands})
    if job.rules:
        copied = {"src": str(template), "dest": RULES_FILE, "mode": "0644"}
        tasks.append({"name": "Write the rules", "ansible.builtin.template": copied})
        tasks.append({"name": "Load the rules", "ansible.builtin.command": {"cmd": f"nft -f {RULES_FILE}"}})
    return _play(job, fleet, "handwritten", tasks)


def _play(job: Job, fleet: Fleet, name: str, tasks: list[dict[str, Any]]) -> tuple[str, ...]:
    path = job.folder / f"{name}.yml"
    play = {"name": "Tune the network", "hosts": "all", "gather_facts": False, "tasks": tasks}
    path.write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    return (str(BIN / "ansible-playbook"), "-i", str(fleet.lab.inventory), str(path))

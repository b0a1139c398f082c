# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every playbook of the collection by way of what platforms run playbooks with, to the same end each time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import ROOT, TIMEOUT_S, ready

pytestmark = pytest.mark.lab

KEY, NEW = "net.ipv4.tcp_fin_timeout", "35"
BIN = Path(sys.executable).parent
PLAYBOOKS = ROOT / "ansible_collections" / "netopt" / "linux" / "playbooks"
PART_OF_ANOTHER = {"apply_at_once", "rollout", "summary"}  # playbooks that another one imports
VARIABLES: dict[str, Any] = {
    "netopt_plan": {"iface": "eth0", "changes": {"sysctl": {KEY: int(NEW)}}},
    "netopt_confirm": "manual",
    "netopt_confirm_timeout_s": 300,
    "netopt_query": "hostname_ips",
    "netopt_ping": ["127.0.0.1"],
    "netopt_duration_s": 1,
    "netopt_fail_on_drift": True,
    "netopt_remove": "nobody",
}
# What comes after the first apply, each with the task that tells of the host and what that says.
REST = {
    "extend": ("Move the time", "changed"),
    "confirm": ("Keep the change", "changed"),
    "verify": ("Compare", "ok"),
    "apply": ("netopt.linux.optimize : Apply the plan", "ok"),
    "info": ("Read the facts", "ok"),
    "query": ("Ask the hosts", "ok"),
    "measure": ("Measure", "ok"),
    "checkpoints": ("List the checkpoints", "ok"),
    "plans": ("List the plans", "ok"),
    "remove": ("Take the plans away", "ok"),
    "rollback": ("Restore the checkpoint", "changed"),
    "accept": ("Accept what is left of the change", "ok"),
    "delete_checkpoint": ("Remove the checkpoint", "changed"),
    "snapshot": ("Write the state down", "changed"),
}


@dataclass(frozen=True)
class Place:
    """A run's folder, and whose playbooks run there on which host."""

    folder: Path
    inventory: str
    host: str
    variables: dict[str, Any]

    def private_data_dir(self) -> Path:
        """Return a folder as ansible-runner takes it."""
        for name, text in {
            "env/extravars": json.dumps(self.variables),
            "env/settings": json.dumps({"pexpect_timeout": 1}),
            "inventory/hosts.yml": self.inventory,
            "project/rest.yml": rest(),
        }.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return self.folder


def rest() -> str:
    """Return a playbook with all that comes after the first apply."""
    return yaml.safe_dump([{"import_playbook": f"netopt.linux.{name}"} for name in REST], sort_keys=False)


def by_runner(place: Place, playbook: str) -> str:
    """Run a playbook as ``ansible-runner run`` does."""
    folder = place.private_data_dir()
    return command("ansible-runner", "run", str(folder), "-p", playbook, "--limit", place.host)


def by_mesh(place: Place, playbook: str) -> str:
    """Run a playbook as automation mesh and AWX do: sent here, carried out there, told here."""
    folder = place.private_data_dir()
    sent = command("ansible-runner", "transmit", str(folder), "-p", playbook, "--limit", place.host)
    told = command("ansible-runner", "worker", "--private-data-dir", str(folder / "worker"), given=sent)
    return command("ansible-runner", "process", str(folder / "told"), given=told)


def by_navigator(place: Place, playbook: str) -> str:
    """Run a playbook as a developer does who has no container engine."""
    folder = place.private_data_dir()
    chosen = str(folder / "project" / playbook) if playbook.endswith(".yml") else playbook
    words = ["-i", str(folder / "inventory" / "hosts.yml"), "-e", f"@{folder / 'env' / 'extravars'}"]
    quiet = ["--ee", "false", "-m", "stdout", "--pae", "false", "--lf", str(folder / "navigator.log")]
    return command("ansible-navigator", "run", chosen, *words, "--limit", place.host, *quiet)


def command(program: str, *words: str, given: str | None = None) -> str:
    """Run a program to its good end and return what it printed."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    environment.pop("ANSIBLE_CONFIG", None)
    done = subprocess.run(
        [str(BIN / program), *words],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        cwd="/",  # where no ansible.cfg of this checkout helps
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def outcomes(text: str, host: str) -> list[tuple[str, str]]:
    """Return what each task says of a host, from what ``ansible-playbook`` printed."""
    found = []
    shown = re.sub(r"[A-Za-z0-9+/=]*\x1b\[\d+D|\x1b\[K", "", text)  # without the events between the lines
    for part in re.split(r"^TASK \[", shown, flags=re.MULTILINE)[1:]:
        said = re.search(rf"^(\w+): \[{re.escape(host)}\]", part, flags=re.MULTILINE)
        if said:
            found.append((part.partition("]")[0], said[1]))
    return found


@pytest.mark.long
@pytest.mark.parametrize("run", [by_runner, by_mesh, by_navigator])
def test_same_whoever_runs_it(lab: Lab, tmp_path: Path, run: Callable[[Place, str], str]) -> None:
    """The host is tuned, a second run changes nothing, every other playbook does its part, and all is rolled back."""
    fleet = ready(lab, tmp_path)
    host = fleet.host(1)
    before = host.run("sysctl", "-n", KEY).strip()
    variables = {**VARIABLES, "netopt_checkpoint_id": f"ways-{run.__name__}"}
    place = Place(tmp_path / "run", lab.inventory.read_text(encoding="utf-8"), host.name, variables)
    first = dict(outcomes(run(place, "netopt.linux.apply"), host.name))
    assert first.get("netopt.linux.optimize : Apply the plan") == "changed", first
    assert host.run("sysctl", "-n", KEY).strip() == NEW
    told = outcomes(run(place, "rest.yml"), host.name)
    assert [outcome for outcome in told if outcome in REST.values()] == list(REST.values())
    assert host.run("sysctl", "-n", KEY).strip() == before != NEW


def test_no_playbook_is_left_out() -> None:
    """The test above runs whatever the collection has."""
    assert set(REST) == {path.stem for path in PLAYBOOKS.glob("*.yml")} - PART_OF_ANOTHER

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that are the test's alone, called as the hosts of an earlier version were, and a netopt for them."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.lab.kernel_view import connect, kernel_view
from mcp_bridge.lab.state import Lab
from tests.compat.earlier import FOLDERS, HOSTS, Earlier
from tests.compat.hosts import Host
from tests.e2e.fleet import ROOT, Answer, finish
from tests.labs import brought_up


@dataclass(frozen=True)
class Site:
    """The code of this checkout as netopt on a controller, and two fresh hosts.

    Attributes:
        folder: what the test has for itself.
        inventory: the hosts by the names web1 and web2.
        hosts: the same by their consoles.
    """

    folder: Path
    inventory: Path
    hosts: Mapping[str, Host]

    @property
    def state(self) -> Path:
        """The controller's state folder."""
        return self.folder / "state"

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of netopt are told by their environment."""
        return {
            **os.environ,
            "NETOPT_INVENTORY": str(self.inventory),
            "NETOPT_KEEP_RUNS_DAYS": "36500",  # runs of earlier versions are old
            "NETOPT_STATE_DIR": str(self.state),
            "PYTHONPATH": str(ROOT),
        }

    def netopt(self, *words: str) -> Answer:
        """Run a command of netopt."""
        return self._run(sys.executable, "-m", "mcp_bridge", *words)

    def playbook(self, name: str, host: str, **variables: str) -> None:
        """Run a playbook of the collection on a host by ansible-playbook, and see that its exit status is 0."""
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        asked = ("-i", str(self.inventory), "-l", host, "-e", json.dumps(variables))
        answer = self._run(program, f"netopt.linux.{name}", *asked)
        assert answer.status == 0, answer.text + answer.said

    def _run(self, *argv: str) -> Answer:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=self.environment,
        )
        return finish(process)

    def ask(self, *words: str) -> Answer:
        """Run a command of netopt that prints JSON, and see that its exit status is 0."""
        answer = self.netopt(*words, "--json")
        assert answer.status == 0, answer.text + answer.said
        return answer

    def apply(self, plan: Mapping[str, Any], *words: str) -> Answer:
        """Apply a plan."""
        path = self.folder / "plan.json"
        path.write_text(json.dumps(plan), encoding="utf-8")
        return self.ask("apply", str(path), *words)

    def view(self, name: str) -> dict[str, str]:
        """Return what the tools on a host say of its kernel."""
        return next(kernel_view(host) for host in connect(self.inventory) if host.name == name)

    def differences(self, name: str, before: Mapping[str, str]) -> list[str]:
        """Return what reads otherwise than before on a host, line by line."""
        return [
            f"{command}: {line}"
            for command, text in self.view(name).items()
            for line in difflib.ndiff(before[command].splitlines(), text.splitlines())
            if line.startswith(("+", "-"))
        ]

    def statuses(self) -> dict[str, dict[str, str]]:
        """Return the statuses of the checkpoints, by id and host."""
        return {entry["checkpoint_id"]: entry["hosts"] for entry in self.ask("checkpoints").report["checkpoints"]}

    def drift(self, *words: str) -> list[str]:
        """Return what differs from what the changes in force have set; the exit status agrees."""
        answer = self.netopt("verify", "--json", *words)
        found = [entry["key"] for host in answer.report["hosts"].values() for entry in host["drift"]]
        errors = [host["report"]["error"] for host in answer.report["hosts"].values()]
        assert errors == [None] * len(errors)
        assert answer.status == int(bool(found))
        return found


@pytest.fixture(scope="session", params=FOLDERS, ids=lambda folder: folder.name)
def earlier(request: pytest.FixtureRequest) -> Earlier:
    """The files of an earlier version, one after the other."""
    return Earlier(request.param)


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Enough hosts for each test to have its own."""
    tests = sum("site" in getattr(item, "fixturenames", ()) for item in request.session.items)
    yield from brought_up("compat", hosts=tests * len(HOSTS))


@pytest.fixture(scope="session")
def spare(lab: Lab) -> Iterator[str]:
    """The names of the hosts that no test has had yet."""
    return iter([host.name for host in lab.hosts])


@pytest.fixture
def site(lab: Lab, spare: Iterator[str], earlier: Earlier, tmp_path: Path) -> Site:
    """Two hosts in the state that they have before netopt comes, and a controller."""
    hosts = {name: Host(lab, next(spare)) for name in HOSTS}
    known = yaml.safe_load(lab.inventory.read_text(encoding="utf-8"))["all"]["hosts"]
    inventory = tmp_path / "inventory.yml"
    text = yaml.safe_dump({"all": {"hosts": {name: known[host.name] for name, host in hosts.items()}}})
    inventory.write_text(text, encoding="utf-8")
    for host in hosts.values():
        host.configure(earlier.before)
    return Site(tmp_path, inventory, hosts)

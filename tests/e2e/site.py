# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab's hosts as a user of Ansible alone has them: an inventory with variables, and ``ansible-playbook``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.fleet import ROOT, TIMEOUT_S, Fleet, on_console

STORE = "/var/lib/netopt/checkpoints"


@dataclass(frozen=True)
class Ran:
    """How ``ansible-playbook`` ended: its exit status, what it printed, and the last result of each host."""

    status: int
    text: str
    results: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Site:
    """An inventory of the lab's hosts with variables of their own, and Ansible without netopt's command."""

    fleet: Fleet

    @property
    def folder(self) -> Path:
        """Where inventory, variables and playbooks are."""
        return self.fleet.folder

    def host_vars(self, *variables: Mapping[str, Any]) -> None:
        """Give each host its variables."""
        for number, one in enumerate(variables, start=1):
            self._write(f"host_vars/{self.fleet.name(number)}.yml", one)

    def group_vars(self, variables: Mapping[str, Any]) -> None:
        """Give all hosts the same variables, templates included."""
        self._write("group_vars/all.yml", variables)

    def playbook(self, *plays: Mapping[str, Any]) -> str:
        """Return a playbook of the user's own."""
        return str(self._write("own.yml", list(plays)))

    def run(self, playbook: str, *words: str, **variables: Any) -> Ran:
        """Run a playbook; what it printed holds no traceback."""
        inventory = self.folder / "hosts.yml"
        shutil.copy(self.fleet.lab.inventory, inventory)
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("ansible-playbook")), playbook, "-i", str(inventory), "-v"),
                *("-e", json.dumps(variables), *words),
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
                "ANSIBLE_NOCOLOR": "1",
            },
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        results = {}
        for host, result in re.findall(r"^(?:\w+): \[([\w.-]+)\](?:: \w+!)? => (\{.*\})$", done.stdout, re.MULTILINE):
            results[host] = json.loads(result)
        return Ran(done.returncode, text, results)

    def changes(self) -> list[set[str]]:
        """Return the names of the changes that each host holds."""
        listed = ("sh", "-c", f"ls {STORE} 2>/dev/null || true")
        return [set(on_console(self.fleet.lab, host.name, *listed).split()) for host in self.fleet.lab.hosts]

    def forget(self, changes: Sequence[set[str]]) -> None:
        """Undo changes of each host by their own programs, as its operator would, and remove them."""
        for host, names in zip(self.fleet.lab.hosts, changes, strict=True):
            for name in sorted(names, reverse=True):
                on_console(self.fleet.lab, host.name, "python3", f"{STORE}/{name}/restore.pyz", "--restore")
                on_console(self.fleet.lab, host.name, "rm", "-r", f"{STORE}/{name}")

    def _write(self, name: str, data: object) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
        return path

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drives the ``netopt`` command against a lab as an operator does, and looks at the hosts past it."""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.kernel_view import Host, connect, kernel_view
from mcp_bridge.lab.state import Lab
from tests.labs import await_addresses

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300


@dataclass(frozen=True)
class Answer:
    """What one ``netopt`` command left behind."""

    status: int
    text: str
    said: str

    @property
    def report(self) -> dict[str, Any]:
        """The JSON that it printed."""
        assert self.text.startswith("{"), self.text + self.said
        found: dict[str, Any] = json.loads(self.text)
        return found

    @property
    def statuses(self) -> set[str]:
        """Every status that there is among the hosts."""
        assert "hosts" in self.report, self.text + self.said
        return {host["status"] for host in self.report["hosts"].values()}


@dataclass(frozen=True)
class Fleet:
    """A lab, and a netopt of its own: inventory, state folder, and where plans are written."""

    lab: Lab
    folder: Path

    @property
    def hosts(self) -> list[Host]:
        """The hosts, over plain ssh."""
        return connect(self.lab.inventory)

    def views(self) -> dict[str, dict[str, str]]:
        """Return what the tools on each host say of its kernel."""
        return {host.name: kernel_view(host) for host in self.hosts}

    def differences(self, before: Mapping[str, Mapping[str, str]]) -> list[str]:
        """Return what reads otherwise than before on the hosts of that time, line by line, with the host's name."""
        lines = []
        hosts = {host.name: host for host in self.hosts}
        for name, texts in before.items():
            view = kernel_view(hosts[name])
            for command, text in texts.items():
                told = difflib.unified_diff(text.splitlines(), view[command].splitlines(), n=0, lineterm="")
                lines += [f"{name}: {command}: {line}" for line in told if not line.startswith(("---", "+++", "@@"))]
        return lines

    def values(self, key: str) -> list[str]:
        """Return what the hosts' kernels say of a sysctl key, in the hosts' order, by way of their consoles."""
        return [on_console(self.lab, host.name, "sysctl", "-n", key).strip() for host in self.lab.hosts]

    def start(
        self, *words: str, inventory: Path | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start one ``netopt`` command."""
        environment = {**os.environ, "NETOPT_STATE_DIR": str(self.folder / "state"), **(env or {})}
        environment.pop("NETOPT_INVENTORY", None)
        return subprocess.Popen(
            [sys.executable, "-m", "mcp_bridge", *words, "-i", str(inventory or self.lab.inventory)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )

    def netopt(self, *words: str, inventory: Path | None = None, env: Mapping[str, str] | None = None) -> Answer:
        """Run one ``netopt`` command to its end."""
        return finish(self.start(*words, inventory=inventory, env=env))

    def apply(self, changes: Mapping[str, Any], *words: str, iface: str = "eth0", **more: Any) -> Answer:
        """Apply changes and return the report as JSON."""
        return self.netopt("apply", self.plan(changes, iface=iface), "--json", *words, **more)

    def plan(self, changes: Mapping[str, Any], *, iface: str = "eth0") -> str:
        """Write a plan down and return where it is."""
        path = self.folder / "plan.json"
        path.write_text(json.dumps({"iface": iface, "changes": changes}), encoding="utf-8")
        return str(path)

    def inventory(self, **hosts: Mapping[str, Any]) -> Path:
        """Return an inventory in which hosts, named by their number as ``h1``, have other variables."""
        data = yaml.safe_load(self.lab.inventory.read_text(encoding="utf-8"))
        for number, variables in hosts.items():
            data["all"]["hosts"][self.name(int(number[1:]))].update(variables)
        path = self.folder / "inventory.yml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return path

    def name(self, number: int) -> str:
        """Return the name of a host by its number."""
        return self.lab.hosts[number - 1].name

    def host(self, number: int) -> Host:
        """Return a host by its number."""
        return next(host for host in self.hosts if host.name == self.name(number))


def on_console(lab: Lab, host: str, *argv: str) -> str:
    """Run a command on a host beside sshd, which is quicker than over it, and return what it printed."""
    done = lifecycle.execute(lab, host, argv)
    assert done.returncode == 0, done.stderr
    return done.stdout


def program(name: str) -> str:
    """Return the text of a program that stands beside the tests: hosts have no tests, and run it with ``python -c``."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def ready(lab: Lab, folder: Path) -> Fleet:
    """Return a lab's fleet once none of its addresses is tentative, after what another test did."""
    await_addresses(lab)
    return Fleet(lab, folder)


def finish(process: subprocess.Popen[str]) -> Answer:
    """Wait for a command; what it printed holds no traceback."""
    text, said = process.communicate(timeout=TIMEOUT_S)
    assert "Traceback" not in text + said, text + said
    return Answer(process.returncode, text, said)

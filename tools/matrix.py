# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries the collection and the wheel with every supported ansible-core on the controller, and Python on the host.

``python -m tools.matrix`` prints a table of what was tried, and of what was skipped for want of an interpreter.
Interpreters are looked for in the folders that NETOPT_PYTHONS names (patterns as in a shell are fine), on PATH, and
among those that uv has: ``uv python install 3.8 3.9`` brings some, where it can be reached.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.kernel_view import Host, connect, kernel_view
from tests import installation
from tools.environments import PYTHONS, add, environment, interpreter

# What each ansible-core runs on, from 3.11 on, which netopt wants
CORES = {
    "2.16": ("3.11", "3.12"),
    "2.17": ("3.11", "3.12"),
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.12", "3.13", "3.14"),
}
TARGETS_CORE = "2.19"  # the last one that still reaches Python 3.8
TARGETS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
LEFT_OUT = ("*.a", "__pycache__", "ensurepip", "idlelib", "site-packages", "test", "tkinter")  # nothing here needs them
PLAN = {
    "iface": "eth0",
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": 17, "net.ipv4.tcp_rmem": "4096 131072 4194304"},
        "shaper": {"egress_mbit": 200},
        "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
        "mtu": 1400,
    },
}
SKIPPED = f"skipped: no such interpreter; name its folder in {PYTHONS}"
CHECKPOINT = "matrix"
WAVE = "matrix-wave"
RECAP = re.compile(r"ok=\d+ +changed=(\d+) +unreachable=0 +failed=0")


class DoesNotHold(Exception):  # noqa: N818 - what it says is the row of a table
    """A step came out otherwise than it must."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    outcome: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether it was tried and did not hold."""
        return self.outcome.startswith("FAILED")


@dataclass(frozen=True)
class Controller:
    """An environment with one ansible-core, and a home of its own in which the tarball is installed."""

    folder: Path
    home: Path
    inventory: Path = Path()

    def play(self, playbook: str, *, pipelining: bool = True, **variables: object) -> int:
        """Run one of the collection's playbooks and return how many tasks changed something.

        Raises:
            DoesNotHold: it failed; with what it said.
        """
        said = self._run(playbook, "-e", json.dumps(variables), pipelining=pipelining)
        found = RECAP.search(said)
        if found is None:
            raise DoesNotHold(f"{playbook} counted nothing:\n{said}")
        return int(found[1])

    def lists(self, playbook: str) -> bool:
        """Return whether a playbook says what it would do, before there is anything to know of any host.

        Raises:
            DoesNotHold: it failed; with what it said.
        """
        return "Apply the plan" in self._run(playbook, "--list-tasks")

    def _run(self, playbook: str, *words: str, pipelining: bool = True) -> str:
        """Return what one of the collection's playbooks prints."""
        done = subprocess.run(
            [self.folder / "bin" / "ansible-playbook", f"netopt.linux.{playbook}", "-i", self.inventory, *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.home,
            env={**installation.ENVIRONMENT, "HOME": str(self.home), "ANSIBLE_PIPELINING": str(pipelining)},
        )
        if done.returncode != 0:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise DoesNotHold(f"{playbook} ended with {done.returncode}:\n    " + "\n    ".join(said[-12:]))
        return done.stdout


def passes(controller: Controller, host: Host) -> str:
    """Apply, apply again, verify and roll back; return what was seen.

    Both ways to a host are gone: the transport's, and ansible-core's own, which it takes without pipelining.

    Raises:
        DoesNotHold: one of them came out otherwise.
    """
    before = kernel_view(host)
    expected: dict[str, Callable[[], bool]] = {
        "listed": lambda: controller.lists("apply"),
        "applied": lambda: controller.play("apply", netopt_plan=PLAN, netopt_checkpoint_id=CHECKPOINT) == 1,
        "unchanged": lambda: controller.play("apply", netopt_plan=PLAN) == 0,
        "unchanged without pipelining": lambda: controller.play("apply", pipelining=False, netopt_plan=PLAN) == 0,
        "verified": lambda: controller.play("verify", netopt_fail_on_drift=True) == 0,
        "rolled back": lambda: controller.play("rollback", pipelining=False, netopt_checkpoint_id=CHECKPOINT) == 1,
        "applied in a wave": lambda: (
            controller.play("apply", netopt_plan=PLAN, netopt_waves="1", netopt_checkpoint_id=WAVE) == 1
        ),
        "rolled back from there": lambda: controller.play("rollback", netopt_checkpoint_id=WAVE) == 1,
        "exact": lambda: kernel_view(host) == before,
    }
    for word, holds in expected.items():
        if not holds():
            raise DoesNotHold(f"not {word}")
    return ", ".join(expected)


def carry(python: str, host: Host) -> None:
    """Put an interpreter with its library on a lab host, at the place that it has here, unless the host sees it."""
    if host.run("sh", "-c", f"{shlex.quote(python)} -c '' 2>/dev/null && echo there || true"):
        return
    script = "import sys; print(sys.base_prefix)"
    prefix = Path(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip())
    name = Path(python).name
    paths = [prefix / "bin" / name, prefix / "lib" / name, *(prefix / "lib").glob(f"lib{name}*.so*")]
    pack = ["tar", "-C", "/", "-c", *(f"--exclude={pattern}" for pattern in LEFT_OUT)]
    with subprocess.Popen([*pack, *(str(path.relative_to("/")) for path in paths)], stdout=subprocess.PIPE) as packer:
        subprocess.run([*host.ssh, "tar -C / -x"], stdin=packer.stdout, check=True)


@contextmanager
def fresh_host() -> Iterator[tuple[Host, Path]]:
    """A host that nobody has touched, and an inventory with it alone."""
    name = f"matrix-{os.getpid()}"
    try:
        lab = lifecycle.up(name, hosts=1)
        host = connect(lab.inventory)[0]
        while host.run("ip", "-6", "address", "show", "tentative").strip():  # it looks for duplicates for a second
            time.sleep(0.2)
        yield host, lab.inventory
    finally:
        lifecycle.down(name)


def _rows(scratch: Path) -> Iterator[Row]:
    """Give the table's rows, each once it is there."""
    packages = installation.wheel(scratch), installation.tarball(scratch)
    reaching: Controller | None = None
    for core, pythons in CORES.items():
        for version in pythons:
            what, begun = f"controller: ansible-core {core}, Python {version}", time.monotonic()
            python = interpreter(version)
            if python is None:
                yield _row(what, SKIPPED, begun)
                continue
            with fresh_host() as (host, inventory):
                try:
                    controller = _controller(core, python, packages, scratch / f"{core}-{version}")
                    reaching = controller if core == TARGETS_CORE else reaching
                    seen = passes(replace(controller, inventory=inventory), host)
                except (DoesNotHold, subprocess.CalledProcessError) as error:
                    seen = f"FAILED: {error}"
            yield _row(what, seen, begun)
    for version in TARGETS:
        what, begun = f"host: Python {version}, ansible-core {TARGETS_CORE}", time.monotonic()
        python = interpreter(version)
        if python is None or reaching is None:
            yield _row(what, SKIPPED if python is None else f"skipped: no ansible-core {TARGETS_CORE}", begun)
            continue
        with fresh_host() as (host, inventory):
            try:
                carry(python, host)
                data = yaml.safe_load(inventory.read_text(encoding="utf-8"))
                data["all"]["hosts"][host.name]["ansible_python_interpreter"] = python
                path = scratch / f"host-{version}.yml"
                path.write_text(yaml.safe_dump(data), encoding="utf-8")
                seen = passes(replace(reaching, inventory=path), host)
            except (DoesNotHold, subprocess.CalledProcessError) as error:
                seen = f"FAILED: {error}"
        yield _row(what, seen, begun)


def _row(what: str, outcome: str, begun: float) -> Row:
    row = Row(what, outcome, time.monotonic() - begun)
    print(f"... {what}: {outcome}", flush=True)
    return row


def _controller(core: str, python: str, packages: tuple[Path, Path], home: Path) -> Controller:
    """Return a controller with the wheel's dependencies as pip resolves them, and then the wheel and the tarball."""
    wheel, tarball = packages
    wanted = tomllib.loads((installation.TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    folder = environment(f"core-{core}-{Path(python).name}", f"ansible-core=={core}.*", *wanted, python=python)
    add(folder, wheel)
    home.mkdir()
    subprocess.run(
        [folder / "bin" / "ansible-galaxy", "collection", "install", "--force", tarball],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=home,
        env={**installation.ENVIRONMENT, "HOME": str(home)},
    )
    return Controller(folder, home)


def main() -> int:
    """Try everything, print the table; 0 when nothing that was tried failed."""
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(_rows(Path(scratch)))
    print("\n=== What was tried")
    for row in rows:
        print(f"{row.what:44} {row.seconds:6.1f} s  {row.outcome.splitlines()[0]}")
    failed = sum(row.failed for row in rows)
    skipped = sum(row.outcome.startswith("skipped") for row in rows)
    print(f"\n{len(rows) - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The execution environment: built by its script, and the playbooks run in it by ansible-runner and navigator."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.images.engine import PREFIX, TOP, build_options, expect, run
from tools.images.place import KEY, Place, plan
from tools.images.table import Table

FOLDER = TOP / "contrib" / "execution-environment"
IMAGE = f"{PREFIX}environment"
DEBIAN = {"PKGMGR": "/usr/bin/apt-get", "PYCMD": "/usr/local/bin/python3", "PYPKG": "python3"}  # docs/awx.md
RECAP = re.compile(r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=0 +failed=0", re.MULTILINE)
AWAY = Path("/")  # where no ansible.cfg of this checkout helps
USER = "--user=0"  # a key that is handed over through a pipe is root's
CHECKPOINT = "images"


def build(base: str) -> None:
    """Build the image by its script, from another base."""
    arguments = {"EE_BASE_IMAGE": base, **DEBIAN}
    words = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    options = f"--extra-build-cli-args={shlex.join(build_options())}"
    try:
        run(FOLDER / "build.sh", "build", "--container-runtime=podman", "--tag", IMAGE, *words, options)
    finally:
        shutil.rmtree(FOLDER / "build", ignore_errors=True)


@dataclass(frozen=True)
class Environment:
    """The image with what it is given: the hosts' network and a folder at /keys."""

    place: Place
    keys: Path
    inventory: str

    def by_runner(self, playbook: str, **variables: Any) -> dict[str, int]:
        """Run a playbook as ansible-runner does with a container, the key handed over through a pipe."""
        folder = self.place.scratch / f"runner-{playbook}"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in {
            "env/extravars": json.dumps(variables),
            "env/ssh_key": (self.keys / "ssh_key").read_text(encoding="utf-8"),
            "inventory/hosts.yml": re.sub(".*ansible_ssh_private_key_file.*\n", "", self.inventory),
            "project/README": "",
        }.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        isolated = ["--process-isolation", "--process-isolation-executable=podman", f"--container-image={IMAGE}"]
        options = [f"--container-option={word}" for word in (USER, f"--network=ns:{self.place.network}")]
        mount = f"--container-volume-mount={self.keys}:/keys:ro"
        words: list[str | Path] = ["run", folder, "-p", f"netopt.linux.{playbook}", *isolated, *options, mount]
        return _changed(run("ansible-runner", *words, cwd=AWAY))

    def by_navigator(self, playbook: str, **variables: Any) -> dict[str, int]:
        """Run a playbook as ansible-navigator does with a container, the key in a folder."""
        inventory = self.place.scratch / "navigator.yml"
        inventory.write_text(self.inventory, encoding="utf-8")
        image = ["--ee=true", "--ce=podman", f"--eei={IMAGE}", "--pp=never", f"--eev={self.keys}:/keys:ro"]
        options = [f"--co={word}" for word in (USER, f"--network=ns:{self.place.network}")]
        quiet = ["-m", "stdout", "--pae=false", f"--lf={self.place.scratch / 'navigator.log'}"]
        words: list[str | Path] = ["run", f"netopt.linux.{playbook}", "-i", inventory, "-e", json.dumps(variables)]
        with _queues():
            return _changed(run("ansible-navigator", *words, *image, *options, *quiet, cwd=self.place.scratch))


@contextmanager
def _queues() -> Iterator[None]:
    """Make the folder without which ansible-navigator starts no podman, where there is none, for a while."""
    folder = Path("/dev/mqueue")
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        yield
    finally:
        if made:
            folder.rmdir()


def _changed(said: str) -> dict[str, int]:
    """Return how many tasks changed something on each host on which none failed."""
    plain = re.sub(r"\x1b\[[0-9;]*[mKD]", "", said)
    found = {host: int(count) for host, count in RECAP.findall(plain)}
    expect(found, f"no host is told of:\n{said[-2000:]}")
    return found


def try_out(table: Table, place: Place, base: str) -> None:
    """Add the rows of the execution environment to a table."""
    names = [host.name for host in place.hosts]
    try:
        with table.step("environment: built by its script, with another base"):
            build(base)
        environment = Environment(place, place.folder("environment"), place.inventory("/keys"))
        before = place.views()
        with table.step("environment: ansible-runner applies the plan to three hosts in its container"):
            changed = environment.by_runner("apply", netopt_plan=plan(23), netopt_checkpoint_id=CHECKPOINT)
            expect(changed == dict.fromkeys(names, 1), f"it changed {changed}")
            expect(place.timeouts() == ["23"] * 3, f"the hosts say {place.timeouts()} of {KEY}")
        with table.step("environment: ansible-navigator applies it again, changes nothing, and finds no drift"):
            changed = environment.by_navigator("apply", netopt_plan=plan(23))
            expect(changed == dict.fromkeys(names, 0), f"it changed {changed}")
            environment.by_navigator("verify", netopt_fail_on_drift=True)
        with table.step("environment: ansible-navigator leads the hosts back"):
            changed = environment.by_navigator("rollback", netopt_checkpoint_id=CHECKPOINT)
            expect(changed == dict.fromkeys(names, 1), f"it changed {changed}")
            expect(place.views() == before, "the hosts are not as before")
    finally:
        subprocess.run(["podman", "rmi", "--force", IMAGE], check=False, capture_output=True)

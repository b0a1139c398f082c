# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A new user with nothing but the collection's README: from an installation to a tuned host, and back."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcp_bridge.lab.kernel_view import connect
from mcp_bridge.lab.state import Lab
from tests import installation
from tests.e2e.fleet import Fleet, ready

pytestmark = [pytest.mark.lab, pytest.mark.slow]

README = (installation.COLLECTION / "README.md").read_text(encoding="utf-8")
RECAP = re.compile(r"ok=\d+ +changed=(?P<changed>\d+) +unreachable=0 +failed=0")


def blocks(section: str, language: str) -> list[str]:
    """Return the README's code of a language in one section."""
    text = README.partition(f"# {section}\n")[2].partition("\n## ")[0].partition("\n### ")[0]
    found = re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)
    assert found, f"The README has no {language} in {section}"
    return found


@dataclass(frozen=True)
class User:
    """Somebody with a controller of their own, and an empty home.

    Attributes:
        controller: a venv with ansible-core, and later with netopt.
        home: where they work.
        packages: what the README installs by name -> the file that stands for it until it is published.
    """

    controller: Path
    home: Path
    packages: dict[str, Path]

    def types(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line of the README as it stands there."""
        words = [str(self.packages.get(word, word)) for word in shlex.split(line)]
        if words[:4] == ["python3", "-m", "pip", "install"]:
            installation.install(self.controller, Path(words[4]))
            return subprocess.CompletedProcess(words, 0, "", "")
        words[0] = str(self.controller / "bin" / words[0])
        environment = {**installation.ENVIRONMENT, "HOME": str(self.home)}
        done = subprocess.run(
            words, capture_output=True, text=True, check=False, cwd=self.home, env=environment, timeout=300
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    def changes(self, line: str) -> int:
        """Run a line, and return how many tasks changed something on each of the hosts alike."""
        done = self.types(line)
        found = {int(match["changed"]) for match in RECAP.finditer(done.stdout)}
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(found) == 1, done.stdout
        return found.pop()


@pytest.fixture
def user(lab: Lab, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> User:
    """A user whose inventory.yml lists the lab's hosts, and who has written down the README's playbook."""
    home = tmp_path_factory.mktemp("home")  # no longer: ssh's sockets lie below it, and their paths have 107 bytes
    shutil.copy(lab.inventory, home / "inventory.yml")
    (home / "tune.yml").write_text(blocks("Tune hosts", "yaml")[0], encoding="utf-8")
    packages = {"netopt.linux": installation.tarball(tmp_path), "netopt": installation.wheel(tmp_path)}
    return User(installation.controller(tmp_path / "venv"), home, packages)


def test_the_playbook_has_five_lines() -> None:
    """What a first change takes."""
    assert len(blocks("Tune hosts", "yaml")[0].splitlines()) == 5


def test_the_readme_leads_to_tuned_hosts_and_back(user: User, lab: Lab) -> None:
    """Every command of its sections on installing and on tuning does what the text around it says."""
    first, second = blocks("Installation", "console")[0].splitlines()
    see, tune, again = blocks("Tune hosts", "console")[0].splitlines()
    named, back = blocks("Tune hosts", "console")[1].splitlines()
    fleet: Fleet = ready(lab, user.home)
    before = fleet.views()

    installed = user.types(first)
    assert installed.returncode == 0, installed.stdout + installed.stderr
    refused = user.types(tune)
    assert refused.returncode != 0
    assert "The Python package netopt is not installed beside ansible-core" in refused.stdout + refused.stderr
    assert "pip install netopt" in refused.stdout + refused.stderr
    assert fleet.differences(before) == []

    user.types(second)
    assert user.changes(see) == 1
    assert fleet.differences(before) == []
    assert user.changes(tune.replace("tune.yml", "tune.yml -e netopt_checkpoint_id=first")) == 1
    for host in connect(lab.inventory):
        assert host.run("sysctl", "-n", "net.core.somaxconn").strip() == "8192"
        assert "rate 900Mbit" in host.run("tc", "class", "show", "dev", "eth0")
    assert user.changes(again) == 0

    assert user.changes(back.replace("before-tuning", "first")) == 1
    assert fleet.differences(before) == []
    assert user.changes(named) == 1
    assert user.changes(back) == 1
    assert fleet.differences(before) == []

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``ansible-galaxy collection install git+URL``: the collection by its folder, and at the top words that name it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "ansible_collections/netopt/linux"
GALAXY = Path(sys.executable).with_name("ansible-galaxy")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the files of this checkout, as they are now."""
    target = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "galaxy.yml", "README.md", FOLDER],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    subprocess.run(["tar", "-cf", target / "files.tar", *names], cwd=ROOT, check=True)
    subprocess.run(["tar", "-xf", "files.tar"], cwd=target, check=True)
    (target / "files.tar").unlink()
    name = ("-c", "user.name=test", "-c", "user.email=test@example.com")
    for words in (("init", "-q"), ("add", "-A"), (*name, "commit", "-qm", "everything")):
        subprocess.run(["git", *words], cwd=target, check=True)
    return target


def install(source: str, target: Path) -> subprocess.CompletedProcess[str]:
    """Install a collection into an empty folder; no server is asked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    return subprocess.run(
        [str(GALAXY), "collection", "install", source, "-p", str(target), "--offline"],
        check=False,
        capture_output=True,
        text=True,
        cwd=target,
        env={**environment, "ANSIBLE_NOCOLOR": "1", "HOME": str(target)},
    )


def test_from_its_folder(repository: Path, tmp_path: Path) -> None:
    """With the folder behind ``#`` the whole collection is there."""
    done = install(f"git+file://{repository}#/{FOLDER}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    installed = tmp_path / FOLDER
    for name in ("plugins/modules/netopt_apply.py", "playbooks/apply.yml", "roles/optimize/tasks/main.yml"):
        assert (installed / name).is_file()


def test_from_the_top(repository: Path, tmp_path: Path) -> None:
    """Without it nothing is installed, and what is said names the folder."""
    done = install(f"git+file://{repository}", tmp_path)
    assert done.returncode != 0
    assert f"install git+URL#/{FOLDER} instead" in " ".join((done.stdout + done.stderr).split())
    assert not (tmp_path / FOLDER).exists()


def test_the_two_files_agree() -> None:
    """The file at the top says what that of the collection says, but for what refuses to be installed."""
    top = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    own = yaml.safe_load((ROOT / FOLDER / "galaxy.yml").read_text(encoding="utf-8"))
    assert top.pop("dependencies")
    assert own.pop("dependencies") == {}
    assert top == own

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wheel, installed into an empty venv, is all that a controller needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests import installation
from tests.installation import COLLECTION, TOP, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv that holds the wheel; its dependencies come from the venv that runs the tests."""
    folder = installation.controller(tmp_path_factory.mktemp("venv"))
    installation.install(folder, installation.wheel(tmp_path_factory.mktemp("wheel")))
    return folder


def test_version_is_that_of_the_collection(installed: Path) -> None:
    """The command runs, away from any checkout, and names the version that galaxy.yml names."""
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert run(installed / "bin" / "netopt", "--version", cwd=installed).split()[-1] == version


def test_ansible_finds_the_collection(installed: Path) -> None:
    """ansible-core finds modules in the folder into which pip put them, without any configuration."""
    text = run(
        installed / "bin" / "python", "-m", "ansible", "doc", "--json", "netopt.linux.netopt_apply", cwd=installed
    )
    document = json.loads(text)["netopt.linux.netopt_apply"]["doc"]
    assert Path(document["filename"]).is_relative_to(installed)


def test_the_shipped_policy_is_the_wheels_own(installed: Path) -> None:
    """The policy loads from the installed package, with every file that the checkout has."""
    script = (
        "from mcp_bridge.policy.loader import policy_directory, load_policy; load_policy(); print(policy_directory())"
    )
    found = Path(run(installed / "bin" / "python", "-c", script, cwd=installed).strip())
    assert found.is_relative_to(installed)
    names = {str(path.relative_to(found)) for path in found.rglob("*.*")}
    assert names == {str(path.relative_to(TOP / "policy")) for path in (TOP / "policy").rglob("*.*")}


def test_every_file_of_the_collection_is_in_the_wheel(installed: Path) -> None:
    """Playbooks, roles and plugins are all there; tests and changelogs stay behind."""
    site = next(installed.glob("lib/python*/site-packages"))
    left_behind = ("tests", "changelogs", ".")
    tracked = run("git", "ls-files", cwd=COLLECTION).splitlines()
    wanted = {name for name in tracked if not name.startswith(left_behind) and (COLLECTION / name).exists()}
    there = {name for name in wanted if (site / "ansible_collections/netopt/linux" / name).exists()}
    assert there == wanted
    assert not (site / "ansible_collections/netopt/linux/tests").exists()


def test_every_file_of_the_bridge_is_in_the_wheel(installed: Path) -> None:
    """What is no code is there as well: the templates and the style sheet of a report's page."""
    site = next(installed.glob("lib/python*/site-packages"))
    tracked = {name for name in run("git", "ls-files", "mcp_bridge", cwd=TOP).splitlines() if (TOP / name).is_file()}
    assert any(name.endswith(".css") for name in tracked)
    assert {name for name in tracked if (site / name).is_file()} == tracked


def test_the_lock_names_no_place_to_install_from() -> None:
    """Whoever installs decides where packages come from."""
    lines = (TOP / "requirements-dev.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "://" in line or line.startswith("-") or "==" not in line] == []

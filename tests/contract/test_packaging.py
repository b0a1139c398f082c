# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The wheel and what it asks pip for, in a venv without anything else, are all that a controller needs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests import installation
from tests.installation import COLLECTION, TOP, run

# What the server alone is made of: nothing else may import its packages.
SERVER = ("mcp_bridge.access", "mcp_bridge.mcp_server", "mcp_bridge.operations")
# Imports every module of mcp_bridge, and says which ones lack which package.
IMPORT_ALL = """
import importlib, json, pkgutil, mcp_bridge
lacking = {}
for module in pkgutil.walk_packages(mcp_bridge.__path__, "mcp_bridge."):
    if not module.name.endswith((".__main__", ".namespace_init")):  # programs
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as missing:
            lacking[module.name] = missing.name
print(json.dumps(lacking))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return installation.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venv as `pip install netopt` makes it, of the packages in the venv that runs the tests."""
    folder = installation.controller(tmp_path_factory.mktemp("venv"))
    installation.install(folder, built)
    return folder


@pytest.fixture(scope="module")
def installed_with_server(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by `pip install '.[mcp]'`."""
    folder = installation.controller(tmp_path_factory.mktemp("venv"), "mcp")
    installation.install(folder, built)
    return folder


def netopt(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run netopt in a venv, with nothing on its standard input."""
    return subprocess.run(
        [str(folder / "bin" / "netopt"), *words],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        cwd=folder,
        timeout=60,
        env={**installation.ENVIRONMENT, "XDG_STATE_HOME": str(folder / "state")},
    )


def test_serve_alone_takes_the_extra(installed: Path) -> None:
    """Without the extra every module imports but the server's, and `netopt serve` says in one line what to type."""
    lacking = json.loads(run(installed / "bin" / "python", "-c", IMPORT_ALL, cwd=installed))
    assert "mcp_bridge.mcp_server.server" in lacking
    assert [name for name in lacking if not name.startswith(SERVER)] == []
    for words in (("serve",), ("serve", "--http", "127.0.0.1:8931", "--read-only")):
        done = netopt(installed, *words)
        told = "netopt: serve needs fastmcp, which is not installed; in a checkout: pip install '.[mcp]'\n"
        assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_the_other_commands_do_without(installed: Path) -> None:
    """What people type beside `serve` works without the extra, access files and their tokens included."""
    plan = str(TOP / "examples" / "server-protection.json")
    for words in (("--help",), ("serve", "--help"), ("validate", plan), ("render", plan), ("audit", "verify")):
        done = netopt(installed, *words)
        assert (done.returncode, done.stderr) == (0, ""), words
    done = netopt(installed, "access", "token", "web")
    assert (done.returncode, done.stdout[:7]) == (0, "netopt_")
    access = installed / "access.yml"
    caller = "callers: [{name: web, scopes: [read], hosts: [all]}]\n"
    access.write_text(f"version: 1\n{done.stderr}{caller}", encoding="utf-8")
    checked = netopt(installed, "access", "check", str(access))
    assert (checked.returncode, checked.stderr) == (0, "")
    done = netopt(installed, "report")
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "netopt: There is no run to report on")


@pytest.mark.long
def test_the_extra_is_all_that_serve_takes(installed_with_server: Path) -> None:
    """With the extra every module imports, and the server answers until its client has gone."""
    assert json.loads(run(installed_with_server / "bin" / "python", "-c", IMPORT_ALL, cwd=installed_with_server)) == {}
    done = netopt(installed_with_server, "serve")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


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
    program = Path(__file__).with_name("policy_program.py")
    found = Path(run(installed / "bin" / "python", program, cwd=installed).strip())
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

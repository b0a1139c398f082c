# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The image for AWX: ansible-builder takes its definition, and what it installs is what the playbooks need."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.utils import canonicalize_name

from mcp_bridge import COLLECTIONS_ROOT
from tests.installation import closure, dependencies

FOLDER = COLLECTIONS_ROOT / "contrib" / "execution-environment"
COLLECTION = COLLECTIONS_ROOT / "ansible_collections" / "netopt" / "linux"
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def context() -> Iterator[Path]:
    """The context from which the image would be built, made by the script that people use."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    words = [str(FOLDER / "build.sh"), "create"]
    done = subprocess.run(words, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    yield FOLDER / "build" / "context"
    shutil.rmtree(FOLDER / "build")


def definition() -> dict[str, dict[str, object]]:
    """Return the definition of the image."""
    found: dict[str, dict[str, object]] = yaml.safe_load(
        (FOLDER / "execution-environment.yml").read_text(encoding="utf-8")
    )
    return found


@pytest.mark.long
def test_builder_takes_the_definition(context: Path) -> None:
    """The context holds the wheel and the collection, and the image installs both, the wheel with fixed versions."""
    [text] = [path.read_text(encoding="utf-8") for path in context.glob("*file")]
    assert re.search(r"pip install .*--constraint /tmp/wheels/constraints.txt /tmp/wheels/netopt-\*.whl", text)
    assert (context / "_build" / "wheels" / "constraints.txt").stat().st_size
    [wheel] = (context / "_build" / "wheels").glob("*.whl")
    [tarball] = (context / "_build" / "collections").glob("*.tar.gz")
    version = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert wheel.name.startswith(f"netopt-{version}-")
    assert tarball.name == f"netopt-linux-{version}.tar.gz"
    asked = yaml.safe_load((context / "_build" / "requirements.yml").read_text(encoding="utf-8"))["collections"]
    assert asked == [{"name": f"collections/{tarball.name}", "type": "file"}]


@pytest.mark.long
def test_what_the_collection_declares(context: Path, tmp_path: Path) -> None:
    """Builder reads the collection's own needs; its wheel is never looked for in an index."""
    place = tmp_path / "ansible_collections" / "netopt" / "linux"
    place.mkdir(parents=True)
    [tarball] = (context / "_build" / "collections").glob("*.tar.gz")
    subprocess.run(["tar", "-xzf", str(tarball), "-C", str(place)], check=True)
    version = json.loads((place / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"]
    assert declared(tmp_path, "python") == [f"netopt=={version}"]
    left = declared(tmp_path, "python", "--exclude-pip-reqs", str(context / "_build" / "exclude-requirements.txt"))
    assert left == []
    programs = {line.split()[0] for line in declared(tmp_path, "system")}
    assert programs == {"openssh-clients", "openssh-client", "sshpass"}


def declared(folder: Path, kind: str, *options: str) -> list[str]:
    """Return what ansible-builder reads from the collections in a folder, without its comments."""
    words = [str(BIN / "ansible-builder"), "introspect", str(folder), *options]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return [line.partition("  #")[0] for line in yaml.safe_load(done.stdout)[kind]]


def test_what_is_installed_suffices() -> None:
    """Every package that judging a plan and running a playbook imports comes with what the image is told to install."""
    core, runner = (definition()["dependencies"][name] for name in ("ansible_core", "ansible_runner"))
    asked = [entry["package_pip"] for entry in (core, runner) if isinstance(entry, dict)]
    installed = closure([*asked, *dependencies()])
    words = [sys.executable, "-m", "tests.bridge.contrib.judge_program"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=COLLECTIONS_ROOT)
    owners = metadata.packages_distributions()
    imported = {canonicalize_name(owner) for name in json.loads(done.stdout) for owner in owners.get(name, []) if owner}
    assert "pydantic" in imported
    assert imported - installed - {"netopt"} == set()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user installs: the wheel and the collection's tarball, and controllers that know nothing of the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import venv
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TOP = Path(__file__).parents[1]
COLLECTION = TOP / "ansible_collections" / "netopt" / "linux"
COMMANDS = ("ansible", "ansible-doc", "ansible-galaxy", "ansible-playbook")

# Nothing that points ansible-core at the checkout: what is installed has to be found by itself.
ENVIRONMENT = {
    name: text for name, text in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH", "NETOPT_"))
}


def run(*argv: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and return its output; its failure is the test's."""
    done = subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, check=False, cwd=cwd, timeout=300, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def wheel(folder: Path) -> Path:
    """Return the wheel, built from a copy of what git knows, so that no leftover of an earlier build gets in."""
    source = folder / "source"
    source.mkdir()
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=TOP)
    present = "\0".join(name for name in names.split("\0") if name and (TOP / name).exists())
    archive = folder / "source.tar"
    subprocess.run(
        ["tar", "--create", "--null", "--files-from=-", f"--file={archive}"],
        input=present.encode(),
        cwd=TOP,
        check=True,
    )
    run("tar", "--extract", f"--file={archive}", cwd=source)
    pip = (sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation")
    run(*pip, "-w", folder, source, cwd=folder)
    return next(folder.glob("*.whl"))


def tarball(folder: Path) -> Path:
    """Return the collection's tarball."""
    run(sys.executable, "-m", "ansible", "galaxy", "collection", "build", "--output-path", folder, COLLECTION, cwd=TOP)
    return next(folder.glob("netopt-linux-*.tar.gz"))


def dependencies(*extras: str) -> list[str]:
    """Return what netopt asks pip for, with its extras of these names."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *(text for name in extras for text in project["optional-dependencies"][name])]


def closure(asked: list[str]) -> set[str]:
    """Return the packages that pip installs for requirements, themselves included."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in asked]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        assert requirement.specifier.contains(metadata.version(name), prereleases=True)
        new = {(name, extra) for extra in {"", *requirement.extras}} - found
        found |= new
        for text in metadata.requires(name) or []:
            needed = Requirement(text)
            if any(needed.marker is None or needed.marker.evaluate({"extra": extra}) for _name, extra in new):
                waiting.append(needed)
    return {name for name, _extra in found}


def controller(folder: Path, *extras: str) -> Path:
    """Return a new venv that has ansible-core and what netopt asks pip for, but no netopt and nothing else.

    The packages are those of the environment that runs the tests.
    """
    venv.create(folder, with_pip=False)
    site = next(folder.glob("lib/python*/site-packages"))
    for name in closure(dependencies(*extras)):
        found = metadata.distribution(name)
        for top in {path.parts[0] for path in found.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():  # a folder that several packages share
                (site / top).symlink_to(str(found.locate_file(top)))
    for name in COMMANDS:
        script = folder / "bin" / name
        word = name.partition("-")[2] or "adhoc"
        script.write_text(f'#!/bin/sh\nexec "{folder}/bin/python" -m ansible {word} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    return folder


def install(folder: Path, package: Path) -> None:
    """Install a wheel alone into a venv."""
    pip = (sys.executable, "-m", "pip", f"--python={folder}/bin/python", "install", "-qq", "--no-deps")
    run(*pip, package, cwd=folder)

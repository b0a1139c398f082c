# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the peers run with and NetOpt does not: ``ansible.posix`` and Mitogen, in a cache beside the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "benchmarks"
POSIX_VERSION = "2.1.0"
BUNDLE = "ansible==12.3.0"  # the package of collections for ansible-core 2.19, with that version of ansible.posix
MITOGEN = "mitogen==0.3.54"
GALAXY_TIMEOUT_S = 60
_POSIX = "ansible_collections/ansible/posix/"


class MissingSoftwareError(Exception):
    """Something that a peer runs with could not be installed; says what, and why."""


def collections() -> Path:
    """Return a folder of collections with ansible.posix in it, installed now where it is not there yet.

    From Galaxy; where that cannot be reached, out of the ``ansible`` package of the Python package index, which holds
    the same files.
    """
    folder = CACHE / "collections"
    if (folder / _POSIX / "MANIFEST.json").is_file():
        return folder
    galaxy = [str(Path(sys.executable).parent / "ansible-galaxy"), "collection", "install", "--collections-path"]
    if _run([*galaxy, str(folder), f"ansible.posix:=={POSIX_VERSION}"]):
        with tempfile.TemporaryDirectory(prefix="netopt-bench-") as download:
            pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", download]
            problem = _run([*pip, BUNDLE])
            if problem:
                raise MissingSoftwareError(f"ansible.posix comes neither from Galaxy nor with {BUNDLE}: {problem}")
            _unpack(next(Path(download).glob("ansible-*.whl")), folder)
    return folder


def mitogen_strategies() -> Path:
    """Return the folder of Mitogen's strategy plugins, installed now where it is not there yet.

    Mitogen is pure Python without dependencies: a folder of its own is enough, and the project's environment stays as
    it is. Its strategy puts that folder on the path by itself.
    """
    folder = CACHE / MITOGEN.replace("==", "-")
    strategies = folder / "ansible_mitogen" / "plugins" / "strategy"
    if not strategies.is_dir():
        problem = _run([sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder), MITOGEN])
        if problem:
            shutil.rmtree(folder, ignore_errors=True)
            raise MissingSoftwareError(f"{MITOGEN} cannot be installed: {problem}")
    return strategies


def _unpack(wheel: Path, folder: Path) -> None:
    """Take ansible.posix out of the bundle, its manifest last: without that it counts as not installed."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith(_POSIX)]
        for name in sorted(names, key=lambda name: name.endswith("/MANIFEST.json")):
            archive.extract(name, folder)


def _run(argv: list[str]) -> str:
    """Run a command and return the last thing it said when it failed; empty when it worked."""
    try:
        done = subprocess.run(
            argv, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=GALAXY_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {GALAXY_TIMEOUT_S} s"
    except OSError as error:
        return str(error)
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return (lines[-1] if lines else f"exit status {done.returncode}") if done.returncode else ""

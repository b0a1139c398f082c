# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python environments beside .venv, for programs that want other versions than the project's; kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "netopt" / "environments"
PYTHONS = "NETOPT_PYTHONS"  # folders with interpreters, beside those on PATH; joined as PATH is


def environment(name: str, *requirements: str, python: str = sys.executable) -> Path:
    """Return the folder of an environment that holds packages; made where there is none that does.

    Args:
        name: what it is called in the cache.
        requirements: what is installed, as pip takes it; ``-r FILE`` too.
        python: the interpreter it is made with.

    Raises:
        subprocess.CalledProcessError: it cannot be made; the tool has said why.
    """
    folder = CACHE / name
    wanted = hashlib.sha256("\n".join([python, *_told(requirements)]).encode()).hexdigest()
    made_from = folder / ".made-from"
    if made_from.exists() and made_from.read_text(encoding="utf-8") == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([_uv(), "venv", "--quiet", "--python", python, folder], check=True)
    subprocess.run(
        [_uv(), "pip", "install", "--quiet", "--native-tls", "--python", folder / "bin" / "python", *requirements],
        check=True,
    )
    made_from.write_text(wanted, encoding="utf-8")
    return folder


def add(folder: Path, *packages: str | Path) -> None:
    """Install packages into an environment as they are, without what they depend on."""
    install = [
        _uv(),
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--reinstall",
        "--python",
        str(folder / "bin" / "python"),
    ]
    subprocess.run([*install, *(str(package) for package in packages)], check=True)


def _told(requirements: Sequence[str]) -> list[str]:
    """Return requirements with the text of each file among them."""
    files = [Path(after) for before, after in pairwise(requirements) if before == "-r"]
    return [*requirements, *(path.read_text(encoding="utf-8") for path in files)]


def interpreter(version: str) -> str | None:
    """Return a working interpreter of a version such as ``3.8``; ``None`` where there is none.

    Looked for in the folders that NETOPT_PYTHONS names, then on PATH, then among uv's. A switcher's stand-in that runs
    no such version does not count.
    """
    patterns = [text.lstrip("/") for text in os.environ.get(PYTHONS, "").split(os.pathsep) if text]
    named = [str(path) for pattern in patterns for path in sorted(Path("/").glob(pattern))]
    folders = [*named, *os.environ.get("PATH", "").split(os.pathsep)]
    candidates = [str(Path(folder) / f"python{version}") for folder in folders if folder]
    find = [_uv(), "python", "find", "--no-project", "--managed-python", "--no-python-downloads", version]
    candidates += subprocess.run(find, capture_output=True, text=True, check=False).stdout.split()
    test = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"
    for path in candidates:
        if Path(path).exists():
            done = subprocess.run([path, "-I", "-S", "-c", test], capture_output=True, check=False)
            if done.returncode == 0:
                return path
    return None


def _uv() -> str:
    """Return the program that makes environments: one of the development tools."""
    return shutil.which("uv") or str(Path(sys.executable).parent / "uv")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unpacks a distribution's packages into a folder, and keeps what took long to build."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from .requirements import tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .distribution import Distribution

BUILD_TIMEOUT_S = 1500
UNUSED_PATHS = (
    "/usr/lib/firmware/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)


def cache_home() -> Path:
    """Return the folder where what the labs are built from is kept."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "netopt"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it now; it ends with the process at the latest."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def built_once(directory: Path) -> Iterator[Path | None]:
    """Give the folder to build in; ``None`` where ``directory`` is there. It is put in its place if nothing is raised.

    Whoever else wants the same waits meanwhile.
    """
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(directory.with_suffix(".lock")):
        if directory.is_dir():
            yield None
            return
        partial = directory.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        yield partial
        partial.rename(directory)


def bootstrap(root: Path, distribution: Distribution, packages: Sequence[str]) -> None:
    """Unpack and configure a release's packages.

    Args:
        root: the folder, which is made.
        distribution: the release.
        packages: beside those that every system has.

    Raises:
        LabError: mmdebstrap failed; ``mmdebstrap.log`` beside ``root`` has all that it said.
    """
    options = [f"--dpkgopt=path-exclude={path}" for path in UNUSED_PATHS]
    options += ['--aptopt=Acquire::Languages "none"', *(f"--aptopt={line}" for line in transport_settings())]
    include = "--include=" + ",".join(packages)
    where = [distribution.codename, str(root), *distribution.sources]
    run(
        [tool("mmdebstrap"), "--variant=minbase", "--mode=root", include, *options, *where],
        log=root.parent / "mmdebstrap.log",
    )


def transport_settings() -> list[str]:
    """Return how this machine's apt reaches its sources: proxies, certificates, retries."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    wanted = re.compile(r"Acquire::(?:https?::(?:Proxy|CaInfo|Verify-Peer|Timeout)|Retries)\b.* \"[^\"]+\";")
    return [line for line in done.stdout.splitlines() if wanted.match(line)]


def run(argv: Sequence[str], *, log: Path | None = None) -> None:
    """Run one step of a build; its output is in the error, or in ``log``.

    Raises:
        LabError: it failed.
    """
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=BUILD_TIMEOUT_S,
    )
    text = done.stdout.decode(errors="replace")
    if log:
        log.write_text(text, encoding="utf-8")
    if done.returncode != 0:
        tail = " | ".join(text.strip().splitlines()[-3:])
        raise LabError(f"{Path(argv[0]).name} failed: {tail}", hint=f"The whole output: {log}." if log else "")

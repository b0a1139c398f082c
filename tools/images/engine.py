# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Podman on this machine: its packages, its settings, and the base of all images from the machine's own sources."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mcp_bridge.lab.bootstrap import UNUSED_PATHS, transport_settings
from mcp_bridge.lab.distribution import detect

TOP = Path(__file__).resolve().parents[2]
BIN = TOP / ".venv" / "bin"
PREFIX = "localhost/netopt-images-"
PROGRAMS = ("podman", "runc")  # of packages of the same names
IN_BASE = ("ca-certificates", "python3", "python3-venv")
VENV = 'chroot "$1" python3 -m venv /usr/local'  # so that "python" is on PATH, as in the images named python
LIMIT = 4096  # open files and processes of a container
STEP_S = 1500


class DoesNotHold(Exception):  # noqa: N818 - what it says is the row of a table
    """A step came out otherwise than it must."""


def run(
    *argv: str | Path, given: str | None = None, variables: Mapping[str, str] | None = None, cwd: Path = TOP
) -> str:
    """Run a program to its end and return its standard output.

    Raises:
        DoesNotHold: it failed; with the end of what it said.
    """
    done = subprocess.run(
        [str(word) for word in argv],
        check=False,
        capture_output=True,
        text=True,
        timeout=STEP_S,
        cwd=cwd,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **(variables or {})},
        **({"stdin": subprocess.DEVNULL} if given is None else {"input": given}),
    )
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise DoesNotHold(f"{argv[0]} {argv[1]} ended with {done.returncode}:\n    " + "\n    ".join(said[-25:]))
    return str(done.stdout)


def expect(holds: object, what: str) -> None:
    """Go on when something holds.

    Raises:
        DoesNotHold: it does not.
    """
    if not holds:
        raise DoesNotHold(what)


def until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something holds.

    Raises:
        DoesNotHold: it does not within that time.
    """
    ends = time.monotonic() + seconds
    while not holds():
        expect(time.monotonic() < ends, f"not within {seconds:.0f} s: {what}")
        time.sleep(0.3)


def install() -> None:
    """Install what is missing of podman; does nothing where nothing is.

    Raises:
        DoesNotHold: it cannot be installed.
    """
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        print(f"Installing: {' '.join(missing)}", flush=True)
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", variables=quiet)
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, variables=quiet)


def settings() -> str:
    """Return a containers.conf for this machine.

    runc also runs where control groups are those of versions 1 and 2 at once. The limits are no higher than our own:
    to raise one takes a capability that root may lack.
    """
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    highest = {name: resource.getrlimit(kind)[1] for name, kind in limits.items()}
    least = {name: LIMIT if hard == resource.RLIM_INFINITY else min(hard, LIMIT) for name, hard in highest.items()}
    listed = ", ".join(f'"{name}={value}:{value}"' for name, value in least.items())
    return f'[containers]\ndefault_ulimits = [{listed}]\n[engine]\nruntime = "runc"\n'


def base() -> str:
    """Return the name of the base image: this machine's distribution with Python. Made anew each week."""
    distribution = detect()
    week = datetime.now(UTC).strftime("%G-%V")
    recipe = repr((week, IN_BASE, VENV, UNUSED_PATHS, [Path(path).read_bytes() for path in distribution.sources]))
    name = f"{PREFIX}base:{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0:
        return name
    for earlier in images("base"):
        run("podman", "rmi", earlier)
    words = [f"--dpkgopt=path-exclude={path}" for path in UNUSED_PATHS]
    words += [f"--aptopt={line}" for line in transport_settings()]
    words += [f"--include={','.join(IN_BASE)}", f"--customize-hook={VENV}", distribution.codename, "-"]
    words += distribution.sources
    quiet = ["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", "--format=tar"]
    with subprocess.Popen([*quiet, *words], stdout=subprocess.PIPE) as packer:
        done = subprocess.run(["podman", "import", "--quiet", "-", name], check=False, stdin=packer.stdout)
    if packer.returncode != 0 or done.returncode != 0:
        subprocess.run(["podman", "rmi", "--force", name], check=False, capture_output=True)
        raise DoesNotHold("the base could not be made: see above")
    return name


def images(kind: str) -> list[str]:
    """Return the names of our images of a kind."""
    listed = run("podman", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={PREFIX}{kind}")
    return listed.split()


def build_options() -> list[str]:
    """Return what each build takes here: no registry, this machine's network, and its pip configuration.

    The configuration is mounted while the build runs, with the files that it names. It is in no image.
    """
    found = run(sys.executable, "-m", "pip", "config", "debug")
    files = [Path(name) for name in re.findall(r"^\s*(/\S+), exists: True$", found, re.MULTILINE)]
    named = [
        Path(path).parent if before else Path(path)  # beside an index are the files that it lists
        for file in files
        for before, path in re.findall(r"(file://|(?<=[\s=]))(/[\w./+-]+)", file.read_text(encoding="utf-8"))
    ]
    mounted = sorted({path for path in (*files, *named) if path.exists()})
    options = ["--isolation=chroot", "--pull=never", "--network=host", "--layers=false", "--force-rm"]
    return options + [f"--volume={path}:{path}:ro" for path in mounted]


@contextmanager
def container(name: str, *words: str) -> Iterator[None]:
    """Run a container in the background with these words of ``podman run``; it is removed at the end."""
    try:
        run("podman", "run", "--detach", f"--name={name}", *words)
        yield
    finally:
        subprocess.run(["podman", "rm", "--force", "--time=5", name], check=False, capture_output=True)

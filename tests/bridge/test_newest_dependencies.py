# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project installs beside the newest release of each of its main dependencies."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import installation

PROJECT = tomllib.loads((installation.TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MAIN = [*PROJECT["dependencies"], *(one for extra in PROJECT["optional-dependencies"].values() for one in extra)]
NEWEST_PYTHON = "3.14"  # releases of Ansible stop at older ones, and those of others begin at newer ones
NAME = re.compile(r"[A-Za-z0-9-]+")


def resolved(*requirements: str) -> dict[str, str]:
    """Return the newest versions that satisfy requirements together, ``{name: version}``."""
    uv = str(Path(sys.executable).parent / "uv")
    done = subprocess.run(
        [uv, "pip", "compile", "-q", "--python-version", NEWEST_PYTHON, "--no-header", "--no-annotate", "-"],
        input="\n".join(requirements),
        capture_output=True,
        text=True,
        check=False,
    )
    if "client error (Connect)" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    return dict(re.findall(r"^([^ =]+)==(\S+)", done.stdout, re.MULTILINE))


def test_no_pin_keeps_a_newest_release_out() -> None:
    """What is installed with the project is what is installed without its bounds."""
    names = [NAME.match(requirement)[0].lower() for requirement in MAIN]  # type: ignore[index]  # each begins with one
    pinned, newest = resolved(*MAIN), resolved(*names)
    assert {name: pinned[name] for name in names} == {name: newest[name] for name in names}

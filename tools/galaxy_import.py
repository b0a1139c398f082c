# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the collection and has galaxy-importer look at the tarball, as Galaxy does when one is uploaded.

Fails on whatever it warns of. What it would run besides, ansible-lint and ``ansible-test sanity``, are checks of their
own here.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.environments import environment

TOP = Path(__file__).resolve().parent.parent
COLLECTION = TOP / "ansible_collections" / "netopt" / "linux"
LOCK = TOP / "tools" / "galaxy_import.lock"  # its pins are older than the project's own tools

# flake8 stays off, as on Galaxy: the rules are ruff's here, and galaxy-importer's own contradict its formatter
SETTINGS = """\
[galaxy-importer]
check_changelog = true
check_required_tags = true
require_v1_or_greater = false
run_ansible_doc = true
run_ansible_lint = false
run_ansible_test = false
run_flake8 = false
"""


def main() -> int:
    """Build, import, and say what was found; 0 when nothing was."""
    folder = environment("galaxy-importer", "-r", str(LOCK))
    with tempfile.TemporaryDirectory() as scratch:
        settings = Path(scratch) / "galaxy-importer.cfg"
        settings.write_text(SETTINGS, encoding="utf-8")
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHONPATH"))}
        variables = {
            **kept,
            "GALAXY_IMPORTER_CONFIG": str(settings),
            "HOME": scratch,
            "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        subprocess.run(
            [folder / "bin" / "ansible-galaxy", "collection", "build", "--output-path", scratch, COLLECTION],
            check=True,
            stdout=subprocess.DEVNULL,
            env=variables,
            cwd=scratch,
        )
        tarball = next(Path(scratch).glob("netopt-linux-*.tar.gz"))
        done = subprocess.run(
            [folder / "bin" / "python", "-m", "galaxy_importer.main", tarball],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
            env=variables,
            cwd=scratch,
        )
    lines = done.stdout.splitlines()
    found = [line for line in lines if line.startswith(("WARNING", "ERROR", "CRITICAL"))]
    print("\n".join(lines if done.returncode else [*found, *lines[-1:]]))
    print(f"{tarball.name}: {len(found)} warnings, galaxy-importer ended with {done.returncode}")
    return int(bool(found) or done.returncode != 0)


if __name__ == "__main__":
    sys.exit(main())

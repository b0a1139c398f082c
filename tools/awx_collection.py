# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the collection awx.awx where ansible.cfg looks first, for contrib/awx and its tests.

It comes out of the package ``ansible`` of the Python index, which has it among a hundred others; nothing else of that
is kept.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "ansible==12.3.0"  # with awx.awx 24.6.1
FOLDER = Path(__file__).resolve().parent.parent / ".ansible" / "collections"
PREFIX = "ansible_collections/awx/awx/"


def main() -> int:
    """Fetch the collection unless it is there."""
    if (FOLDER / PREFIX / "MANIFEST.json").is_file():
        return 0
    with tempfile.TemporaryDirectory() as folder:
        words = ["download", "-qq", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "-d", folder]
        subprocess.run([sys.executable, "-m", "pip", *words, PACKAGE], check=True)
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.startswith(PREFIX)]
            names.sort(key=lambda name: name.endswith("MANIFEST.json"))  # the last one says that all are there
            archive.extractall(FOLDER, names)
    return 0


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what travels to a target and stays in a checkpoint: one file that Python runs and imports from."""

from __future__ import annotations

import marshal
import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._transport import bundle_import
from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import (
    BEGIN,
    IMPORTER_FILE,
    PACKAGE,
    PYTHON_FLAGS,
    bundle,
)

IMPORTER = Path(bundle_import.__file__).read_bytes()
SOURCE = b"import sys\n\n\ndef main():\n    sys.stdout.write('from source')\n"
FILES = {
    "_lifecycle/__init__.py": b"",
    "_lifecycle/restore_cli.py": SOURCE,
    IMPORTER_FILE: IMPORTER,
    "_transport/__init__.py": b"",
}
CODE = {
    name: marshal.dumps(compile(source.replace(b"from source", b"from bytecode"), name, "exec"))
    for name, source in FILES.items()
}
CASES = {
    "no bytecode": (None, b"", "from source"),
    "bytecode of this Python": (CODE, MAGIC_NUMBER, "from bytecode"),
    "bytecode of another Python": (CODE, b"\1\2\r\n", "from source"),
}


@pytest.mark.parametrize("deflate", [True, False])
@pytest.mark.parametrize(("code", "magic", "said"), CASES.values(), ids=CASES)
def test_bundle_runs(tmp_path: Path, code: dict[str, bytes] | None, magic: bytes, said: str, *, deflate: bool) -> None:
    """Python runs the bundle, by the bytecode that is its own and by the source where there is none."""
    file = tmp_path / "restore.pyz"
    file.write_bytes(b"#!/usr/bin/python3\n" + bundle(FILES, code, magic=magic, deflate=deflate))
    done = subprocess.run([sys.executable, *PYTHON_FLAGS, str(file)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (said, "")


def test_bundle_is_imported_from(tmp_path: Path) -> None:
    """Its package is found on the path, whatever the file is called."""
    file = tmp_path / "anything"
    file.write_bytes(bundle(FILES, deflate=True))
    imports = f"{BEGIN}\nfrom {PACKAGE}._lifecycle.restore_cli import main"
    program = f"import sys; sys.path.insert(0, {str(file)!r})\n{imports}; main()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("from source", "")


def test_bundle_is_the_same_for_the_same_sources() -> None:
    """Nothing in it depends on when or where it is made."""
    files = {"_b.py": b"2", IMPORTER_FILE: b"", "_a.py": b"1"}
    assert bundle(files, deflate=True) == bundle(dict(reversed(files.items())), deflate=True)

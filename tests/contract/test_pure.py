# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that says that it is pure is held to it."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

TOP = Path(__file__).parents[2]
MODULE_UTILS = TOP / "ansible_collections" / "netopt" / "linux" / "plugins" / "module_utils"


def test_every_pure_file_is_checked() -> None:
    """Each file whose docstring says ``Pure.`` stands in the contract of import-linter."""
    contracts = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (checked,) = (set(one["source_modules"]) for one in contracts if one["name"].startswith("What is pure"))
    said = {
        ".".join(file.relative_to(TOP).with_suffix("").parts)
        for file in MODULE_UTILS.rglob("*.py")
        if re.search(r"\bPure\.", ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "")
    }
    assert said
    assert said - checked == set()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the target's own copy of the allowlist: ``python -m mcp_bridge.policy.target_allowlist``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .loader import policy_directory
from .models import AllowlistFile
from .yaml_file import Document

if TYPE_CHECKING:
    from .models import Program

TARGET = (
    Path(__file__).parents[2]
    / "ansible_collections"
    / "netopt"
    / "linux"
    / "plugins"
    / "module_utils"
    / "_host"
    / "command_allowlist.py"
)
BEGIN = "# Begin of what allowlist.yaml says.\n"
END = "# End of what allowlist.yaml says.\n"


def target_text(programs: dict[str, Program], current: str) -> str:
    """Return ``_host/command_allowlist.py`` with its data replaced.

    Args:
        programs: as in ``allowlist.yaml``.
        current: the file as it is; what stands outside the two marks stays.
    """
    head, _, rest = current.partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = ["ALLOWLIST: dict[str, list[str]] = {\n"]
    for name, program in programs.items():
        entries = [*program.reads, *program.changes]
        one_line = f"    {json.dumps(name)}: [{', '.join(map(json.dumps, entries))}],\n"
        if len(entries) == 1:
            lines.append(one_line)
        else:
            lines.append(f"    {json.dumps(name)}: [\n")
            lines.extend(f"        {json.dumps(entry)},\n" for entry in entries)
            lines.append("    ],\n")
    lines.append("}\n\nPACKAGES: dict[str, str] = {\n")
    lines.extend(f"    {json.dumps(name)}: {json.dumps(program.package)},\n" for name, program in programs.items())
    lines.append("}\n")
    return "".join([head, BEGIN, *lines, END, tail])


def main() -> None:
    """Write the copy in the collection next to this package."""
    document = Document(policy_directory() / "allowlist.yaml")
    programs = AllowlistFile.model_validate(document.value).programs
    TARGET.write_text(target_text(programs, TARGET.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

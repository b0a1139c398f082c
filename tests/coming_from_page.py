# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``docs/coming-from.md`` shows: its sections and their fenced blocks."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/coming-from.md"
SCRIPTS = (
    "From wondershaper",
    "From sqm-scripts",
    "From tcconfig",
    "From netem test rigs",
    "From a tree for each queue, as LibreQoS has it",
)


def blocks(heading: str) -> list[tuple[str, str]]:
    """Return the fenced blocks of a section: language and text."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def of(language: str, heading: str) -> list[str]:
    """Return the blocks of one language."""
    return [text for name, text in blocks(heading) if name == language]


def scripts() -> dict[str, tuple[str, str, str]]:
    """Return each script by its name: its text, the plan and what is left out."""
    found = {}
    for heading in SCRIPTS:
        name = ""
        for language, text in blocks(heading):
            if language == "sh":
                name = text.partition("\n")[0].removeprefix("# ")
                found[name] = (text, "", "")
            elif language in ("yaml", "text"):
                script, plan, told = found[name]
                found[name] = (script, text, told) if language == "yaml" else (script, plan, text)
    return found

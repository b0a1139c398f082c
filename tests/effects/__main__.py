# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the table of effects, each row with what came of it: ``python -m tests.effects [WORD]``, as root."""

from __future__ import annotations

import sys

from tests.effects.row import judge
from tests.effects.table import ROWS


def main() -> int:
    """Judge the rows whose name holds a word, all by default; 0 when all are right."""
    word = " ".join(sys.argv[1:])
    wrong = 0
    chosen = [row for row in ROWS if word in row.name]
    for row in chosen:
        found = judge(row)
        wrong += bool(found)
        _say(f"{'WRONG' if found else 'right'}  {row.name}{''.join(f'; {one}' for one in found)}")
    _say(f"\n{len(chosen)} effects, {len(chosen) - wrong} right, {wrong} wrong")
    return int(bool(wrong))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the table of effects, each row with what came of it: ``python -m tests.effects [WORD]``, as root.

Two labs are made at a time. Beside them a kernel of its own and an emulated machine judge the rows that take one.
"""

from __future__ import annotations

import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from tests.effects.judge import tried
from tests.effects.machine import judged
from tests.effects.table import BATCHES
from tests.own_kernel import answer_of

AT_A_TIME = 2  # labs


def main() -> int:
    """Judge the rows whose name holds a word, all by default; 0 when all are right."""
    word = " ".join(sys.argv[1:])
    chosen = [number for number, batch in enumerate(BATCHES) if any(word in row.name for row in batch)]
    own = [number for number in chosen if BATCHES[number][0].own_kernel]
    far = [number for number in chosen if BATCHES[number][0].machine]
    wrong = told = effects = 0
    with ProcessPoolExecutor(AT_A_TIME) as pool, ThreadPoolExecutor(2) as beside:
        elsewhere = {
            number: answer
            for numbers, judge in ((own, _by_own_kernel), (far, judged))
            for answer in ([beside.submit(judge, numbers)] if numbers else [])
            for number in numbers
        }
        here = {number: pool.submit(_tried, number) for number in chosen if number not in elsewhere}
        for number in [*here, *elsewhere]:
            found = here[number].result() if number in here else elsewhere[number].result()[number]
            for row, one in zip(BATCHES[number], found, strict=True):
                effects += 1
                wrong += bool(one)
                told += bool(row.told or row.refused) and not one
                said = "WRONG" if one else "told " if row.told or row.refused else "right"
                _say(f"{said}  {row.name}{''.join(f'; {each}' for each in one)}")
    _say(f"\n{effects} effects: {effects - wrong - told} right, {told} told beforehand, {wrong} wrong")
    return int(bool(wrong))


def _tried(number: int) -> list[list[str]]:
    return tried(BATCHES[number])


def _by_own_kernel(numbers: list[int]) -> dict[int, list[list[str]]]:
    with tempfile.TemporaryDirectory(prefix="netopt-effects-") as folder:
        found = answer_of("tests.effects.own_kernel_program", Path(folder), *map(str, numbers))
    return {int(number): each for number, each in found.items()}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

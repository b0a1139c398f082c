# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs cases in kernels of their own, and collects what came of them."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.tc_testing.cases import Case
from tests.tc_testing.journey import Outcome
from tests.tc_testing.judge import Found
from tests.tc_testing.uml import TOP, Kernel

HUNG_S = 300.0
SHOWN = 3000  # characters of what a kernel that died has said
FOLDERS = {"uml": "uml", "suite": "tc-testing"}


def prepare(*what: str) -> None:
    """Have the kernel and the suite in the cache's folder; quick where they are there.

    Raises:
        subprocess.CalledProcessError: they cannot be had; why was said.
    """
    for one in what:
        folder = TOP / ".cache" / FOLDERS[one]
        subprocess.run(["sh", str(Path(__file__).with_name("prepare.sh")), one, str(folder)], check=True)


def run_cases(cases: list[Case], plan: str = "") -> list[Found]:
    """Run cases in a kernel and return what came of each. One that it dies of is tried once more, in another.

    Args:
        cases: in the order in which they are run.
        plan: the fields of the only plan to try, joined by ``+``; empty for all that displace something.

    Raises:
        RuntimeError: the kernel does not get as far as the first case.
    """
    found: list[Found] = []
    died: set[str] = set()
    while cases:
        with tempfile.TemporaryDirectory(prefix="netopt-tc-testing-") as name:
            lines, said = _in_a_kernel(Path(name), cases, plan)
        begun = [line["id"] for line in lines if "begins" in line]
        last = begun[-1] if said is not None and begun else ""
        found += [line for line in lines if "result" in line and line["id"] != last]
        if said is None:
            break
        if not begun:
            message = f"The kernel did not run its first case: {said}"
            raise RuntimeError(message)
        if last in died:
            found.append({"id": last, "plan": "", **Outcome("failed", "kernel", said).as_dict()})
        else:
            begun.remove(last)
        died.add(last)
        cases = [case for case in cases if case.id not in begun]
    return found


def _in_a_kernel(folder: Path, cases: list[Case], plan: str) -> tuple[list[Found], str | None]:
    """Return what a kernel wrote down, and what it said if it died or hung."""
    asked = {"plan": plan, "cases": [asdict(case) for case in cases]}
    (folder / "cases.json").write_text(json.dumps(asked), encoding="utf-8")
    results = folder / "results"
    results.touch()
    kernel = Kernel(folder, str(TOP / ".venv/bin/python"), "-m", "tests.tc_testing.case_program", "/mnt")
    status = kernel.wait(HUNG_S, lambda: results.stat().st_size)
    whole, _newline, _cut = results.read_text(encoding="utf-8").rpartition("\n")
    lines = [json.loads(line) for line in whole.splitlines()]
    return lines, None if status == 0 else kernel.said()[-SHOWN:]

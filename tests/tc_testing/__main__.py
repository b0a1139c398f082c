# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the kernel's own tests of tc through apply, again, verify, rollback and an apply that fails halfway.

``python -m tests.tc_testing`` runs all cases; with ``--case`` or ``--match`` it runs some, and tells all about them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.tc_testing.cases import LEFT_OUT, Case, suite
from tests.tc_testing.judge import Found, complaints, refusals, table
from tests.tc_testing.run_cases import prepare, run_cases

BATCH = 30  # cases for one kernel


def main() -> int:
    """Run what is asked for and return the exit status."""
    asked = _asked()
    prepare("uml", "suite")
    cases = [case for case in suite() if _is_asked(case, asked)]
    if asked.results:
        asked.results.write_text("", encoding="utf-8")
    found = _run(cases, asked.plan, asked.results)
    whole = not (asked.case or asked.match or asked.plan)
    if not whole:
        _say("\n".join(f"{one['id']} {one['plan']}: {one['result']} {one['message']}" for one in found))
    wrong = complaints(found, refusals(), whole=whole)
    _say("\n\n".join([*wrong, table(found), *(f"Left out: {case}: {why}" for case, why in LEFT_OUT.items())]))
    return 1 if wrong or not found else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.tc_testing", description=__doc__)
    parser.add_argument(
        "--case", action="append", default=[], metavar="ID", help="this one; may be given several times"
    )
    parser.add_argument("--match", metavar="WORDS", help="those with these words in their name or commands")
    parser.add_argument("--plan", metavar="FIELDS", default="", help="this plan alone, e.g. egress_mbit+ingress_mbit")
    parser.add_argument(
        "--results",
        metavar="FILE",
        type=Path,
        help="write what came of each plan, as lines of JSON; so much of a run that is ended early is kept",
    )
    return parser.parse_args()


def _is_asked(case: Case, asked: argparse.Namespace) -> bool:
    if asked.case and case.id not in asked.case:
        return False
    return not asked.match or asked.match in " ".join([case.name, *case.setup, case.command])


def _run(cases: list[Case], plan: str, results: Path | None) -> list[Found]:
    """Run cases in as many kernels as there are processors, and return what came of them, in their order."""
    found: list[Found] = []
    names = {case.id: case.name for case in cases}
    batches = [cases[at : at + BATCH] for at in range(0, len(cases), BATCH)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [pool.submit(run_cases, batch, plan) for batch in batches]
        try:
            for number, done in enumerate(as_completed(running), 1):
                came = [{**one, "name": names[one["id"]]} for one in done.result()]
                found += came
                if results:
                    with results.open("a", encoding="utf-8") as stream:
                        stream.writelines(json.dumps(one) + "\n" for one in came)
                _say(f"... {number * BATCH if number < len(batches) else len(cases)} of {len(cases)} cases")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    place = {case.id: number for number, case in enumerate(cases)}
    return sorted(found, key=lambda one: place[one["id"]])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

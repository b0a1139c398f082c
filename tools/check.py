# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the project's checks, some at a time, and says at the end what passed, failed and was skipped.

``python tools/check.py`` runs those of the groups ``lint`` and ``test``, ``python tools/check.py
lint`` a group, ``python tools/check.py ruff`` one. What ``coverage`` runs are the tests of ``ansible-units`` once
more, with a count of the lines that they reach.

Those two groups take less than 25 minutes on two processors. So each kind of behaviour has a test in ``test`` that
shows it for real; further cases of the kind that take long are marked ``long``, and the group ``long`` runs them.

Tests that failed beside others run once more, alone, and the summary says so: most of them wait for hosts, and two
processors that are busy with three checks keep them waiting.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
BIN = TOP / ".venv" / "bin"
COLLECTION = TOP / "ansible_collections" / "netopt" / "linux"
UNIT_TESTS = "ansible_collections/netopt/linux/tests/unit"
AT_ONCE = 4  # beside one that emulates a machine: those that wait for hosts leave a processor idle half the time
SCRIPTS = (
    "tools/setup.sh",
    "tools/setup_node.sh",
    "tools/ansible_test.sh",
    "contrib/execution-environment/build.sh",
    "mcp_bridge/adopt/sandbox/recorder.sh",
    "tests/compat/before.sh",
    "tests/devices/prepare.sh",
    "tests/tc_testing/prepare.sh",
)
ON_MACHINES = tuple(f"tests/e2e/test_{name}.py" for name in ("lab_vm", "vm", "vm_adapt", "vm_persist", "vm_waves"))
ON_RUNS = tuple(
    f"tests/e2e/test_{name}.py"
    for name in ("runs", "rollouts", "mcp_rollouts", "wave_of_troubles", "runner_ways", "hung_hosts", "extend")
)
ON_PLANS = tuple(
    f"tests/e2e/test_{name}.py"
    for name in ("each_hosts_plan", "interfaces", "own_cards", "plans_in_force", "routes", "side_by_side", "verify")
)
ON_OWN_KERNEL = tuple(
    f"tests/kernel/test_{name}.py"
    for name in (
        *("adapt_own_kernel", "adopted_hosts", "adopted_packets", "adopted_scripts", "coverage_own_kernel"),
        *("followers_own_kernel", "impairment_own_kernel", "interfaces_own_kernel", "tc_by_hand"),
    )
)
SOME_MODULES = ("netopt_sysctl", "netopt_tc")
NOTHING_COLLECTED = 5  # pytest's exit status


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        name: what it is called on the command line.
        group: ``lint``, ``test``, or one that only runs when it is named: ``conformance``, ``coverage``, ``long``,
            ``machines``, ``measuring``, ``releases``.
        argv: the command; its first word is looked for in .venv first.
        root: whether it needs root.
        paths: it is skipped when none of them exists.
        cwd: where it runs, from the top of the checkout.
        machine: whether it emulates a machine, which keeps a processor busy; one of these runs at a time.
        beyond: what runs more of the same kind, and longer.
    """

    name: str
    group: str
    argv: tuple[str, ...]
    root: bool = False
    paths: tuple[str, ...] = ()
    cwd: str = "."
    machine: bool = False
    beyond: str = ""


def _pytest(name: str, path: str, *more: str, group: str = "test", **about: Any) -> Check:
    argv = ("pytest", "-q", "--durations=5", "-o", f"cache_dir=.cache/pytest/{name}", path, *more)
    return Check(name, group, argv, paths=(path,), **about)


def _with_long(
    name: str, path: str, *more: str, of: str = "", beyond: str = "make long", **about: Any
) -> tuple[Check, Check]:
    """Return the check of the tests that ``make test`` runs, and the one of those that it leaves out for their length.

    Args:
        name: what the first is called; the other one is ``NAME-long``.
        path: where the tests are.
        more: further words for pytest.
        of: which of the tests, as pytest's ``-m`` has it; all of them by default.
        beyond: what runs more than the first.
        about: fields of both checks.
    """
    which = f"{of} and " if of else ""
    return (
        _pytest(name, path, *more, "-m", f"{which}not long", beyond=beyond, **about),
        _pytest(f"{name}-long", path, *more, "-m", f"{which}long", group="long", **about),
    )


CHECKS = (
    Check("ruff", "lint", ("ruff", "check", ".")),
    Check("format", "lint", ("ruff", "format", "--check", ".")),
    Check("mypy", "lint", ("mypy",)),
    Check("imports", "lint", ("lint-imports", "--no-cache")),
    Check("shellcheck", "lint", ("shellcheck", ".ci/run", *SCRIPTS)),
    Check("containerfile", "lint", ("hadolint", "contrib/Containerfile")),
    Check("ansible-lint", "lint", ("ansible-lint",)),
    Check("changelog", "lint", ("antsibull-changelog", "lint"), cwd="ansible_collections/netopt/linux"),
    Check("docs", "lint", ("antsibull-docs", "lint-collection-docs", "--plugin-docs", str(COLLECTION))),
    Check("site", "lint", ("python", "-m", "tools.docs")),
    Check("galaxy", "lint", ("python", "-m", "tools.galaxy_import")),
    # the slow ones first, so that those at the end are short
    *_with_long("e2e-vm", *ON_MACHINES, root=True, machine=True),
    *_with_long("bridge", "tests/bridge"),
    *_with_long("e2e", "tests/e2e", *(f"--ignore={path}" for path in (*ON_MACHINES, *ON_PLANS, *ON_RUNS)), root=True),
    *_with_long("faults", "tests/faults", of="not vm", root=True, beyond="make long, make properties"),
    *_with_long("kernel", "tests/kernel", *(f"--ignore={path}" for path in ON_OWN_KERNEL), root=True),
    *_with_long("own-kernel", *ON_OWN_KERNEL, root=True),
    *_with_long("e2e-plans", *ON_PLANS, root=True),
    *_with_long("e2e-runs", *ON_RUNS, root=True),
    *_with_long("effects", "tests/effects", root=True),
    *_with_long("tc-states", "tests/tc_testing", beyond="make long, make tc-testing", root=True),
    *_with_long("devices", "tests/devices", root=True, machine=True),
    *_with_long("faults-vm", "tests/faults", of="vm", root=True, machine=True, beyond="make long, make properties"),
    Check("sanity", "test", ("tools/ansible_test.sh", "sanity")),
    *_with_long("attacks", "tests/attacks", root=True),
    *_with_long("contract", "tests/contract", root=True),
    *_with_long("compat", "tests/compat", root=True),
    Check(
        "integration", "test", ("tools/ansible_test.sh", "integration", *SOME_MODULES), root=True, beyond="make long"
    ),
    Check("integration-long", "long", ("tools/ansible_test.sh", "integration"), root=True),
    Check("molecule-default", "test", ("molecule", "test", "-s", "default"), root=True, paths=("molecule/default",)),
    Check("ansible-units", "test", ("tools/ansible_test.sh", "units"), paths=(UNIT_TESTS,)),
    _pytest("oldest", "tests/releases", "-m", "oldest", "-k", "at_once or printed", root=True, beyond="make releases"),
    _pytest("coverage", UNIT_TESTS, "--cov", "--cov-config=tools/coverage.ini", root=True, group="coverage"),
    Check("molecule-vm", "machines", ("molecule", "test", "-s", "vm"), root=True, paths=("molecule/vm",), machine=True),
    _pytest("releases", "tests/releases", root=True, group="releases"),
    _pytest("conformance", "tests/conformance", root=True, group="conformance"),
    _pytest("measuring", "tests/measuring", root=True, group="measuring"),
)


def skip_reason(check: Check) -> str:
    """Return why a check cannot run here; empty when it can."""
    if check.root and os.geteuid() != 0:
        return "needs root"
    if check.paths and not any((TOP / path).exists() for path in check.paths):
        return f"there is no {' or '.join(check.paths)}"
    return "" if _program(check.argv[0]) else f"{check.argv[0]} is not installed: run make setup"


def _program(word: str) -> str | None:
    """Return the path of a program: of the checkout, of .venv, or of the machine."""
    if "/" in word:
        return str(TOP / word)
    return shutil.which(word, path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")


def run(check: Check) -> tuple[str, float]:
    """Run one check, show its output once it has ended, and return its outcome and how many seconds it took."""
    reason = skip_reason(check)
    if reason:
        return f"skipped: {reason}", 0.0
    print(f"... {check.name}", flush=True)
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    environment = {**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(TOP / "ansible.cfg")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # thousands of starts would compile the same sources
    begun = time.monotonic()
    argv = [_program(check.argv[0]) or check.argv[0], *check.argv[1:]]
    done = subprocess.run(
        argv,
        cwd=TOP / check.cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    seconds = time.monotonic() - begun
    text = done.stdout.decode(errors="replace").rstrip()
    print(f"\n=== {check.name}: {' '.join(check.argv)}\n{text}", flush=True)
    if done.returncode == NOTHING_COLLECTED and check.argv[0] == "pytest":
        return "skipped: it has no such tests here", seconds
    return ("passed" if done.returncode == 0 else f"FAILED with exit status {done.returncode}"), seconds


def once_more(check: Check, outcome: str) -> str:
    """Run the tests of a check that failed beside others alone, and return the outcome."""
    if not outcome.startswith("FAILED") or check.argv[0] != "pytest":
        return outcome
    added = ("--cov-append",) if "--cov" in check.argv else ()  # what the first run reached counts
    words = ("--last-failed", "--last-failed-no-failures", "none", *added)
    again, _seconds = run(replace(check, argv=(*check.argv, *words)))
    return "passed; what failed beside other checks passed alone" if again.startswith("passed") else outcome


def main() -> int:
    """Run the checks that were named, all by default; 0 when none failed."""
    wanted = sys.argv[1:]
    known = {check.name for check in CHECKS} | {check.group for check in CHECKS}
    unknown = [word for word in wanted if word not in known]
    if unknown:
        print(f"No such check: {', '.join(unknown)}. There are: {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    groups = wanted or ["lint", "test"]
    chosen = [check for check in CHECKS if check.name in groups or check.group in groups]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as workers, ThreadPoolExecutor(max_workers=1) as machine:
        begun = [(check, (machine if check.machine else workers).submit(run, check)) for check in chosen]
        first = [(check, *running.result()) for check, running in begun]
    outcomes = [(check, (once_more(check, outcome), seconds)) for check, outcome, seconds in first]
    print("\n=== Summary")
    for check, (outcome, seconds) in outcomes:
        print(f"{check.name:18} {seconds:7.1f} s  {outcome}" + (f"; all of them: {check.beyond}" * bool(check.beyond)))
    said = [outcome.partition(" ")[0].rstrip(":;") for _, (outcome, _) in outcomes]
    print(f"\n{said.count('passed')} passed, {said.count('FAILED')} failed, {said.count('skipped')} skipped")
    return int("FAILED" in said)


if __name__ == "__main__":
    sys.exit(main())

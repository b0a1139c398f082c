# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""No test is lost: what ``make test`` leaves out for its length, ``make long`` runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.check import CHECKS, Check

TOP = Path(__file__).parents[2]
FILES = [path.relative_to(TOP) for path in sorted((TOP / "tests").rglob("test_*.py"))]
LONG = [
    path for path in FILES if "mark.long" in (TOP / path).read_text(encoding="utf-8") and path.stem != "test_checks"
]
BY_NAME = {check.name: check for check in CHECKS}


def holds(check: Check, path: Path) -> bool:
    """Return whether a check runs tests of a file."""
    parts = {path, *path.parents}
    ignored = any(Path(word.removeprefix("--ignore=")) in parts for word in check.argv if word.startswith("--ignore="))
    return any(Path(word) in parts for word in check.argv if word.startswith("tests/")) and not ignored


@pytest.mark.parametrize("path", LONG, ids=str)
def test_a_check_runs_what_another_leaves_out(path: Path) -> None:
    """Each check of a file with long tests has one that runs these."""
    checks = [check for check in CHECKS if check.group == "test" and holds(check, path)]
    assert checks
    for check in checks:
        assert "not long" in check.argv[-1]
        other = BY_NAME[f"{check.name}-long"]
        assert (other.group, holds(other, path), other.argv[-1]) == (
            "long",
            True,
            check.argv[-1].replace("not long", "long"),
        )


def test_ci_runs_them() -> None:
    """What a change must pass has them all."""
    assert "make long" in (TOP / ".ci/run").read_text(encoding="utf-8").splitlines()

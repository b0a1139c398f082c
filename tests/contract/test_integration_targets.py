# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each module has a target for ``ansible-test integration`` that shows what a module owes its user."""

from __future__ import annotations

from pathlib import Path

import pytest

COLLECTION = Path(__file__).parents[2] / "ansible_collections" / "netopt" / "linux"
TARGETS = COLLECTION / "tests" / "integration" / "targets"
# over many hosts, in playbooks of their own: one drives other modules, one tells what came of it
OF_PLAYBOOKS = {"netopt_rollout", "netopt_summary"}
MODULES = sorted({path.stem for path in COLLECTION.glob("plugins/modules/netopt_*.py")} - OF_PLAYBOOKS)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_target(module: str) -> None:
    """It runs in check mode, for real and again, by itself or as steps of the shared role, and says what is to be."""
    text = (TARGETS / module / "tasks" / "main.yml").read_text(encoding="utf-8")
    by_itself = "check_mode: true" in text and text.count(f"netopt.linux.{module}:") >= 3
    assert by_itself or f"step_module: netopt.linux.{module}\n" in text
    assert "ansible.builtin.assert:" in text or "tasks_from: step" in text
    assert "destructive" in (TARGETS / module / "aliases").read_text(encoding="utf-8").splitlines()


def test_every_target_is_of_a_module() -> None:
    """Nothing is left of a module that has another name by now."""
    assert {path.name for path in TARGETS.iterdir()} - {"setup_netopt"} <= set(MODULES) | OF_PLAYBOOKS

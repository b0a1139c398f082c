# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which playbook Ansible reads on this machine: the plays for waves only where there are waves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.backends import local
from mcp_bridge.backends.job import Job
from mcp_bridge.models import Rollout

PLAYBOOKS = COLLECTIONS_ROOT / "ansible_collections" / "netopt" / "linux" / "playbooks"


@pytest.mark.parametrize(
    ("name", "variables", "read"),
    [
        ("apply", {}, "apply_at_once"),
        ("apply", Rollout(waves=["1", "100%"]).extra_vars(), "apply"),
        ("apply", Rollout(canary=1).extra_vars(), "apply"),
        ("apply", Rollout(max_failures=0).extra_vars(), "apply"),
        ("rollback", {}, "rollback"),
    ],
)
def test_playbook(monkeypatch: pytest.MonkeyPatch, name: str, variables: dict[str, Any], read: str) -> None:
    """A change without waves begins at the play that the playbook for all changes begins with."""
    asked: list[Job] = []
    monkeypatch.setattr(local, "run_playbook", lambda job, **_: asked.append(job))
    job = Job(f"netopt.linux.{name}", extravars={"netopt_plan": {}, **variables}, forks=7)
    local.LocalBackend().run(job, run_id="r", folder=Path(), on_event=lambda _: None)
    assert [(one.playbook, one.extravars, one.forks) for one in asked] == [(f"netopt.linux.{read}", job.extravars, 7)]


def test_the_same_play() -> None:
    """Whoever runs ``netopt.linux.apply`` by hand gets that play first."""
    first = yaml.safe_load((PLAYBOOKS / "apply.yml").read_text(encoding="utf-8"))[0]
    assert first["ansible.builtin.import_playbook"] == f"{local.AT_ONCE.rpartition('.')[2]}.yml"

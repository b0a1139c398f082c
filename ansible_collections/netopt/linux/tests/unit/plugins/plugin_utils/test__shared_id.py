# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of checkpoints that nobody named; how hosts come to the same one is tested with playbooks, in tests/e2e."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.playbook.block import Block
from ansible.playbook.handler import Handler
from ansible.playbook.play import Play
from ansible.playbook.task import Task

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import check_id
from ansible_collections.netopt.linux.plugins.plugin_utils._shared_id import shared_id


def made(kind: type[Task] = Task, **parts: Any) -> Task:
    """Return a task, or a handler, with these keywords."""
    task = kind(block=Block(play=Play()))
    for name, value in parts.items():
        setattr(task, name, value)
    return task


def test_each_task_has_its_own() -> None:
    """The copies that hosts get of a task have the same id, and another task has another one."""
    task, other = made(), made()
    assert shared_id(task) == shared_id(task.copy()) != shared_id(other)
    assert check_id(shared_id(task) or "")


@pytest.mark.parametrize("parts", [{"loop": [1, 2]}, {"until": ["true"]}, {"retries": 2}])
def test_task_that_runs_more_than_once(parts: dict[str, Any]) -> None:
    """Each of its checkpoints needs an id, so that hosts make them up."""
    assert shared_id(made(**parts)) is None


def test_handler() -> None:
    """It runs whenever it was notified and handlers are flushed."""
    assert shared_id(made(Handler)) is None

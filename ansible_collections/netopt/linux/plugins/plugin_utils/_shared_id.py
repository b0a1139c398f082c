# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: SLF001 - ansible-core gives the uuid and the parent of a task no public names

"""The id of a checkpoint that nobody named: the same on every host of a run, and another one for each task.

The processes of the hosts cannot ask each other. Each works the id out from what they have in common: what their
parent drew by lot before it made them, and where the task stands in the playbook.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ansible.playbook.handler import Handler
from ansible.playbook.task_include import TaskInclude

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import new_id

if TYPE_CHECKING:
    from ansible.playbook.task import Task

# ansible-core loads an action, and this with it, before it makes a process for each host
_BEGUN, _LOT = new_id().rsplit("-", 1)


def shared_id(task: Task) -> str | None:
    """Return the id that a task gives its checkpoint on every host, ``None`` where each host has to make one up.

    That is so for a task that can run more than once on a host: its checkpoints need an id each.
    """
    if task.loop or task.until or task.retries or isinstance(task, Handler):
        return None
    drawn = hashlib.sha256(f"{_LOT} {_place(task)}".encode()).hexdigest()
    return f"{_BEGUN}-{drawn[: len(_LOT)]}"


def _place(task: Task) -> str:
    """Return what tells a task from all others of the run, and is the same for every host.

    A task's uuid is that, save below ``include_role`` and ``include_tasks``. What these include is loaded anew for each
    batch of ``serial``, with the strategy ``free`` even for each host, so there it is the uuid of the outermost one
    and the lines that lead from it to the task.
    """
    place, lines, above = task._uuid, [task.get_path()], task._parent
    while above is not None:
        if isinstance(above, TaskInclude):
            if not above.statically_loaded:
                if above.loop:
                    return task._uuid  # the same lines once for each item
                place = "\n".join([above._uuid, *lines])
            lines.append(above.get_path())
        above = above._parent
    return place

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: SLF001 - ansible-core gives what hostvars is made of no public names

"""Variables of the other hosts of a play, as tasks on these see them.

A task that runs once for all hosts sees those of the first one. ``hostvars`` has the inventory's and leaves out what
the play and its import say, which may be a template with another value on each host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible.template import Templar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible.plugins.action import ActionBase


def variables_of(host: str, action: ActionBase, variables: Mapping[str, Any]) -> Callable[[str], Any]:
    """Return what gives a variable of a host by its name, and ``None`` where the host has none of that name.

    It raises an ``AnsibleError`` where the variable is a template that cannot be evaluated.

    Args:
        host: its name.
        action: of the task that asks.
        variables: the task's.
    """
    everything = variables["hostvars"]
    found = everything._variable_manager.get_vars(
        play=action._task.get_play(),
        host=everything._inventory.get_host(host),
        task=action._task,
        _hosts=variables["ansible_play_batch"],  # known already, and long to find out in a large inventory
        _hosts_all=variables["ansible_play_hosts_all"],
    )
    templar = Templar(loader=action._loader, variables=found)
    return lambda name: templar.template(found[name]) if name in found else None

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says what came of a playbook on all of its hosts; documented in ``plugins/modules/netopt_summary.py``."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.netopt.linux.plugins.plugin_utils._summary import ABOUT, table, unknown_checkpoint


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core has no types
    """Looks at what was registered for each host; no host is asked."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the table; fails where a checkpoint is named that no host has."""
        super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec={
                "about": {"type": "str", "choices": list(ABOUT), "required": True},
                "registered": {"type": "str", "required": True},
                "checkpoint_id": {"type": "str"},
            }
        )
        variables = task_vars or {}
        hosts = [str(host) for host in variables["ansible_play_hosts_all"]]
        results = {host: variables["hostvars"][host].get(options["registered"]) or {} for host in hosts}
        found = {"changed": False, "table": table(options["about"], results)}
        wrong = unknown_checkpoint(results, options["checkpoint_id"]) if options["checkpoint_id"] else None
        if wrong:
            return {**found, "failed": True, "msg": wrong}
        return {**found, "_ansible_verbose_always": True}  # as of ansible.builtin.debug: it is there to be read

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what the variables of an inventory's hosts say, templates evaluated; a process of its own.

It takes the options of ``ansible-inventory``, whose ``--list`` prints templates as they are written. Equal values are
printed once: ``{"values": [{"netopt_plan": ...}, ...], "hosts": {name: number}, "errors": {name: text}}``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible import context
from ansible.cli import CLI
from ansible.cli.inventory import InventoryCLI
from ansible.errors import AnsibleError
from ansible.template import Templar

NAMES = ("netopt_plan", "netopt_plans")


class PlansCLI(InventoryCLI):  # type: ignore[misc]  # ansible-core has no types
    """``ansible-inventory --list`` for a few variables."""

    name = "ansible-inventory"

    def run(self) -> None:
        """Print what there is."""
        CLI.run(self)
        loader, inventory, manager = self._play_prereqs()
        values: list[dict[str, Any]] = []
        known: dict[str, int] = {}
        hosts: dict[str, int] = {}
        errors: dict[str, str] = {}
        for host in self.get_host_list(inventory, context.CLIARGS["subset"]):
            variables = manager.get_vars(host=host)
            templar = Templar(loader=loader, variables=variables)
            try:
                found = {name: templar.template(variables[name]) for name in NAMES if name in variables}
            except AnsibleError as error:  # a template that cannot be evaluated
                errors[host.name] = " ".join(str(error).split())
                continue
            text = json.dumps(found, sort_keys=True, default=str)  # str: what a vault has encrypted
            number = hosts[host.name] = known.setdefault(text, len(values))
            if number == len(values):
                values.append(json.loads(text))
        sys.stdout.write(json.dumps({"values": values, "hosts": hosts, "errors": errors}))


if __name__ == "__main__":
    PlansCLI.cli_executor(sys.argv)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of netopt_probe; documented in ``plugins/modules/netopt_probe.py``."""

from __future__ import annotations

from typing import Any

from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction


class ActionModule(TransportAction):
    """Carries netopt_probe to the target; where throughput is to another host of the inventory, has that one serve."""

    def ask(self, module: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the module's result."""
        target = options.get("iperf")
        if not target or target not in variables.get("groups", {}).get("all", ()):
            return super().ask(module, options, variables)
        ask = super().ask
        if target != variables.get("inventory_hostname"):
            from ansible_collections.netopt.linux.plugins.plugin_utils._iperf import Server  # noqa: PLC0415 - rare

            return Server(self, target, variables).measure(options, lambda other: ask(module, other, variables))
        result: dict[str, Any] = {"changed": False, "measurements": {"ping": {}, "tcp": {}}}
        if options["ping"] or options["tcp"]:
            result = ask(module, {**options, "iperf": None}, variables)
        return result  # a host does not measure throughput to itself

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of netopt_checkpoint; documented in ``plugins/modules/netopt_checkpoint.py``."""

from __future__ import annotations

from typing import Any

from ansible_collections.netopt.linux.plugins.plugin_utils._shared_id import shared_id
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction


class ActionModule(TransportAction):
    """Carries netopt_checkpoint to the target."""

    def ask(self, module: str, options: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the module's result; a new checkpoint that nobody named has one name on all hosts."""
        if options["state"] == "present":
            options = {**options, "id": options["id"] or shared_id(self._task)}
        return super().ask(module, options, variables)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of netopt_info; documented in ``plugins/modules/netopt_info.py``."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.plugin_utils._transport import TransportAction


class ActionModule(TransportAction):
    """Carries netopt_info to the target."""

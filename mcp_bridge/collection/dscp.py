# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the DiffServ code points."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.dscp import (
    DSCP_MAX,
    DSCP_NAMES,
    DSCP_WANTED,
    code_point,
)

__all__ = ["DSCP_MAX", "DSCP_NAMES", "DSCP_WANTED", "code_point"]

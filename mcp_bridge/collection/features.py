# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of features of network interfaces, as ethtool and plans have them."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._link.ethtool_features import SHORT_NAMES

__all__ = ["SHORT_NAMES"]

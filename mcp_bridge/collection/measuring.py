# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts can measure, and the names of the objectives."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._probe.targets import MAX_TARGETS, checked
from ansible_collections.netopt.linux.plugins.plugin_utils._objectives import DELAYS, REGRESSION, THROUGHPUT

__all__ = ["DELAYS", "MAX_TARGETS", "REGRESSION", "THROUGHPUT", "checked"]

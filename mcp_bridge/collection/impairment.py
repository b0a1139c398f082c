# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host knows of netem: which fields need which, and how much it loses."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._tc.netem import CLASSES_MAX, lost_pct, unmet

__all__ = ["CLASSES_MAX", "lost_pct", "unmet"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of the features of a network interface."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.feature_names import (
    KERNEL_NAMES,
    SHORT_NAMES,
    is_known,
    plan_name,
)

__all__ = ["KERNEL_NAMES", "SHORT_NAMES", "is_known", "plan_name"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The names of the types of ICMP messages."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.icmp import (
    ICMP_TYPES,
    TYPE_MAX,
    type_number,
    types_wanted,
)

__all__ = ["ICMP_TYPES", "TYPE_MAX", "type_number", "types_wanted"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spellings of sysctl keys, as targets know them."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._sysctl.keys import (
    IFACE,
    canonical,
    family,
    for_interfaces,
    same,
)
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.side_effects import (
    IPV4_FORWARD,
    IPV6_FORWARD,
    is_reset_by,
)

__all__ = ["IFACE", "IPV4_FORWARD", "IPV6_FORWARD", "canonical", "family", "for_interfaces", "is_reset_by", "same"]

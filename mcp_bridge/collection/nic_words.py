# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a plan's ``nic`` and ``steering``."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._link.steering import list_of_mask
from ansible_collections.netopt.linux.plugins.module_utils._plan.nic_words import (
    BY_NAME,
    CPUS_WANTED,
    MAX,
    NIC,
    NIC_NAMES,
    PROMISC,
    RFS_ENTRIES,
    RFS_KEY,
    STEERING_NAMES,
    cpu_list,
    flat,
    is_max,
    nested,
    power_of_two,
)

__all__ = [
    "BY_NAME",
    "CPUS_WANTED",
    "MAX",
    "NIC",
    "NIC_NAMES",
    "PROMISC",
    "RFS_ENTRIES",
    "RFS_KEY",
    "STEERING_NAMES",
    "cpu_list",
    "flat",
    "is_max",
    "list_of_mask",
    "nested",
    "power_of_two",
]

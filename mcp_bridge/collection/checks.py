# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts check too: rules of table ``inet netopt``, classes that are looked up, checks of the host's facts."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._nft.class_maps import is_exact
from ansible_collections.netopt.linux.plugins.module_utils._tc.class_tree import overbooked
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import by_sender, looked_up
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent as tc_intent
from ansible_collections.netopt.linux.plugins.module_utils._tc.u32_match import port_masks
from ansible_collections.netopt.linux.plugins.module_utils._transaction.misses import FORWARDING, families_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.preflight import CHECKS as PREFLIGHT_CHECKS

__all__ = [
    "FORWARDING",
    "PREFLIGHT_CHECKS",
    "by_sender",
    "families_of",
    "is_exact",
    "looked_up",
    "overbooked",
    "port_masks",
    "tc_intent",
]

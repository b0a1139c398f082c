# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctl keys, tc trees and links of a network namespace, as a host reads them."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._netlink.messages import as_text, as_u32, attributes
from ansible_collections.netopt.linux.plugins.module_utils._netlink.route_socket import RouteSocket
from ansible_collections.netopt.linux.plugins.module_utils._query.beyond_defaults import OF_THE_DEVICE, values
from ansible_collections.netopt.linux.plugins.module_utils._tc.class_tree import (
    SHAPER_CLASS,
    SMALLEST_MBIT,
    SPARED_CLASS,
    UNLIMITED_MBIT,
)
from ansible_collections.netopt.linux.plugins.module_utils._tc.class_words import (
    R2Q,
    SMALLEST_BURST,
    SMALLEST_QUANTUM,
    usual_burst,
    usual_quantum,
)
from ansible_collections.netopt.linux.plugins.module_utils._tc.netlink_options import ACTIONS, class_of, may_act
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import (
    EGRESS_HOOK,
    INGRESS,
    ROOT,
    U32_FIRST,
    TcObject,
    handle_text,
    major,
    objects,
)
from ansible_collections.netopt.linux.plugins.module_utils._tc.observe import links, observe
from ansible_collections.netopt.linux.plugins.module_utils._tc.parameters import cake_of_link
from ansible_collections.netopt.linux.plugins.module_utils._tc.rate_tables import SIZESPEC, STAB_BASE, TICK_NS
from ansible_collections.netopt.linux.plugins.module_utils._tc.show_parse import HTB_CEIL64, HTB_OPT, HTB_RATE64

__all__ = [
    "ACTIONS",
    "EGRESS_HOOK",
    "HTB_CEIL64",
    "HTB_OPT",
    "HTB_RATE64",
    "INGRESS",
    "OF_THE_DEVICE",
    "R2Q",
    "ROOT",
    "SHAPER_CLASS",
    "SIZESPEC",
    "SMALLEST_BURST",
    "SMALLEST_MBIT",
    "SMALLEST_QUANTUM",
    "SPARED_CLASS",
    "STAB_BASE",
    "TICK_NS",
    "U32_FIRST",
    "UNLIMITED_MBIT",
    "RouteSocket",
    "TcObject",
    "Tools",
    "as_text",
    "as_u32",
    "attributes",
    "cake_of_link",
    "class_of",
    "handle_text",
    "links",
    "major",
    "may_act",
    "objects",
    "observe",
    "usual_burst",
    "usual_quantum",
    "values",
]

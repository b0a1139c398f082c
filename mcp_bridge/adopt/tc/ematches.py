# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matches of filters of the kind basic as plans have them. Pure.

An extended match of the kind meta compares what the kernel knows of a packet, of which plans know its priority and its
mark. Layouts: linux/pkt_cls.h (struct tcf_ematch_tree_hdr, struct tcf_ematch_hdr), linux/tc_ematch/tc_em_meta.h.
"""

from __future__ import annotations

import struct
from typing import Any

from mcp_bridge.collection.kernel_state import as_u32, attributes

EMATCHES = 2  # TCA_BASIC_EMATCHES
LIST = 2  # TCA_EMATCH_TREE_LIST
HEAD = struct.Struct("=HHHH")  # matchid, kind, flags, pad
META = 4  # TCF_EM_META
RELATION, AND, INVERTED = 0x3, 0x1, 0x4  # bits of the flags; the last match has no relation
META_HEAD, LEFT, RIGHT = 1, 2, 3
VALUE = struct.Struct("=HBB")  # kind, shift, op: one of each side
KIND, IS_INT = 0x7FF, 1 << 12
CONSTANT, PRIORITY, MARK = 0, 6, 12  # TCF_META_ID_VALUE, _PRIORITY, _NFMARK
EQUAL = 0
U32 = 2**32 - 1


def meta_match(options: bytes) -> dict[str, Any] | None:
    """Return what a filter of the kind basic matches, as a plan has it; ``None`` where no plan does."""
    tree = dict(attributes(options)).get(EMATCHES)
    if tree is None:
        return {}
    found: dict[str, Any] = {}
    members = [payload for _number, payload in attributes(dict(attributes(tree)).get(LIST, b""))]
    for number, member in enumerate(members, 1):
        _id, kind, flags, _pad = HEAD.unpack_from(member)
        relation = AND if number < len(members) else 0
        said = _compared(member[HEAD.size :]) if kind == META and not flags & INVERTED else None
        if said is None or flags & RELATION != relation or found.keys() & said.keys():
            return None
        found |= said
    return found


def _compared(meta: bytes) -> dict[str, Any] | None:
    """Return a comparison of a packet's priority or mark with a number."""
    told = dict(attributes(meta))
    left, shift, operator = VALUE.unpack_from(told[META_HEAD])
    right, right_shift, _other = VALUE.unpack_from(told[META_HEAD], VALUE.size)
    if operator != EQUAL or shift or right_shift or right & KIND != CONSTANT or not left & right & IS_INT:
        return None
    mask, value = (as_u32(told[each]) if each in told else 0 for each in (LEFT, RIGHT))
    if left & KIND == PRIORITY and mask in (0, U32):
        return {"skb_priority": value}
    if left & KIND == MARK:
        return {"fwmark": value if mask in (0, U32) else f"0x{value:x}/0x{mask:x}"}
    return None

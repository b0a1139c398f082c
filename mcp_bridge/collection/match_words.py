# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of a class's match that are a value with a mask."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.match_words import (
    FLAGS_WANTED,
    FWMARK_WANTED,
    TCP_FLAGS,
    U32_MAX,
    flag_words,
    flags_of,
    mark_of,
)

__all__ = ["FLAGS_WANTED", "FWMARK_WANTED", "TCP_FLAGS", "U32_MAX", "flag_words", "flags_of", "mark_of"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces of a host a plan is for, and how its text shows them."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import (
    AUTO,
    IFACES_MAX,
    Wanted,
    as_word,
    find,
    host_interfaces,
    is_glob,
    named,
    placeholder,
)

__all__ = ["AUTO", "IFACES_MAX", "Wanted", "as_word", "find", "host_interfaces", "is_glob", "named", "placeholder"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift in one line."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._drift.told import told

ONE = {"key": "net.ipv4.tcp_rmem", "wanted": "1\t2", "found": "3", "checkpoint_id": "c"}


def test_told() -> None:
    """The first settings are named with what was wanted and found; a setting that is gone was found as none."""
    assert told([ONE]) == "1 setting differs: net.ipv4.tcp_rmem: wanted 1 2, found 3 (set by c)"
    gone = {**ONE, "key": "eth0", "wanted": None, "found": None}
    assert told([ONE, gone]).endswith("; eth0: wanted (none), found (none) (set by c)")
    assert told([ONE] * 5).startswith("5 settings differ: ")
    assert told([ONE] * 5).endswith("; and 2 more")

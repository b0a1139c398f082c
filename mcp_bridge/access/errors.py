# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a caller is told that may not do something."""

from __future__ import annotations

from mcp_bridge.errors import NetoptBridgeError


class AccessError(NetoptBridgeError):
    """A call that is refused.

    Args:
        message: what is refused and why, in one line.
        hint: what to do about it, in one line.
        kind: a word for the audit log: ``caller``, ``scope``, ``rate``, ``bounds``, ``hosts``, ``plan``,
            ``timeout``, ``consent``, ``files`` or ``read-only``.
    """

    def __init__(self, message: str, *, hint: str, kind: str) -> None:
        super().__init__(message, hint=hint)
        self.kind = kind

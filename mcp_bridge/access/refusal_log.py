# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes refused calls down; many of a kind in a short time become one line that counts them."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from mcp_bridge.audit.log import AuditLog
from mcp_bridge.errors import NetoptBridgeError

LOG = logging.getLogger(__name__)

FLOOD_S = 10.0
KINDS_MAX = 1000


class Refusals:
    """The refused calls of a server, so that nobody fills the disk with them.

    Args:
        audit: where they are written down.
    """

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._lock = threading.Lock()
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, *, caller: str, action: str, fields: dict[str, Any], flood: str | None) -> None:
        """Write a refused call down.

        Args:
            caller: who asked.
            action: ``tool``, ``resource``, ``prompt`` or ``token``.
            fields: further fields of the entry.
            flood: names the source where such calls may come by the thousand: one line in ten seconds stands for
                all of its calls.

        Raises:
            AuditError: it cannot be written.
        """
        left_out = 0
        if flood is not None:
            now = time.monotonic()
            with self._lock:
                if len(self._seen) > KINDS_MAX:
                    self._seen.clear()
                since, left_out = self._seen.get((flood, action), (-FLOOD_S, 0))
                if now - since < FLOOD_S:
                    self._seen[flood, action] = (since, left_out + 1)
                    return
                self._seen[flood, action] = (now, 0)
        detail = {**fields.get("detail", {}), **({"not_written_before": left_out} if left_out else {})}
        self._audit.append(
            caller=caller, action=action, outcome="refused", decision="refused", **{**fields, "detail": detail}
        )

    def note_unauthenticated(self, action: str, reason: str) -> None:
        """Write down that somebody was not let in; where that fails, the log of the server says so.

        Args:
            action: ``token`` or ``user``.
            reason: why, in a few words.
        """
        try:
            self.note(caller="mcp unknown", action=action, fields={"detail": {"reason": reason}}, flood=action)
        except NetoptBridgeError as error:
            LOG.error("A refused client is not in the audit log: %s", error)  # noqa: TRY400  # it is turned away anyway

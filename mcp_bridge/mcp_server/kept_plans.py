# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the plans that a server rendered, so that a client hands back a digest instead of megabytes of text."""

from __future__ import annotations

import threading
from collections import OrderedDict

from mcp_bridge.errors import RunError
from mcp_bridge.models import RenderedPlan

PLANS_MAX = 100
BYTES_MAX = 50_000_000


class KeptPlans:
    """The latest plans by caller and digest; the oldest make room."""

    def __init__(self, *, plans_max: int = PLANS_MAX, bytes_max: int = BYTES_MAX) -> None:
        self._plans: OrderedDict[tuple[str, str], tuple[RenderedPlan, int]] = OrderedDict()
        self._plans_max = plans_max
        self._bytes_max = bytes_max
        self._lock = threading.Lock()

    def keep(self, caller: str, rendered: RenderedPlan) -> None:
        """Keep a plan; one that is too large by itself is not kept."""
        size = len(rendered.model_dump_json())
        key = (caller, rendered.digest)
        with self._lock:
            self._plans.pop(key, None)
            self._plans[key] = (rendered, size)
            while len(self._plans) > self._plans_max or self._bytes() > self._bytes_max:
                self._plans.popitem(last=False)

    def get(self, caller: str, digest: str) -> RenderedPlan:
        """Return a plan that was rendered for this caller.

        Raises:
            RunError: it is not kept (any more).
        """
        with self._lock:
            found = self._plans.get((caller, digest))
            if found is None:
                raise RunError(
                    f"This server keeps no plan with the digest {digest[:12]}... that it rendered for you",
                    hint="Call render_change_plan_tool again, or hand over all of what it returned.",
                )
            self._plans.move_to_end((caller, digest))
            return found[0]

    def _bytes(self) -> int:
        return sum(size for _plan, size in self._plans.values())

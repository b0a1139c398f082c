# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the person behind a client says to the server's questions."""

from __future__ import annotations

from typing import Any

from mcp.types import ElicitRequestParams, ElicitResult


async def says_yes(_message: str, _type: object, _params: object, _context: object) -> dict[str, bool]:
    """Confirm whatever is asked; the elicitation handler of FastMCP's client."""
    return {"confirm": True}


async def sdk_says_yes(_context: Any, _params: ElicitRequestParams) -> ElicitResult:
    """Confirm whatever is asked; the elicitation callback of the reference SDK's session."""
    return ElicitResult(action="accept", content={"confirm": True})

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls one tool of an MCP server by FastMCP's client: ``client.py URL TOOL``, in the network that the server is in.

The arguments come on standard input and the answer goes to standard output, both as JSON; the token is in TOKEN. The
person behind it confirms what is asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from fastmcp import Client


async def _says_yes(_message: str, *_more: object) -> dict[str, bool]:
    return {"confirm": True}


async def _call(url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    async with Client(url, auth=os.environ["TOKEN"], elicitation_handler=_says_yes) as client:
        return (await client.call_tool(tool, arguments)).structured_content or {}


if __name__ == "__main__":
    json.dump(asyncio.run(_call(sys.argv[1], sys.argv[2], json.load(sys.stdin))), sys.stdout)

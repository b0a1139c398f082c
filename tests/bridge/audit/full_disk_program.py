# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fills the disk of a server, and says what came of calls meanwhile: ``full_disk_program.py FOLDER``.

It mounts a small file system below the folder, and so wants a mount namespace of its own.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_bridge.audit.log import AuditLog
from mcp_bridge.mcp_server import server
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings

CALLS: dict[str, dict[str, Any]] = {
    "validate_change_plan_tool": {"parameter_plan": {}},
    "snapshot_checkpoint_tool": {},
}
ENTRIES_MAX = 20  # the last block of the log may have room for some


def fill(path: Path) -> None:
    """Write a file until the disk has no room left."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, b"x" * 512)
    except OSError:
        os.close(handle)


async def answer(client: Client[Any], tool: str, arguments: dict[str, Any]) -> str:
    """Say whether calls of a tool end up being refused for the log's sake."""
    for _ in range(ENTRIES_MAX):
        try:
            await client.call_tool(tool, arguments)
        except ToolError as error:
            if "audit" in str(error):
                return "refused"
    return "done"


async def tried(folder: Path, state: Path) -> list[str]:
    """Call tools with the disk full, and once more with room on it; return what came of it."""
    inventory = folder / "inventory.yml"
    inventory.write_text("all: {hosts: {here: {ansible_connection: local}}}", encoding="utf-8")
    settings = Settings(state_dir=state, inventory=str(inventory))
    async with Client(server.build(Service(settings, caller="tester"))) as client:
        await client.call_tool("list_hosts_tool", {})
        filler = state / "filler"
        fill(filler)
        said = [await answer(client, tool, arguments) for tool, arguments in CALLS.items()]
        said.append("whole" if AuditLog(settings.audit_file).check()[0] is None else "damaged")
        filler.unlink()
        await client.call_tool("list_hosts_tool", {})
        said.append("works")
    return said


def main(folder: Path) -> None:
    """Make the small disk and try."""
    state = folder / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(state)], check=True)
    print(*asyncio.run(tried(folder, state)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

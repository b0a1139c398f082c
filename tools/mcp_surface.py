# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes down what MCP clients see of NetOpt, so that no change of it goes unnoticed.

``python tools/mcp_surface.py`` rewrites the snapshot; a test compares the server with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parent.parent
SNAPSHOT = TOP / "tests" / "contract" / "mcp_surface.json"


async def _read() -> dict[str, Any]:
    from fastmcp import Client  # noqa: PLC0415 - `--help` and errors of the path come first

    from mcp_bridge.mcp_server import server  # noqa: PLC0415
    from mcp_bridge.service import Service  # noqa: PLC0415
    from mcp_bridge.settings import Settings  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder), toolsets=("all",), output_schemas=True)
        async with Client(server.build(Service(settings, caller="snapshot"))) as client:
            listed = {
                "tools": await client.list_tools(),
                "resources": await client.list_resources(),
                "resource_templates": await client.list_resource_templates(),
                "prompts": await client.list_prompts(),
            }
    return {kind: [_plain(entry) for entry in entries] for kind, entries in listed.items()}


def _plain(entry: Any) -> dict[str, Any]:
    found: dict[str, Any] = entry.model_dump(mode="json", by_alias=True, exclude_none=True)
    found.pop("_meta", None)
    return found


def surface() -> dict[str, Any]:
    """Return tools, resources, templates and prompts by name, as clients get them.

    An output schema that several tools share stands once under ``output_schemas``, by its digest.
    """
    listed = asyncio.run(_read())
    schemas: dict[str, Any] = {}
    for tool in listed["tools"]:
        schema = tool.pop("outputSchema", None)
        if schema is not None:
            text = json.dumps(schema, sort_keys=True).encode()
            tool["outputSchema"] = hashlib.sha256(text).hexdigest()[:12]
            schemas[tool["outputSchema"]] = schema
    by_name: dict[str, Any] = {
        kind: {entry.get("uri") or entry.get("uriTemplate") or entry["name"]: entry for entry in entries}
        for kind, entries in listed.items()
    }
    return {**by_name, "output_schemas": schemas}


def as_text(found: dict[str, Any]) -> str:
    """Return a surface as the snapshot has it."""
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Rewrite the snapshot and say what it holds."""
    found = surface()
    SNAPSHOT.write_text(as_text(found), encoding="utf-8")
    print(f"{SNAPSHOT}: " + ", ".join(f"{len(entries)} {kind}" for kind, entries in found.items()))
    return 0


if __name__ == "__main__":
    sys.path.insert(0, str(TOP))
    sys.exit(main())

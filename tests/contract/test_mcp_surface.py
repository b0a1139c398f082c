# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What MCP clients see is what the snapshot says, and each of it is described."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.mcp_server import server
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tools.mcp_surface import SNAPSHOT, surface

HINTS = {"readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"}


@pytest.fixture(scope="module")
def served() -> dict[str, Any]:
    """What the server offers now."""
    return surface()


def checked_against(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the schemas of the tools' arguments that calls are checked against, by tool."""
    served_by = server.build(Service(Settings(state_dir=folder), caller="test"))

    async def read() -> dict[str, dict[str, Any]]:
        tools = await served_by.list_tools(run_middleware=False)
        return {tool.name: tool.parameters for tool in tools}

    return asyncio.run(read())


def test_nothing_changed_unplanned(served: dict[str, Any]) -> None:
    """A name, a schema, a hint or a text that differs from the snapshot is a change for every client."""
    known = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    differs = sorted(_differences(known, served))
    assert not differs, "\n".join([*differs, "If that is meant: python tools/mcp_surface.py, and commit it."])


def test_every_tool_is_described(served: dict[str, Any]) -> None:
    """A tool has a title, a description, an output schema, all four hints, and typed and described arguments."""
    for name, tool in served["tools"].items():
        assert tool["title"], name
        assert tool["description"], name
        assert tool["outputSchema"], name
        assert set(tool["annotations"]) >= HINTS, name
        for argument, schema in tool["inputSchema"].get("properties", {}).items():
            assert schema.get("description"), f"{name}.{argument}"
            assert {"type", "anyOf", "$ref", "enum"} & set(schema), f"{name}.{argument}"


def test_arguments_are_bounded(tmp_path: Path) -> None:
    """Texts have a pattern, a length or an enumeration, numbers a least and a largest value, lists a length.

    The list tells few of these bounds; what is looked at here is what calls are checked against.
    """
    # what is told shortly is checked by its model, which names every problem and its path
    checked = {"parameter_plan", "plan", "rendered_plan", "overrides", "iface", "rollout", "queries", "arguments"}
    loose = [
        f"{name}.{argument}"
        for name, schema_of_all in checked_against(tmp_path).items()
        for argument, schema in schema_of_all.get("properties", {}).items()
        if argument not in checked and not _bounded(schema)
    ]
    assert loose == []


def test_resources_and_prompts_are_described(served: dict[str, Any]) -> None:
    """Each has a title and a description; a resource says what it is, a prompt's arguments are described."""
    for kind in ("resources", "resource_templates", "prompts"):
        for name, entry in served[kind].items():
            assert entry.get("title"), name
            assert entry.get("description"), name
            assert kind == "prompts" or entry["mimeType"] == "application/json", name
            assert all(argument.get("description") for argument in entry.get("arguments", [])), name


def _bounded(schema: Mapping[str, Any]) -> bool:
    if "anyOf" in schema:
        return all(
            _bounded({**{key: value for key, value in schema.items() if key != "anyOf"}, **part})
            for part in schema["anyOf"]
        )
    kind = schema.get("type")
    if "enum" in schema or "$ref" in schema or kind in {"boolean", "null"}:
        return True
    if kind == "string":
        return bool({"pattern", "maxLength", "enum"} & set(schema))
    if kind in {"integer", "number"}:
        return bool({"minimum", "exclusiveMinimum"} & set(schema) and {"maximum", "exclusiveMaximum"} & set(schema))
    if kind == "object":
        return schema.get("additionalProperties") is False and all(map(_bounded, schema["properties"].values()))
    return kind == "array" and "maxItems" in schema


def _differences(known: Any, found: Any, path: str = "") -> Iterator[str]:
    """Yield a line for each place where two surfaces differ."""
    if isinstance(known, dict) and isinstance(found, dict):
        for key in known.keys() | found.keys():
            where = f"{path}/{key}"
            if key not in found:
                yield f"{where} is gone"
            elif key not in known:
                yield f"{where} is new"
            else:
                yield from _differences(known[key], found[key], where)
    elif known != found:
        yield f"{path}: {json.dumps(known)[:200]} became {json.dumps(found)[:200]}"

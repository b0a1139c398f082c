# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the server says, word for word, against the official JSON schemas of three revisions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.exceptions import best_match

from tests.conformance.processes import Server, node
from tests.conformance.wire import STATELESS, Wire

REVISIONS = ("2025-06-18", "2025-11-25", STATELESS)
GOOD = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 15}}}
CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("tools/list", {}, "ListToolsResult"),
    ("resources/list", {}, "ListResourcesResult"),
    ("resources/templates/list", {}, "ListResourceTemplatesResult"),
    ("prompts/list", {}, "ListPromptsResult"),
    ("resources/read", {"uri": "policy://profiles/list"}, "ReadResourceResult"),
    ("resources/read", {"uri": "policy://config_cards/sysctl.tcp_fin_timeout"}, "ReadResourceResult"),
    ("resources/read", {"uri": "schema://ParameterPlan"}, "ReadResourceResult"),
    ("prompts/get", {"name": "roll_back_safely", "arguments": {"hosts": "web"}}, "GetPromptResult"),
    ("tools/call", {"name": "validate_change_plan_tool", "arguments": {"parameter_plan": GOOD}}, "CallToolResult"),
    ("tools/call", {"name": "validate_change_plan_tool", "arguments": {"parameter_plan": {}}}, "CallToolResult"),
    ("tools/call", {"name": "render_change_plan_tool", "arguments": {"plan": GOOD}}, "CallToolResult"),
    ("tools/call", {"name": "render_change_plan_tool", "arguments": {"plan": {"iface": "eth0"}}}, "CallToolResult"),
    ("tools/call", {"name": "run_status_tool", "arguments": {"run_id": "none"}}, "CallToolResult"),
    ("tools/call", {"name": "get_audit_log_tool", "arguments": {"limit": 3}}, "CallToolResult"),
    ("tools/call", {"name": "list_hosts_tool", "arguments": {}}, "CallToolResult"),
]
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no/such/method", {}),
    ("resources/read", {"uri": "policy://config_cards/none"}),
    ("prompts/get", {"name": "none"}),
]


@pytest.fixture(scope="module")
def schemas() -> dict[str, dict[str, Any]]:
    """Give the official schemas by revision: the last three that the suite carries."""
    done = node("node", "schemas.mjs")
    assert done.returncode == 0, done.stderr
    return dict(zip(REVISIONS, json.loads(done.stdout)[-3:], strict=True))


class Judge:
    """Validates messages against one revision's schema."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._place = "$defs" if "$defs" in schema else "definitions"
        self._kind = Draft202012Validator if "$defs" in schema else Draft7Validator

    def check(self, value: object, *names: str) -> None:
        """Fail unless ``value`` is what the first of ``names`` that the schema knows says."""
        name = next(name for name in names if name in self._schema[self._place])
        schema = {"$ref": f"#/{self._place}/{name}", self._place: self._schema[self._place]}
        problem = best_match(self._kind(schema).iter_errors(value))
        assert problem is None, f"{name}: {problem.json_path}: {problem.message}"

    def answer(self, message: dict[str, Any], name: str) -> None:
        """Check a whole answer and the result in it."""
        self.check(message, "JSONRPCResultResponse", "JSONRPCResponse")
        assert "result" in message, message
        self.check(message["result"], name)

    def error(self, message: dict[str, Any]) -> None:
        """Check a whole error."""
        assert "error" in message, message
        self.check(message, "JSONRPCErrorResponse", "JSONRPCError")


@pytest.mark.parametrize("revision", REVISIONS)
def test_answers(hostless: Server, schemas: dict[str, dict[str, Any]], revision: str) -> None:
    """Every answer, refusal and error is what the revision's schema says it is."""
    judge, wire = Judge(schemas[revision]), Wire(hostless.port, revision)
    judge.answer(wire.begin(), "DiscoverResult" if revision == STATELESS else "InitializeResult")
    for method, parameters, name in CALLS:
        messages = wire.ask(method, parameters)
        judge.answer(messages[-1], name)
    for method, parameters in WRONG:
        judge.error(wire.ask(method, parameters)[-1])


@pytest.mark.parametrize("revision", REVISIONS)
def test_progress(hostless: Server, schemas: dict[str, dict[str, Any]], revision: str) -> None:
    """What is told on the way to an answer is valid as well."""
    judge, wire = Judge(schemas[revision]), Wire(hostless.port, revision)
    wire.begin()
    messages = wire.ask("tools/call", {"name": "host_facts_tool", "_meta": {"progressToken": "here"}})
    judge.answer(messages[-1], "CallToolResult")
    told = [message for message in messages if message.get("method") == "notifications/progress"]
    assert told
    for message in told:
        judge.check(message, "JSONRPCNotification")
        judge.check(message, "ProgressNotification")


@pytest.mark.parametrize("revision", REVISIONS)
def test_tools_validate_what_they_say(hostless: Server, schemas: dict[str, dict[str, Any]], revision: str) -> None:
    """Every tool's own schemas are schemas, and structured answers are what the tool's output schema says."""
    wire = Wire(hostless.port, revision)
    wire.begin()
    tools = {tool["name"]: tool for tool in wire.ask("tools/list")[-1]["result"]["tools"]}
    for tool in tools.values():
        Draft202012Validator.check_schema(tool["inputSchema"])
        Draft202012Validator.check_schema(tool["outputSchema"])
    Judge(schemas[revision])
    for method, parameters, _name in CALLS:
        if method == "tools/call":
            result = wire.ask(method, parameters)[-1]["result"]
            if not result.get("isError"):
                Draft202012Validator(tools[parameters["name"]]["outputSchema"]).validate(result["structuredContent"])

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Holds requests and answers against AWX's published OpenAPI document, of which ``awx_openapi.json`` is an extract.

The document is generated from AWX's code, and says less than AWX does in a few places; ``COMPUTED`` and
``UNDOCUMENTED`` list those, as AWX's source (awx/api/views, awx/api/serializers.py) and its help texts have them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

DOCUMENT = Path(__file__).with_name("awx_openapi.json")
# Fields that a method of the serializer computes: the document calls them all "string".
COMPUTED = frozenset(
    {
        "artifacts",
        "credential_needed_to_start",
        "defaults",
        "elapsed",
        "host_status_counts",
        "inventory_needed_to_start",
        "job_template_data",
        "launched_by",
        "passwords_needed_to_start",
        "playbook_counts",
        "related",
        "summary_fields",
        "survey_enabled",
        "variables_needed_to_start",
    }
)
# Answers that the views give and the document does not have: (method, path, status) -> schema.
UNDOCUMENTED: Mapping[tuple[str, str, int], dict[str, Any]] = {
    ("post", "/api/v2/job_templates/{id}/launch/", 201): {
        "allOf": [
            {"$ref": "#/components/schemas/JobDetail"},
            {
                "required": ["job", "ignored_fields"],
                "properties": {"job": {"type": "integer"}, "ignored_fields": {"type": "object"}},
            },
        ]
    },
    ("post", "/api/v2/jobs/{id}/cancel/", 202): {},
}
REFUSAL = {"type": "object"}  # how AWX words a refusal is not documented


class Contract:
    """The document."""

    def __init__(self) -> None:
        self._document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        self._schemas = {name: _plain(schema) for name, schema in self._document["components"]["schemas"].items()}
        self._paths = [
            (re.compile(re.sub(r"\{id\}", "[0-9]+", path)), path, operations)
            for path, operations in self._document["paths"].items()
        ]

    def request(self, method: str, path: str, *, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what is wrong with a request."""
        template, operation = self._operation(method, path)
        if operation is None:
            return [f"{method} {path}: not in the document"]
        parameters = {entry["name"]: entry["schema"] for entry in operation["parameters"] if entry["in"] == "query"}
        wrong = [f"{method} {template}: no query parameter {name}" for name in query if name not in parameters]
        for name, value in query.items():
            schema = parameters.get(name, {})
            typed: Any = int(value) if schema.get("type") == "integer" and value.isdigit() else value
            wrong += [f"{method} {template}: {name}: {error}" for error in self._errors(_plain(schema), typed)]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return wrong + ([f"{method} {template}: takes no body"] if body is not None else [])
        schema = self._schemas[content["schema"]["$ref"].rpartition("/")[2]]
        errors = self._errors({**schema, "additionalProperties": False}, body)
        return wrong + [f"{method} {template}: body: {error}" for error in errors]

    def answer(self, method: str, path: str, *, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer of the test's own server."""
        template, operation = self._operation(method, path)
        assert operation is not None
        schema = UNDOCUMENTED.get((method, template, status))
        if schema is None and status >= 400:
            schema = REFUSAL
        if schema is None:
            content = operation["responses"].get(str(status), {}).get("content", {}).get("application/json")
            if content is None:
                return [f"{method} {template}: no answer {status} in the document"]
            schema = content["schema"]
        return [f"{method} {template}: {status}: {error}" for error in self._errors(schema, body)]

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any] | None]:
        for pattern, template, operations in self._paths:
            if pattern.fullmatch(path):
                return template, operations.get(method)
        return path, None

    def _errors(self, schema: Mapping[str, Any], value: Any) -> list[str]:
        whole = {**schema, "components": {"schemas": self._schemas}}
        return [f"{error.json_path}: {error.message}"[:300] for error in Draft7Validator(whole).iter_errors(value)]


def _plain(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.0 as JSON Schema: ``nullable`` becomes a type, computed fields take anything."""
    if isinstance(schema, list):
        return [_plain(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(value) for key, value in schema.items() if key not in {"nullable", "readOnly", "writeOnly"}}
    if "properties" in plain:
        plain["properties"] = {name: {} if name in COMPUTED else inner for name, inner in plain["properties"].items()}
    if schema.get("nullable") and "type" in plain:
        plain["type"] = [plain["type"], "null"]
    return plain

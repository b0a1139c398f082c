# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of AWX's API in which things are made, for ``contrib/awx``; what was made can then be launched.

Bodies are held against AWX's OpenAPI document, of which ``awx_setup_openapi.json`` is an extract. The document says
nothing of surveys and of what depends on other things; those rules are AWX's own (awx/api/views,
awx/api/serializers.py, awx/main/models/mixins.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator

from mcp_bridge import COLLECTIONS_ROOT
from tests.bridge.awx_contract import Contract, _plain
from tests.bridge.awx_server import ASKABLE, Awx, Template, _page

DOCUMENT = Path(__file__).with_name("awx_setup_openapi.json")
SEEDED = {
    "organizations": ["Default"],
    "credentials": ["key of the fleet"],
    "instance_groups": ["default", "site-a"],
}
NAMED_BY = {"workflow_job_template_nodes": "identifier"}
ASSOCIATED = {"credentials", "instance_groups", "success_nodes", "failure_nodes", "always_nodes"}
TYPES = {"text": str, "textarea": str, "password": str, "multiplechoice": str, "integer": int, "float": float}
# What awx.awx sends along although AWX only shows it
SHOWN_ONLY = {"/api/v2/credential_types/": {"managed": {}}, "/api/v2/job_templates/": {"organization": {}}}
NODE_PROMPTS = {"job_type": "ask_job_type_on_launch", "diff_mode": "ask_diff_mode_on_launch"}


class SetUpContract(Contract):
    """The document, with the requests that make things."""

    def __init__(self) -> None:
        super().__init__()
        document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
        schemas = {name: _plain(schema) for name, schema in document["components"]["schemas"].items()}
        self._bodies = {
            path: schemas[
                operation["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
            ]
            for path, operation in document["paths"].items()
        }

    def request(self, method: str, path: str, *, query: Mapping[str, str], body: Any) -> list[str]:
        """Return what is wrong with a request."""
        if "launch" in path or (super()._operation(method, path)[1] is not None and "search" in query):
            return super().request(method, path, query=query, body=body)
        kind = re.sub(r"/\d+/", "/{id}/", path) if method == "post" else re.sub(r"\d+/$", "", path)
        schema = self._bodies.get(kind) if method in {"post", "patch"} else None
        if schema is None:
            return []
        schema = {**schema, "properties": {**schema["properties"], **SHOWN_ONLY.get(kind, {})}}
        if method == "patch":
            schema["required"] = []
        if not path.endswith("/create_approval_template/"):  # awx.awx sends the node's fields with the approval's
            schema["additionalProperties"] = False
        errors = Draft7Validator(schema).iter_errors(body)
        return [f"{method} {path}: {error.json_path}: {error.message}"[:300] for error in errors]

    def answer(self, method: str, path: str, *, status: int, body: Any) -> list[str]:
        """Return what is wrong with an answer of the test's own server."""
        if super()._operation(method, path)[1] is None:
            return []
        return super().answer(method, path, status=status, body=body)


class Controller(Awx):
    """An AWX in which nothing is offered yet.

    Attributes:
        made: everything by kind and number.
    """

    def __init__(self, inventory: str, folder: Path) -> None:
        super().__init__(inventory, folder)
        self.templates = {}
        self.made: dict[str, dict[int, dict[str, Any]]] = {}
        self.writes = 0
        self._contract = SetUpContract()
        self._next = 1
        for kind, names in SEEDED.items():
            for name in names:
                self._make(kind, {"name": name})

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """Return what has a name."""
        return next(entry for entry in self.made[kind].values() if entry[NAMED_BY.get(kind, "name")] == name)

    def _answer(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: PLR0911 - one for each route
        if (len(parts) == 3 and parts[2] in {"launch", "jobs"}) or parts[0] == "jobs":
            return super()._answer(method, parts, query, body)
        self.writes += method != "get"
        match method, parts:
            case "get", [kind]:
                return _page(self._found(kind, query), query)
            case "post", [kind]:
                return self._checked(kind, body) or (201, self._make(kind, body))
            case "get", [kind, number]:
                entry = self.made.get(kind, {}).get(int(number))
                return (200, entry) if entry else (404, {"detail": "Not found."})
            case "patch", [kind, number]:
                entry = self.made[kind][int(number)]
                return self._checked(kind, {**entry, **body}) or (200, self._keep(kind, {**entry, **body}))
            case _, [kind, number, "survey_spec"]:
                return self._survey(self.made[kind][int(number)], body if method == "post" else None, kind)
            case "post", ["workflow_job_template_nodes", number, "create_approval_template"]:
                approval = self._make("workflow_approval_templates", {**body, "type": "workflow_approval_template"})
                node = self.made["workflow_job_template_nodes"][int(number)]
                node["unified_job_template"] = approval["id"]
                node["related"]["unified_job_template"] = approval["url"]
                return 200, approval
            case "get", [kind, number, link] if link in ASSOCIATED:
                return _page([{"id": other} for other in self.made[kind][int(number)].get(f"_{link}", [])], query)
            case "post", [kind, number, link] if link in ASSOCIATED:
                links = self.made[kind][int(number)].setdefault(f"_{link}", [])
                (links.remove if body.get("disassociate") else links.append)(body["id"])
                return 204, None
        return 404, {"detail": "Not found."}

    def _found(self, kind: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        entries = [*self.made.get(kind, {}).values()]
        if kind == "unified_job_templates":
            entries = [
                *self.made.get("job_templates", {}).values(),
                *self.made.get("workflow_job_templates", {}).values(),
            ]
        if "search" in query:
            return [entry for entry in entries if query["search"].lower() in entry["name"].lower()]
        wanted = {name: value for name, value in query.items() if name not in {"page", "page_size", "order_by"}}
        return [entry for entry in entries if all(str(entry.get(name)) == value for name, value in wanted.items())]

    def _checked(self, kind: str, body: Mapping[str, Any]) -> tuple[int, Any] | None:
        """Return AWX's refusal of what depends on other things, ``None`` where it takes it."""
        if kind == "job_templates" and not (COLLECTIONS_ROOT / body["playbook"]).is_file():
            return 400, {"playbook": ["Playbook not found for project."]}
        template = self.made.get("job_templates", {}).get(body.get("unified_job_template", 0))
        if kind == "workflow_job_template_nodes" and template:
            unheard = [name for name, ask in NODE_PROMPTS.items() if body.get(name) and not template.get(ask)]
            if unheard:
                return 400, {name: ["Field is not configured to prompt on launch."] for name in unheard}
        return None

    def _make(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        number, self._next = self._next, self._next + 1
        url = f"/api/v2/{kind}/{number}/"
        entry = {"id": number, "type": kind.removesuffix("s"), "url": url, "summary_fields": {}, "scm_revision": ""}
        related = {"survey_spec": f"{url}survey_spec/"}
        return self._keep(kind, {**entry, **body, "related": related})

    def _keep(self, kind: str, entry: dict[str, Any]) -> dict[str, Any]:
        self.made.setdefault(kind, {})[entry["id"]] = entry
        if kind == "job_templates":
            asks = {name: bool(entry.get(name)) for name in ASKABLE.values()}
            playbook = str(COLLECTIONS_ROOT / entry["playbook"])
            self.templates[entry["id"]] = Template(entry["id"], entry["name"], playbook, asks=asks)
        return entry

    def _survey(self, entry: dict[str, Any], spec: Any, kind: str) -> tuple[int, Any]:
        if spec is None:
            return 200, entry.get("_survey", {})
        problem = survey_problem(spec)
        if problem:
            return 400, {"error": problem}
        entry["_survey"] = spec
        if kind == "job_templates":
            needed = [question["variable"] for question in spec["spec"] if question["required"]]
            self.templates[entry["id"]].needs = {"variables_needed_to_start": needed, "survey_enabled": True}
        return 200, None

    def _launch(self, template: Template, body: dict[str, Any]) -> tuple[int, Any]:
        entry = self.made["job_templates"][template.id]
        questions = entry.get("_survey", {}).get("spec", []) if entry.get("survey_enabled") else []
        given = dict(body.get("extra_vars", {}))
        wrong = [problem for question in questions if (problem := answer_problem(question, given))]
        if wrong:
            return 400, {"variables_needed_to_start": wrong}
        answers = {
            q["variable"]: q["default"]
            for q in questions
            if not answer_problem({**q, "required": False}, {q["variable"]: q["default"]})
        }
        known = {question["variable"] for question in questions}
        answers.update({name: value for name, value in given.items() if name in known})
        free = {name: value for name, value in given.items() if name not in known}
        asks = template.asks["ask_variables_on_launch"]
        told = {**body, "extra_vars": {**answers, **(free if asks else {})}}
        template.asks["ask_variables_on_launch"] = True  # what is left of them was asked for
        try:
            status, answer = super()._launch(template, told)
        finally:
            template.asks["ask_variables_on_launch"] = asks
        if free and not asks:
            answer["ignored_fields"]["extra_vars"] = free
        return status, answer


def survey_problem(spec: Mapping[str, Any]) -> str | None:  # noqa: PLR0911 - one for each rule
    """Return why AWX does not take a survey, as ``JobTemplateSurveySpec`` judges it."""
    for field, kind in (("name", str), ("description", str), ("spec", list)):
        if not isinstance(spec.get(field), kind):
            return f"Expected {kind.__name__} for field '{field}'."
    seen = set()
    for number, question in enumerate(spec["spec"]):
        for field, kind in (("type", str), ("question_name", str), ("variable", str), ("required", bool)):
            if not isinstance(question.get(field), kind):
                return f"'{field}' in survey question {number} expected to be {kind.__name__}."
        if question["variable"] in seen:
            return f"'variable' '{question['variable']}' duplicated in survey question {number}."
        seen.add(question["variable"])
        default = question.get("default", "")
        if question["type"] not in TYPES or (default != "" and not isinstance(default, TYPES[question["type"]])):
            return f"The type or the default of survey question {number} is wrong."
        if any(not isinstance(question.get(end), int | None) for end in ("min", "max")):
            return f"The limits in survey question {number} expected to be integer."
        if question["type"] == "multiplechoice" and default not in ["", *question.get("choices", [])]:
            return "Default choice must be answered from the choices listed."
    return None


def answer_problem(question: Mapping[str, Any], answers: Mapping[str, Any]) -> str | None:
    """Return why AWX does not take an answer, as ``_survey_element_validation`` judges it."""
    variable, kind = question["variable"], question["type"]
    if variable not in answers:
        return f"'{variable}' value missing" if question["required"] else None
    value = answers[variable]
    if kind == "multiplechoice":
        return None if value in question["choices"] else f"Value {value} for '{variable}' is none of the choices."
    if type(value) is not TYPES[kind]:
        return f"Value {value} for '{variable}' expected to be {kind}."
    size = len(value) if isinstance(value, str) else value
    if not (question.get("min") or size) <= size <= (question.get("max") or size):
        return f"'{variable}' value {value} is too small or too large."
    return None

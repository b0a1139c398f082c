# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The arguments and answers of the discovery tools as JSON schemas, made from the table of questions."""

from __future__ import annotations

import copy
import json
import re
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, create_model

from mcp_bridge.collection import queries as catalog
from mcp_bridge.collection.queries import QUERIES, Parameter
from mcp_bridge.hosts.query import Answers

_DATA: dict[str, dict[str, Any]] = {
    catalog.ROWS: {"type": "array", "items": {"type": "object"}},
    catalog.WORDS: {"type": "array", "items": {"type": "string"}},
    catalog.FIELDS: {"type": "object"},
}

Match = Annotated[
    str | None,
    Field(
        description="Only rows and fields that hold this text, in any case, e.g. retrans.",
        json_schema_extra={"minLength": 1, "maxLength": catalog.MATCH_LENGTH_MAX},
    ),
]
Offset = Annotated[
    int,
    Field(
        description="Rows or fields to leave out: next_offset of the part before.",
        json_schema_extra={"minimum": 0, "maximum": catalog.MAX_OFFSET},
    ),
]
MaxBytes = Annotated[
    int,
    Field(
        description="Bytes of data a host may answer with; the rest comes with next_offset.",
        json_schema_extra={"minimum": catalog.MIN_BYTES, "maximum": catalog.MAX_BYTES},
    ),
]
PAGING: dict[str, tuple[Any, Any]] = {
    "match": (Match, None),
    "offset": (Offset, 0),
    "max_bytes": (MaxBytes, catalog.DEFAULT_BYTES),
}


def argument(parameter: Parameter, *, description: str | None = None) -> Any:
    """Return the annotation of a question's argument.

    Its bounds are in the schema alone: they are checked with the question, whose errors say what to do.
    """
    kind: Any = str
    extra: dict[str, Any]
    if parameter.kind in catalog.BOUNDS:
        low, high = catalog.BOUNDS[parameter.kind]
        kind, extra = int, {"minimum": low, "maximum": high}
    else:
        extra = {"pattern": f"^{catalog.PATTERNS[parameter.kind][0]}$"}
    if parameter.kind == "keys":
        kind = list[Annotated[str, Field(json_schema_extra=extra)]]
        extra = {"minItems": 1, "maxItems": catalog.MAX_KEYS}
    described = Field(description=description or parameter.description, json_schema_extra=extra)
    return Annotated[kind if parameter.required and description is None else kind | None, described]


def told_together(names: list[str]) -> str:
    """Return names, those together that begin alike where all of that beginning are there: ``tc_*``."""
    told: dict[str, None] = {}
    for name in names:
        family = [other for other in QUERIES if other.startswith(name.partition("_")[0] + "_")]
        whole = len(family) > 1 and set(family) <= set(names)
        told[f"{name.partition('_')[0]}_*" if whole else name] = None
    return ", ".join(told)


def _question_model() -> type[BaseModel]:
    """Return the model of one question among several, with every argument that any question takes."""
    takers: dict[str, list[str]] = {}
    parameters: dict[str, Parameter] = {}
    for query, content in QUERIES.items():
        for name, parameter in content.parameters.items():
            takers.setdefault(name, []).append(query)
            parameters[name] = parameter
    fields: dict[str, Any] = {
        name: (argument(parameters[name], description=f"For {told_together(queries)}."), None)
        for name, queries in takers.items()
    }
    names: Any = Literal[tuple(QUERIES)]
    described = Field(description="What to ask: the name of a discovery tool without _tool.")
    options: dict[str, Any] = {"query": (Annotated[names, described], ...), **fields, **PAGING}
    model: type[BaseModel] = create_model(
        "HostQuestion",
        __config__=ConfigDict(extra="forbid", hide_input_in_errors=True),
        __doc__="One question with its arguments.",
        **options,
    )
    return model


HostQuestion = _question_model()
ARGUMENTS = tuple(dict.fromkeys(name for query in QUERIES.values() for name in query.parameters))


def questions_schema() -> dict[str, Any]:
    """Return the schema of several questions."""
    one = compact(HostQuestion.model_json_schema(), nulls=False)
    item = {"type": "object", "properties": one["properties"], "required": one["required"]}
    return {"type": "array", "items": item, "minItems": 1, "maxItems": catalog.MAX_QUESTIONS}


def as_question(model: BaseModel) -> dict[str, Any]:
    """Return a ``HostQuestion`` as ``hosts.query.ask`` takes it."""
    given = model.model_dump(exclude_none=True)
    arguments = {name: given.pop(name) for name in ARGUMENTS if name in given}
    return {**given, "arguments": arguments}


def schema_of(kind: Any, *, nulls: bool = False) -> dict[str, Any]:
    """Return the schema of what a tool gives.

    A plan within it is named, not spelled out: clients get its schema once, as schema://ParameterPlan.

    Args:
        kind: the model.
        nulls: whether what is not set is given as null; left out otherwise.
    """
    return copy.deepcopy(_schema_of(kind, nulls=nulls))


@cache
def _schema_of(kind: Any, *, nulls: bool) -> dict[str, Any]:
    """Make the schema; nearly forty tools begin with that of the answers."""
    schema = TypeAdapter(kind).json_schema(mode="serialization")
    if "ParameterPlan" in schema.get("$defs", {}):
        schema["$defs"]["ParameterPlan"] = {
            "type": "object",
            "description": "A ParameterPlan, as schema://ParameterPlan has it.",
        }
        schema["$defs"] = _reached(schema)
    found: dict[str, Any] = compact(schema, nulls=nulls)
    return found


def _reached(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that a schema still needs."""
    definitions = schema["$defs"]
    reached: dict[str, Any] = {}
    left = [json.dumps({key: value for key, value in schema.items() if key != "$defs"})]
    while left:
        for name in re.findall(r'"#/\$defs/([^"]+)"', left.pop()):
            if name not in reached:
                reached[name] = definitions[name]
                left.append(json.dumps(definitions[name]))
    return reached


def compact(schema: Any, *, nulls: bool) -> Any:
    """Return a schema without the titles of its fields, and without null for fields that are then left out."""
    if isinstance(schema, list):
        return [compact(part, nulls=nulls) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: compact(value, nulls=nulls) for key, value in schema.items() if key != "properties"}
    if found.get("additionalProperties") is True:  # as without it
        del found["additionalProperties"]
    if "properties" in schema:
        fields = schema["properties"].items()
        found["properties"] = {name: compact(_field(content, nulls=nulls), nulls=nulls) for name, content in fields}
    return found


def _field(content: dict[str, Any], *, nulls: bool) -> dict[str, Any]:
    content = {key: value for key, value in content.items() if key != "title"}
    if "description" in content:
        content["description"] = " ".join(content["description"].split())
    kinds = [part for part in content.get("anyOf", []) if part != {"type": "null"}]
    if nulls or "default" not in content or content["default"] is not None or not kinds:
        return content
    rest = {key: value for key, value in content.items() if key not in {"anyOf", "default"}}
    return {**kinds[0], **rest} if len(kinds) == 1 else {"anyOf": kinds, **rest}


def answers_schema(data: str) -> dict[str, Any]:
    """Return the schema of the answers to a question whose data is ``rows``, ``words`` or ``fields``."""
    schema = schema_of(Answers)
    content = schema["$defs"]["Answer"]["properties"]["data"]
    content.pop("default", None)
    content.update(_DATA[data])
    return schema

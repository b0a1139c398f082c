# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all models share: unknown keys are refused, values do not change, infinity and NaN are no numbers."""

from __future__ import annotations

import ast
import inspect
import textwrap
import threading
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError


class Strict(BaseModel):
    """A model without room for anything that it does not name.

    Error texts of pydantic quote the input by default; these do not, since they reach clients and logs.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        validate_default=False,
    )

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe each field in the published schema by the text below it.

        pydantic would do so with ``use_attribute_docstrings``, but at every start: a fifth of what the models cost.
        """
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in field_texts(cls).items():
            field = cls.model_fields.get(name)  # None: a constant of the class
            for published in {name, field and field.serialization_alias} & properties.keys():
                properties[published].setdefault("description", text)
        return schema

    def dump(self) -> dict[str, Any]:
        """Return the model as JSON data under its published names, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def set_only(value: Any) -> Any:
    """Return JSON data without what is not set, at every level."""
    if isinstance(value, dict):
        return {key: set_only(item) for key, item in value.items() if item is not None}
    return [set_only(item) for item in value] if isinstance(value, list) else value


_PARSING = threading.Lock()
"""CPython 3.11 counts the depth of a syntax tree for all threads together, and fails where two parse at once."""


@cache
def field_texts(model: type) -> dict[str, str]:
    """Return the text below each field of a class, the fields that it inherits included."""
    texts: dict[str, str] = {}
    for part in reversed(model.__mro__):
        if part in {BaseModel, object}:
            continue
        source = textwrap.dedent(inspect.getsource(part))
        with _PARSING:
            (definition,) = ast.parse(source).body
        for field, text in pairwise(definition.body if isinstance(definition, ast.ClassDef) else []):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    texts[name] = inspect.cleandoc(words)
    return texts


def _no_bool(value: object) -> object:
    """Refuse true and false where a number is wanted; Python would take them for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("number_type", "Value must be a number, not {value}", {"value": str(value).lower()})
    return value


def _whole_as_int(value: float) -> float:
    """Return 100 for 100.0."""
    return int(value) if float(value).is_integer() else value


NO_BOOL = BeforeValidator(_no_bool)
"""Comes after the bounds of a number; digits in a string are accepted."""

WHOLE = PlainSerializer(_whole_as_int, return_type=int | float)
"""Whole numbers are written as such, so that one quantity has one spelling in digests and commands."""

_KINDS = ("object", "array", "string", "integer", "number", "boolean", "null")
AnyJson = Annotated[Any, WithJsonSchema({"anyOf": [{"type": kind} for kind in _KINDS]})]
"""Whatever JSON can say; spelled out, since clients take a schema without a type for a mistake."""

Mbit = Annotated[float, Field(gt=0, le=400_000), NO_BOOL, WHOLE]
"""A rate in Mbit/s."""

Percent = Annotated[float, Field(ge=0, le=100), NO_BOOL, WHOLE]
"""A share in percent."""

U32_MAX = 2**32 - 1

PORT_MAX = 65535
WORD_LENGTH_MAX = 255


def refusal(kind: str, message: str) -> PydanticCustomError:
    """Return the error for a value that has the wrong form; the message is final text."""
    return PydanticCustomError(f"netopt_{kind}", "{text}", {"text": message})

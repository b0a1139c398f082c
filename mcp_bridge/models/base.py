# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all models share: unknown keys are refused, values do not change, infinity and NaN are no numbers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_core import PydanticCustomError


class Strict(BaseModel):
    """A model without room for anything that it does not name.

    Error texts of pydantic quote the input by default; these do not, since they reach clients and logs.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_default=False,
    )

    def dump(self) -> dict[str, Any]:
        """Return the model as JSON data under its published names, without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


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

WHOLE = PlainSerializer(_whole_as_int, return_type=Any)
"""Whole numbers are written as such, so that one quantity has one spelling in digests and commands."""

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

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ranges of values, and how a value is judged by them."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from .sysctl_keys import family

Number = int | float
Scalar = bool | int | float | str
Source = Annotated[str, Field(min_length=8, description="Where the figure or the statement comes from.")]


class PolicyModel(BaseModel):
    """Base of everything in a policy: unknown keys are errors, types are not coerced, values do not change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class RangeField(PolicyModel):
    """One field of a value that is a row of numbers, e.g. the ``max`` of ``tcp_rmem``."""

    name: str
    min: int
    max: int


WANTED = {
    "int": "numbers",
    "float": "numbers",
    "enum": "valid_values",
    "words": "valid_values",
    "row": "fields",
    "text": "pattern",
}
"""What a range of each type needs."""


class Range(PolicyModel):
    """What one parameter of a plan may be.

    ``type`` is ``int``, ``float``, ``bool``, ``enum`` (one of ``valid_values``), ``words`` (one or more of them),
    ``row`` (numbers in ``fields``) or ``text`` (all of it matches ``pattern``).
    """

    type: Literal["int", "float", "bool", "enum", "words", "row", "text"] = "int"
    unit: str | None = None
    min: Number | None = None
    max: Number | None = None
    valid_values: list[str] | None = None
    bits: list[int] | None = Field(default=None, description="The bits of a whole number that mean something.")
    fields: list[RangeField] | None = None
    pattern: str | None = Field(default=None, description="A regular expression that all of a text must match.")
    ascending: bool = Field(default=False, description="Whether the fields of a row must not decrease.")
    source: Source

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        given = {
            "numbers": self.min is not None and self.max is not None,
            "valid_values": bool(self.valid_values),
            "fields": bool(self.fields),
            "pattern": self.pattern is not None,
        }
        wanted = WANTED.get(self.type)
        for name, present in given.items():
            if present != (name == wanted):
                names = "min and max" if name == "numbers" else name
                verb = "needs" if name == wanted else "does not take"
                raise ValueError(f"a range of type {self.type} {verb} {names}")
        if self.bits is not None and self.type != "int":
            raise ValueError(f"a range of type {self.type} does not take bits")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}")
        for field in self.fields or []:
            if field.min > field.max:
                raise ValueError(f"min {field.min} of {field.name} is above max {field.max}")
        if self.pattern is not None:
            try:
                re.compile(self.pattern)
            except re.error as error:
                raise ValueError(f"pattern is not a regular expression: {error}") from None
        return self

    def problem(self, value: object) -> str | None:
        """Return what is wrong with ``value`` in one sentence, or ``None`` when it is allowed.

        Args:
            value: as in a plan; rows are text or a list, numbers may be text (sysctl values are).
        """
        if self.type == "bool":
            return None if isinstance(value, bool) else f"Value must be true or false, found {value!r}"
        if self.type in {"enum", "words", "text"}:
            return self._word_problem(str(value))
        if self.type == "row":
            return self._row_problem(value)
        number = _number(value, whole=self.type == "int")
        if number is None:
            kind = "a whole number" if self.type == "int" else "a number"
            return f"Value must be {kind}, found {value!r}"
        return _outside(number, low=self.min, high=self.max) or self._bits_problem(number)

    def _bits_problem(self, number: Number) -> str | None:
        left = int(number) & ~sum(self.bits) if self.bits else 0
        if not left:
            return None
        known = ", ".join(hex(bit) for bit in self.bits or [])
        return f"Value has bits that mean nothing ({hex(left)}): expected a sum of {known}"

    def _word_problem(self, value: str) -> str | None:
        allowed = self.valid_values or []
        if self.type == "text":
            matches = re.fullmatch(self.pattern or "", value)
            return None if matches else f"Value must match {self.pattern}, found {value!r}"
        if self.type == "enum":
            return None if value in allowed else f"Value is not one of those allowed: {', '.join(allowed)}"
        wrong = [word for word in value.split() if word not in allowed]
        return f"{wrong[0]} is not one of the words allowed: {', '.join(allowed)}" if wrong else None

    def _row_problem(self, value: object) -> str | None:
        fields = self.fields or []
        names = " ".join(field.name for field in fields)
        parts = value if isinstance(value, list) else str(value).split()
        numbers = [_number(part, whole=True) for part in parts]
        if len(numbers) != len(fields) or None in numbers:
            return f"Value must be {len(fields)} whole numbers ({names}), found {value!r}"
        known = [number for number in numbers if number is not None]
        for field, number in zip(fields, known, strict=True):
            problem = _outside(number, low=field.min, high=field.max)
            if problem:
                return f"{problem} (field {field.name})"
        if self.ascending and known != sorted(known):
            return f"The fields must not decrease ({names}), found {value!r}"
        return None


def _number(value: object, *, whole: bool) -> Number | None:
    """Return ``value`` as a number, ``None`` when it is none; ``whole`` wants an integer."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        if whole and not isinstance(value, float):
            return int(value)
        number = float(value)
    except ValueError:
        return None
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN differs from itself
        return None
    if whole:
        return int(number) if number == int(number) else None
    return number


def _outside(number: Number, *, low: Number | None, high: Number | None) -> str | None:
    if high is not None and number > high:
        return f"Value exceeds maximum allowed: {high}"
    if low is not None and number < low:
        return f"Value is below minimum allowed: {low}"
    return None


class Limits(PolicyModel):
    """``limits.yaml``: the range of every parameter that a plan can carry.

    Keys are the plan's paths below ``changes`` without list indexes: ``sysctl.net.core.rmem_max``,
    ``qdisc.fq.limit`` (the type stands before the parameter), ``htb_classes.rate_mbit``, ``mtu``.
    """

    ranges: dict[str, Range]

    def at(self, path: str) -> Range | None:
        """Return the range for a path of a plan, with or without the leading ``changes.``.

        The range of an interface's own key, if there is one, comes before that of the key's family; so with offloads.
        """
        name = path.removeprefix("changes.")
        if name.startswith("sysctl.") and name not in self.ranges:
            name = f"sysctl.{family(name.removeprefix('sysctl.'))}"
        if name.startswith("offloads.") and name not in self.ranges:
            name = "offloads.{feature}"
        return self.ranges.get(name)

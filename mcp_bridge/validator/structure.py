# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns a plan as data into a model, and says everything that is wrong with its structure.

Parts that do not parse are taken out, one round after the other, until the rest does: so the rest can be
judged by the policy in the same go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mcp_bridge.models import ParameterPlan

from .finding import Finding, Path, did_you_mean, shown
from .ranges import allowed, bounds_at
from .schema import child, known_keys, meaning

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from mcp_bridge.policy import Policy, Range

ROUNDS_MAX = 12
HINTS_MAX = 300  # more issues than are shown; looking for near words takes time
STAND_IN = "auto"  # for an interface that does not parse, so that the rest can be judged
LISTED = "values"
_OUT_OF_BOUNDS = ("less_than_equal", "less_than", "greater_than_equal", "greater_than")
_ABSENT = object()

_MESSAGES = {
    "missing": "This key is required",
    "extra_forbidden": "Unknown key",
    "less_than_equal": "Value exceeds maximum allowed: {le}",
    "less_than": "Value must be below {lt}",
    "greater_than_equal": "Value is below minimum allowed: {ge}",
    "greater_than": "Value must be above {gt}",
    "literal_error": "Value must be {expected}",
    "union_tag_invalid": "Value must be one of {expected_tags}",
    "union_tag_not_found": "This key is required",
    "finite_number": "Value must be a finite number",
    "too_short": "Fewer entries than the {min_length} needed",
    "too_long": "More entries than the {max_length} allowed",
    "string_too_long": "Text is longer than the {max_length} characters allowed",
    "string_pattern_mismatch": "Value has characters that are not allowed",
    "string_unicode": "Text is not valid Unicode",
    "model_type": "Value must be an object with keys",
    "model_attributes_type": "Value must be an object with keys",
    "dict_type": "Value must be an object with keys",
    "list_type": "Value must be a list",
    "string_type": "Value must be text",
    "int_type": "Value must be a whole number",
    "int_parsing": "Value must be a whole number",
    "int_parsing_size": "Value has too many digits",
    "int_from_float": "Value must be a whole number",
    "float_type": "Value must be a number",
    "float_parsing": "Value must be a number",
    "bool_type": "Value must be true or false",
    "bool_parsing": "Value must be true or false",
}


@dataclass
class Parsed:
    """What is left of a plan once everything that does not parse is taken out.

    Attributes:
        plan: the rest, ``None`` when nothing can be made of it.
        findings: what is wrong with the structure.
        removed: paths of the parts taken out, in the plan as it was given.
        above_removed: these paths and all that lead to them.
    """

    plan: ParameterPlan | None = None
    findings: list[Finding] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    above_removed: set[Path] = field(default_factory=set)
    _origins: dict[int, list[int]] = field(default_factory=dict)
    _data: Any = None

    def original(self, path: Path) -> Path:
        """Return where ``path`` of what is left lies in the plan as it was given."""
        data: Any = self._data
        result: list[str | int] = []
        if path[:1] == ("validate",) and "validate" not in data and "validation" in data:
            path = ("validation", *path[1:])
        for part in path:
            if isinstance(part, int) and isinstance(data, list):
                indexes = self._origins.get(id(data))
                result.append(indexes[part] if indexes and part < len(indexes) else part)
                data = data[part] if part < len(data) else None
            else:
                result.append(part)
                data = data.get(part) if isinstance(data, dict) else None
        return tuple(result)


def parse(data: dict[str, Any], policy: Policy) -> Parsed:
    """Return what can be made of a plan.

    Args:
        data: plain dicts and lists; altered.
        policy: whose bounds are told, where they are narrower than those of the structure.
    """
    parsed = Parsed(_data=data)
    for _ in range(ROUNDS_MAX):
        try:
            parsed.plan = ParameterPlan.model_validate(data)
        except ValidationError as error:
            _take_out(parsed, data, error, policy)
        else:
            break
    return parsed


def _take_out(parsed: Parsed, data: dict[str, Any], error: ValidationError, policy: Policy) -> None:
    """Report every error and remove what it is about."""
    known = set(parsed.findings)
    targets: list[Path] = []
    for details in error.errors(include_url=False, include_input=True):
        path = _clean(details, data)
        finding = _finding(details, path, data, bounds_at(path, data, policy), with_hint=len(known) < HINTS_MAX)
        finding = Finding(parsed.original(path), finding.message, finding.hint)
        if finding.path not in parsed.above_removed and finding not in known:
            parsed.findings.append(finding)
            known.add(finding)
        target = path[:-1] if details["type"] in {"missing", "union_tag_not_found", "union_tag_invalid"} else path
        targets.append(target or path)
    removed = [parsed.original(path) for path in targets]
    lists: dict[int, tuple[list[Any], set[int]]] = {}
    for path in sorted(set(targets), key=len, reverse=True):
        _remove(data, path, lists)
    for entries, gone in lists.values():  # at once: each by itself would move all that are behind it
        indexes = parsed._origins.setdefault(id(entries), list(range(len(entries))))  # noqa: SLF001  # its own module
        left = [index for index in range(len(entries)) if index not in gone]
        entries[:], indexes[:] = [entries[index] for index in left], [indexes[index] for index in left]
    parsed.removed.extend(removed)
    parsed.above_removed.update(path[:length] for path in removed for length in range(len(path) + 1))


def _remove(data: Any, path: Path, lists: dict[int, tuple[list[Any], set[int]]]) -> None:
    """Remove what lies at ``path``; the interface is replaced, since no plan is without one.

    Entries of lists are noted down in ``lists``, so that the indexes of the others stay true.
    """
    if path == ("iface",):
        data["iface"] = STAND_IN
        return
    for part in path[:-1]:
        data = child(data, part)
    if isinstance(data, list) and path and isinstance(path[-1], int) and path[-1] < len(data):
        lists.setdefault(id(data), (data, set()))[1].add(path[-1])
    elif isinstance(data, dict) and path:
        data.pop(path[-1], None)


def _clean(details: ErrorDetails, data: Any) -> Path:
    """Return an error's place without what pydantic adds to it: tags of unions and marks of keys."""
    result: list[str | int] = []
    for part in details["loc"]:
        below = child(data, part, _ABSENT)
        if below is not _ABSENT:
            result.append(part)
            data = below
    if details["type"] == "missing":
        result.append(details["loc"][-1])
    if details["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        result.append("type")
    return tuple(result)


def _finding(details: ErrorDetails, path: Path, data: Any, span: Range | None, *, with_hint: bool) -> Finding:
    """Return what an error of pydantic means to people; of a number out of bounds what the policy says of it."""
    kind, context = details["type"], details.get("ctx", {})
    is_number = kind in _OUT_OF_BOUNDS or type(details["input"]) is int
    problem = span.problem(details["input"]) if span and is_number else None
    if span and problem:
        return Finding(path, shown(problem), allowed(span))
    template = _MESSAGES.get(kind)
    if template is None:
        message = details["msg"].replace("Input should be", "Value must be")
    else:
        message = template.format(**{key: _plain(value) for key, value in context.items()})
    return Finding(path, message, _hint(details, path, data, span) if with_hint else None)


def _plain(value: object) -> str:
    """Return a value of an error's context as text, 400000 for 400000.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _hint(details: ErrorDetails, path: Path, data: Any, span: Range | None) -> str | None:
    """Return what to do about an error."""
    kind, context = details["type"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return did_you_mean(path[-1], known_keys(path[:-1], data), what="keys")
    if kind == "union_tag_invalid" and context.get("tag") == "netem":
        return "Impairments are changes.netem, whose field classes names the classes that it is for."
    if kind in {"literal_error", "union_tag_invalid"}:
        given = details["input"] if kind == "literal_error" else context.get("tag")
        expected = str(context.get("expected", context.get("expected_tags", "")))
        words = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
        return did_you_mean(given, [word for word in words if word], what=LISTED)
    if kind in {"missing", "union_tag_not_found"}:
        return f"Add {path[-1]}."
    return meaning(path, data, bounds=allowed(span) if span else None)

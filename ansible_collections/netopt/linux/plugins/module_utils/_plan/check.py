# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a plan has the shape of a plan: no key that is not known, and every value of the kind that is wanted.

A key that is misspelt would be passed over, and a rule without its port is a wider rule.
"""

from __future__ import annotations

import json
import math
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from .._common.errors import NetoptError
from .fields import FLAG, NUMBER, PLAN, TEXT, WHOLE, ByType, Either, ListOf, MapOf, Record, Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .fields import Shape

SHOWN = 5  # problems in one message
WORD_MAX = 80
LISTED_MAX = 12
_OBJECT = "an object with keys"
_HINTS = {
    TEXT: "Put it in quotes: YAML reads digits without them as a number, 1:10 as well.",
    WHOLE: "Write it without quotes and without a fraction; end a template with | int.",
    NUMBER: "Write it without quotes; end a template with | float.",
    FLAG: "Write it without quotes; end a template with | bool.",
}


class Problem(NamedTuple):
    """One thing that is wrong with the shape of a plan, with fields of ``HostReport.error``."""

    key: str
    message: str
    wanted: str
    after: str | None
    hint: str


def check_structure(plan: Any) -> None:
    """Refuse a plan with a key that is not known, without one that must be there, or with a value of another kind.

    Args:
        plan: a ParameterPlan as JSON data.

    Raises:
        NetoptError: stage ``plan``; ``key`` is the path of the first problem, ``message`` names the next ones too.
    """
    found = list(islice(_problems(plan, PLAN, ""), SHOWN))
    if found:
        first = found[0]
        raise NetoptError(
            "; ".join(problem.message for problem in found),
            stage="plan",
            key=first.key,
            wanted=first.wanted,
            after=first.after,
            hint=first.hint,
        )


def _problems(value: Any, shape: Shape, path: str) -> Iterator[Problem]:
    """Yield what is wrong with a value and with everything below it."""
    below = shape.shapes if isinstance(shape, Either) else (shape,)
    container = next((one for one in below if _holds(value, one)), None)
    if container is None:
        if not any(_fits(value, one) for one in below):
            yield _another_kind(value, below, path)
    elif isinstance(container, ListOf):
        for index, item in enumerate(value):
            yield from _problems(item, container.item, f"{path}[{index}]")
    elif isinstance(container, MapOf):
        for key, item in value.items():
            if not (item is None and container.null):
                yield from _problems(item, container.value, _below(path, key))
    elif isinstance(container, Record):
        yield from _in_record(value, container, path)
    elif isinstance(container, ByType):
        yield from _in_typed(value, container, path)


def _in_record(value: Mapping[Any, Any], record: Record, path: str) -> Iterator[Problem]:
    """Yield what is wrong in an object with known keys."""
    for key, item in value.items():
        name = record.aliases.get(key, key)
        field = record.fields.get(name)
        if field is None:
            yield _unknown(key, record.fields, path)
        elif name != key and name in value:
            message = f"{_below(path, key)} and {_below(path, name)} are the same"
            yield Problem(_below(path, key), message, "one of the two", None, f"Leave out {key}.")
        elif item is None and not field.null:
            hint = "Give it a value." if field.required else "Leave the key out, or give it a value."
            wanted = _named((field.shape,))
            yield Problem(_below(path, key), f"{_below(path, key)} is null, wanted {wanted}", wanted, "null", hint)
        elif item is not None:
            yield from _problems(item, field.shape, _below(path, key))
    for name, field in record.fields.items():
        if field.required and name not in value:
            yield _missing(name, _named((field.shape,)), path)


def _in_typed(value: Mapping[Any, Any], shape: ByType, path: str) -> Iterator[Problem]:
    """Yield what is wrong in an object whose keys depend on its type."""
    kinds = Words(tuple(shape.records))
    if "type" not in value:
        yield _missing("type", _named((kinds,)), path)
    elif _fits(value["type"], kinds):
        yield from _in_record(value, shape.records[value["type"]], path)
    else:
        yield _another_kind(value["type"], (kinds,), _below(path, "type"))


def _holds(value: Any, shape: Shape) -> bool:
    """Return whether a value is the list or the object that a shape is."""
    if isinstance(shape, ListOf):
        return isinstance(value, (list, tuple))
    return isinstance(shape, (MapOf, Record, ByType)) and isinstance(value, dict)


def _fits(value: Any, shape: Shape) -> bool:
    """Return whether a value is of a kind, or one of a few words."""
    if isinstance(shape, Words):
        return isinstance(value, str) and value in shape.words
    if shape == TEXT:
        return isinstance(value, str)
    if shape == FLAG:
        return isinstance(value, bool)
    if isinstance(value, bool):  # Python counts true as 1
        return False
    if shape == WHOLE:
        return isinstance(value, int)
    return shape == NUMBER and (isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)))


def _unknown(key: object, known: Iterable[str], path: str) -> Problem:
    """Return the problem of a key that there is not."""
    where = _below(path, key)
    names = list(known)
    wanted = f"one of {', '.join(names)}" if names else "no key"
    return Problem(where, f"{where} is no key of a plan", wanted, None, _did_you_mean(key, names, "keys"))


def _missing(name: str, wanted: str, path: str) -> Problem:
    where = _below(path, name)
    return Problem(where, f"{where} is missing, wanted {wanted}", wanted, None, f"Add {name}.")


def _another_kind(value: Any, shapes: tuple[Shape, ...], path: str) -> Problem:
    """Return the problem of a value that is nothing of what may stand at its place."""
    wanted, given = _named(shapes), _shown(value)
    hint = _hint(value, shapes, wanted)
    where = path or "The plan"
    return Problem(path or "plan", f"{where} is {given}, wanted {wanted}", wanted, given, hint)


def _hint(value: Any, shapes: tuple[Shape, ...], wanted: str) -> str:
    """Return what to do about a value of another kind."""
    words = [word for one in shapes if isinstance(one, Words) for word in one.words]
    kinds = [one for one in shapes if isinstance(one, str)]
    if words and isinstance(value, str):
        return _did_you_mean(value, words, "words")
    if isinstance(value, bool) and (words or TEXT in kinds):
        return "Put it in quotes: YAML reads yes and no without them as true and false."
    if value is None or isinstance(value, (bool, dict, list, tuple)) or not kinds:
        return f"Write {wanted}."
    return _HINTS[kinds[0]]


def _named(shapes: tuple[Shape, ...]) -> str:
    """Return what may stand at a place, in words."""
    found = []
    for shape in shapes:
        if isinstance(shape, Either):
            found.append(_named(shape.shapes))
        elif isinstance(shape, Words):
            more = len(shape.words) > LISTED_MAX
            found.append("one of " + ", ".join(shape.words[:LISTED_MAX]) + (" ..." if more else ""))
        elif isinstance(shape, ListOf):
            found.append("a list")
        else:
            found.append(shape if isinstance(shape, str) else _OBJECT)
    return " or ".join(found)


def _did_you_mean(word: object, known: list[str], what: str) -> str:
    """Return a hint that names the known words nearest to one, or the first of all where none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - a plan that is right does without

    near = get_close_matches(str(word)[:WORD_MAX].lower(), known, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    if not known:
        return f"There are no {what} here; leave it out."
    return f"The {what} are {', '.join(known[:LISTED_MAX])}{' ...' if len(known) > LISTED_MAX else ''}."


def _below(path: str, key: object) -> str:
    """Return the path of what lies below a path under a key."""
    text = _shown(str(key)[:WORD_MAX])[1:-1]
    return f"{path}.{text}" if path else text


def _shown(value: Any) -> str:
    """Return a value in one short line of printable text."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = json.dumps(value, default=str)
    return text if len(text) <= WORD_MAX else text[: WORD_MAX - 3] + "..."

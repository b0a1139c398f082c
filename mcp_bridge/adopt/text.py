# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an adopted plan as YAML, with the line that each setting is from beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .found import Place
    from .plans import Adopted

SHORT = 80  # characters of an item of a list that stays on one line
_BARE_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")


def as_yaml(adopted: Adopted) -> str:
    """Return a plan as a document."""
    plan = adopted.plan
    lines = [f"{key}: {json.dumps(plan[key])}" for key in ("name", "iface") if key in plan]
    lines += ["changes:", *_lines(plan["changes"], (), adopted.places)]
    return "\n".join(lines) + "\n"


def _lines(value: Mapping[str, Any], path: tuple[str, ...], places: Mapping[tuple[str, ...], Place]) -> Iterator[str]:
    """Yield the lines of a mapping below a place of ``changes``."""
    indent = "  " * (len(path) + 1)
    for key, inner in value.items():
        here = (*path, key)
        word = f"{indent}{_word(key)}:"
        source = f"  # {places[here]}" if here in places else ""
        if isinstance(inner, Mapping) and inner:
            yield f"{word}{source}"
            yield from _lines(inner, here, places)
        elif isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
            yield f"{word}{source}"
            for each in inner:
                beside = places.get((*here, str(each.get("dst"))))
                yield from _item(each, f"{indent}  ", f"  # {beside}" if beside else "")
        else:
            yield f"{word} {_scalar(inner)}{source}"


def _item(value: Mapping[str, Any], indent: str, source: str = "") -> Iterator[str]:
    """Yield an item of a list: on one line where it is short."""
    line = _flow(value)
    if len(line) <= SHORT:
        yield f"{indent}- {line}{source}"
        return
    lead = f"{indent}- "
    for key, inner in value.items():
        if isinstance(inner, list) and len(_flow(inner)) > SHORT:
            yield f"{lead}{_word(key)}:"
            for each in inner:
                yield f"{indent}    - {_flow(each)}"
        else:
            yield f"{lead}{_word(key)}: {_flow(inner)}"
        lead = f"{indent}  "


def _flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)


def _word(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else json.dumps(key)


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else _flow(value)

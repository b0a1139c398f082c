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

_BARE_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")


def as_yaml(adopted: Adopted) -> str:
    """Return a plan as a document."""
    plan = adopted.plan
    lines = [f"{key}: {json.dumps(plan[key])}" for key in ("name", "iface") if key in plan]
    lines += ["changes:", *_lines(plan["changes"], (), adopted.places)]
    return "\n".join(lines) + "\n"


def _lines(value: Mapping[str, Any], path: tuple[str, ...], places: Mapping[tuple[str, ...], Place]) -> Iterator[str]:
    indent = "  " * (len(path) + 1)
    for key, inner in value.items():
        here = (*path, key)
        word = key if _BARE_KEY.fullmatch(key) else json.dumps(key)
        source = f"  # {places[here]}" if here in places else ""
        if isinstance(inner, Mapping):
            yield f"{indent}{word}:{source}"
            yield from _lines(inner, here, places)
        elif isinstance(inner, list) and inner and isinstance(inner[0], Mapping):
            yield f"{indent}{word}:{source}"
            for each in inner:
                beside = places.get((*here, str(each.get("dst"))))
                yield f"{indent}  - {json.dumps(each)}" + (f"  # {beside}" if beside else "")
        else:
            yield f"{indent}{word}: {_scalar(inner)}{source}"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) and _NUMBER.fullmatch(value) else json.dumps(value)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads YAML and JSON that anybody may have written: plans, policies, access files.

Nothing is built before it is known to be small enough, and nothing is read that has two meanings. ``yaml.load`` and
``json.loads`` do neither: libyaml crashes the process where lists nest deep, merge keys multiply without end, and of a
key that is given twice the last one wins without a word.
"""

from __future__ import annotations

import json
from typing import Any

from .errors import DocumentError
from .json_text import parse_json


def parse(text: str, *, name: str) -> Any:
    """Return what a JSON or YAML document says.

    Args:
        text: the document.
        name: what it is called in errors, such as its file.

    Raises:
        DocumentError: it is not YAML, or is not read.
        json.JSONDecodeError: its name ends with ``.json``, and it is not JSON.
    """
    if text.lstrip().startswith(("{", "[")):
        try:
            return parse_json(text, name=name)
        except json.JSONDecodeError:
            if name.endswith(".json"):
                raise
    from .yaml_text import parse_yaml  # noqa: PLC0415 - most plans are JSON

    return parse_yaml(text, name=name)


__all__ = ["DocumentError", "parse", "parse_json"]

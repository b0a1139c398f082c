# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Refuses arguments that no call needs, before anything else looks at them: too deep, too many, too long."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from mcp_bridge.documents.errors import DEPTH_MAX
from mcp_bridge.documents.json_text import depth
from mcp_bridge.validator.input_limits import excess

from .errors import AccessError

JSON_TEXT_MAX = 2_000_000
PATTERN_MAX = 4096
PLAN_ARGUMENTS = frozenset({"parameter_plan", "plan", "rendered_plan", "overrides"})
SCRIPTS = ("tc_script", "nft_script")


def check_arguments(arguments: dict[str, Any]) -> None:
    """Make sure that arguments can be looked at.

    A plan may come as JSON text: it is measured before it is read.

    Raises:
        AccessError: they cannot; says which.
    """
    long = {name: value for name, value in arguments.items() if name in PLAN_ARGUMENTS and isinstance(value, str)}
    for name, text in long.items():
        if len(text) > JSON_TEXT_MAX:
            raise _excess(name, f"is longer than {JSON_TEXT_MAX} characters")
        if depth(text) > DEPTH_MAX:
            raise _excess(name, f"is nested deeper than {DEPTH_MAX} levels")
    hosts = arguments.get("hosts")
    if isinstance(hosts, str) and len(hosts) > PATTERN_MAX:
        raise AccessError(
            f"hosts is longer than {PATTERN_MAX} characters", hint="Name groups, or use * and [1:9].", kind="bounds"
        )
    finding = excess({name: _without_scripts(name, value) for name, value in arguments.items() if name not in long})
    if finding is not None:
        place = ".".join(map(str, finding.path)) or "arguments"
        raise _excess(place[:200], f"cannot be used: {finding.message}")


def _without_scripts(name: str, value: Any) -> Any:
    """Return a rendered plan without its two scripts, which may be longer than any other text."""
    if not isinstance(value, dict):
        return value
    scripts = {key: value[key] for key in SCRIPTS if isinstance(value.get(key), str)}
    for key, text in scripts.items():
        if len(text) > JSON_TEXT_MAX:
            raise _excess(f"{name}.{key}", f"is longer than {JSON_TEXT_MAX} characters")
    return {key: inner for key, inner in value.items() if key not in scripts}


def digest(value: object) -> str:
    """Return the SHA-256 over the canonical JSON of what a client sent, hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _excess(name: str, what: str) -> AccessError:
    plain = re.sub(r"[^A-Za-z0-9_.-]", "?", name)
    return AccessError(f"{plain} {what}", hint="Send a plan as schema://ParameterPlan describes it.", kind="bounds")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Publishes the JSON schemas of the policy's files: ``python -m mcp_bridge.schemas``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .policy.card import Card
from .policy.loader import FILES, policy_directory
from .policy.models import PolicyFile

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

DIRECTORY = "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_texts() -> dict[str, str]:
    """Return the text of every schema by its file's name, e.g. ``card.schema.json``."""
    from mcp_bridge.access.models import AccessFile  # noqa: PLC0415  # which itself is made from the policy's models

    models: dict[str, type[BaseModel]] = {"card": Card, "policy": PolicyFile, "access": AccessFile, **FILES}
    return {f"{name}.schema.json": _text(model) for name, model in models.items()}


def _text(model: type[BaseModel]) -> str:
    schema = {"$schema": DIALECT, **model.model_json_schema(by_alias=True)}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(directory: Path) -> None:
    """Write every schema into ``directory/schemas``."""
    target = directory / DIRECTORY
    target.mkdir(exist_ok=True)
    for name, text in schema_texts().items():
        (target / name).write_text(text, encoding="utf-8")


def main() -> None:
    """Write the schemas of the shipped policy."""
    write_schemas(policy_directory())


if __name__ == "__main__":
    main()

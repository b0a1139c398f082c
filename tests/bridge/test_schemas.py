# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published schemas: they are those of the models, and the shipped files keep to them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from mcp_bridge.policy.loader import CARDS, FILES, policy_directory
from mcp_bridge.schemas import DIRECTORY, main, schema_texts, write_schemas

DATA = [(f"{name}.schema.json", policy_directory() / f"{name}.yaml") for name in FILES]
DATA += [("card.schema.json", path) for path in sorted((policy_directory() / CARDS).glob("*.yaml"))]


def test_published_schemas_are_current() -> None:
    """``python -m mcp_bridge.schemas`` was run after the last change of a model."""
    published = {path.name: path.read_text(encoding="utf-8") for path in (policy_directory() / DIRECTORY).iterdir()}
    assert published == schema_texts()


@pytest.mark.parametrize(("schema", "file"), DATA, ids=[path.name for _schema, path in DATA])
def test_shipped_files_keep_to_their_schema(schema: str, file: Path) -> None:
    """An independent validator accepts every file of the policy, and refuses a key that is not known."""
    validator = jsonschema.Draft202012Validator(json.loads(schema_texts()[schema]))
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert [error.message for error in validator.iter_errors(data)] == []
    assert not validator.is_valid({**data, "unheard_of": 1})


@pytest.mark.parametrize("name", sorted(schema_texts()))
def test_schemas_are_schemas(name: str) -> None:
    """Every schema is valid itself."""
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_texts()[name]))


def test_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command writes the schemas next to the policy that is used."""
    monkeypatch.setenv("NETOPT_POLICY_DIR", str(tmp_path))
    main()
    assert {path.name for path in (tmp_path / DIRECTORY).iterdir()} == set(schema_texts())
    write_schemas(tmp_path)

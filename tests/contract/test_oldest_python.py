# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Code that runs on hosts runs on Python 3.8, also the lines that nobody has an interpreter of that age for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "ansible_collections/netopt/linux/plugins"
ON_HOSTS = [path for folder in ("module_utils", "modules") for path in sorted((PLUGINS / folder).rglob("*.py"))]
PLAIN = {"dict", "frozenset", "list", "set", "tuple", "type"}  # they take no brackets before Python 3.9


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and those below it that a running program comes to: no annotations, nothing for type checkers."""
    if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
        return
    yield node
    for name, value in ast.iter_fields(node):
        if name not in {"annotation", "returns"}:
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, ast.AST):
                    yield from evaluated(one)


def too_new(text: str) -> list[str]:
    """Return the lines of a file that Python 3.8 fails at once it comes to them."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in evaluated(ast.parse(text, feature_version=(3, 8)))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in PLAIN
    ]


@pytest.mark.parametrize("path", ON_HOSTS, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_runs_on_python_3_8(path: Path) -> None:
    """A file for hosts has no syntax and no generic built-in type that came after Python 3.8."""
    assert too_new(path.read_text(encoding="utf-8")) == []


def test_finds_what_is_too_new() -> None:
    """A type in brackets that is called is found; one in an annotation, or for type checkers, is not."""
    assert too_new("found: list[str] = []\nif TYPE_CHECKING:\n    Found = list[str]\n") == []
    assert too_new("found = list[str]()\n") == ["line 1: list[str]"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads one YAML file into plain values and remembers the line of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_bridge.documents.errors import DocumentError, KeyPath, dotted
from mcp_bridge.documents.files import read_file
from mcp_bridge.documents.yaml_text import parse_yaml

from .errors import PolicyError

if TYPE_CHECKING:
    from pathlib import Path

BYTES_MAX = 1024 * 1024


class Document:
    """One YAML file: its value, and the line on which every key of it stands.

    Args:
        file: the file to read.

    Raises:
        PolicyError: it is missing, is no regular file, is not YAML, or is not read (``mcp_bridge.documents``).
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lines: dict[KeyPath, int] = {}
        try:
            text = read_file(file, largest=BYTES_MAX)
            self.value: Any = parse_yaml(text, name=str(file), lines=self._lines, aliases=False, dates=True)
        except OSError as error:
            raise PolicyError(file=file, line=None, path="", message=error.strerror or str(error)) from None
        except DocumentError as error:
            raise PolicyError(file=file, line=error.line, path=dotted(error.path), message=error.problem) from None

    def line(self, path: KeyPath) -> int:
        """Return the line of the key at ``path``, or of the nearest key that encloses it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def has(self, path: KeyPath) -> bool:
        """Tell whether there is a value at ``path``."""
        value = self.value
        for part in path:
            if not isinstance(value, dict | list):
                return False
            if isinstance(value, dict):
                if part not in value:
                    return False
            elif not isinstance(part, int) or part >= len(value):
                return False
            value = value[part]  # type: ignore[index]  # a key of a mapping, or a number of a list
        return True

    def error(self, path: KeyPath, message: str) -> PolicyError:
        """Return an error that points at ``path``."""
        return PolicyError(file=self.file, line=self.line(path), path=dotted(path), message=message)

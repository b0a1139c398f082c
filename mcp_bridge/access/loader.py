# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads an access file, checks it, and reads it again when it changes."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from mcp_bridge.documents.errors import DocumentError, KeyPath
from mcp_bridge.documents.files import read_file
from mcp_bridge.policy import PolicyError
from mcp_bridge.policy.layers import model_of
from mcp_bridge.policy.yaml_file import Document

from .models import AccessFile

NO_HOURS = (
    "Callers can no longer be limited to hours: without this key, the caller may make changes at any time. Where that"
    " is not wanted, take the caller out and add it again when it may, or run the server only at those times. Then"
    " remove the key"
)


def load_access(path: Path) -> AccessFile:
    """Return what an access file says.

    Raises:
        PolicyError: the file is missing or wrong, or others may write to it; names the file, the line and the path.
    """
    _refuse_writable(path)
    document = Document(path)
    _refuse_hours(document)
    access = model_of(AccessFile, document)
    for where, message in _problems(access, path.parent):
        raise document.error(where, message)
    return access


def _refuse_writable(path: Path) -> None:
    """Refuse a file that somebody else could give themselves rights with."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise PolicyError(file=path, line=None, path="", message=error.strerror or str(error)) from None
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PolicyError(
            file=path, line=None, path="", message="Others than its owner may write to the file; chmod go-w"
        )


def _refuse_hours(document: Document) -> None:
    """Refuse a file that limits a caller to hours: to pass over that would give it more rights."""
    callers = document.value.get("callers") if isinstance(document.value, dict) else None
    for index, rule in enumerate(callers if isinstance(callers, list) else []):
        if isinstance(rule, dict) and "hours" in rule:
            raise document.error(("callers", index, "hours"), NO_HOURS)


def _problems(access: AccessFile, folder: Path) -> Iterator[tuple[KeyPath, str]]:
    """Yield what does not go together."""
    names = [rule.name for rule in access.callers]
    for index, name in enumerate(names):
        if name in names[:index]:
            yield ("callers", index, "name"), f"There are two callers named {name}"
    if access.authentication is None:
        return
    hashes = [token.sha256 for token in access.authentication.tokens]
    for index, token in enumerate(access.authentication.tokens):
        here: KeyPath = ("authentication", "tokens", index)
        if token.caller not in names:
            yield (*here, "caller"), f"There is no caller {token.caller} in callers"
        if token.sha256 in hashes[:index]:
            yield (*here, "sha256"), "The token is given twice"
    jwt = access.authentication.jwt
    if jwt and jwt.public_key_file and "PUBLIC KEY" not in _text(folder / jwt.public_key_file):
        yield ("authentication", "jwt", "public_key_file"), "There is no PEM public key in this file"


def _text(path: Path) -> str:
    try:
        return read_file(path)
    except (OSError, DocumentError):
        return ""


class Rules:
    """The access file of a running server: a token that is taken out of it is refused from then on.

    Args:
        path: the file; ``None`` for a server without one.

    Raises:
        PolicyError: the file is wrong.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._signature: tuple[int, ...] = ()
        self._current: AccessFile | None = None
        self.current()

    def current(self) -> AccessFile | None:
        """Return what the file says now.

        Raises:
            PolicyError: it was changed and is wrong; nobody is let in until it is mended.
        """
        if self.path is None:
            return None
        with self._lock:
            signature = self._stat(self.path)
            if self._current is None or signature != self._signature:
                self._current = None
                self._current = load_access(self.path)
                self._signature = signature
            return self._current

    @staticmethod
    def _stat(path: Path) -> tuple[int, ...]:
        try:
            found = path.stat()
        except OSError as error:
            raise PolicyError(file=path, line=None, path="", message=error.strerror or str(error)) from None
        return found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode

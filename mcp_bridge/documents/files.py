# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a document's text from a file or from bytes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import BYTES_MAX, DocumentError


def read_file(path: Path, *, largest: int = BYTES_MAX) -> str:
    """Return the text of a regular file; nothing else is opened, since a pipe or a device may never end.

    Raises:
        DocumentError: it is another kind of file, larger than ``largest`` bytes, or not UTF-8.
        OSError: it cannot be read.
    """
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # opening a folder says itself what is wrong
        # one that has become a pipe since makes nobody wait
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as stream:
            if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return decoded(stream.read(largest + 1) or b"", name=str(path), largest=largest)
    raise DocumentError("It is not a regular file", name=str(path), hint="Pipes and devices are not opened.")


def decoded(data: bytes, *, name: str, largest: int = BYTES_MAX) -> str:
    """Return bytes as text.

    Raises:
        DocumentError: there are more than ``largest``, or they are not UTF-8.
    """
    if len(data) > largest:
        raise DocumentError(f"The file is larger than {largest} bytes", name=name, hint="Split it.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"The text is not UTF-8 at byte {error.start}"
        raise DocumentError(problem, name=name, hint="Save it as UTF-8.") from None

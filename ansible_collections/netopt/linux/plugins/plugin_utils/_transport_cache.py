# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remembers on the controller which targets were sent the program, and the program as it was packed.

Most runs so need not send it again. It is a guess and nothing depends on it: a target that has the program no more says
so and is sent it, and one that has it unbeknown is sent it once more. What is remembered is an empty file for each
target below ansible-core's home. The program lies beside these: after a restart of a whole fleet, the process of each
host would pack it anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Callable

from ansible import constants

PROGRAM = "program"
SUM = hashlib.sha256().digest_size  # of the program, ahead of it


def _folder(digest: str) -> Path:
    return Path(constants.config.get_config_value("ANSIBLE_HOME")) / "netopt" / "carried" / digest


def packed(digest: str, pack: Callable[[], bytes]) -> bytes:
    """Return a program as it is sent: as it was kept, where that is whole, else packed now and kept.

    Args:
        digest: the program's.
        pack: what packs it.
    """
    file = _folder(digest) / PROGRAM
    with contextlib.suppress(OSError):
        kept = file.read_bytes()
        if hashlib.sha256(kept[SUM:]).digest() == kept[:SUM]:
            return kept[SUM:]
    program = pack()
    with contextlib.suppress(OSError):
        _make(file.parent)
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(hashlib.sha256(program).digest() + program)
        Path(name).replace(file)
    return program


def is_packed(digest: str) -> bool:
    """Return whether a program is kept, whole or not."""
    return (_folder(digest) / PROGRAM).is_file()


def _make(folder: Path) -> None:
    """Make the folder of a program; what was remembered of other versions of it goes."""
    if not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class ModuleCache:
    """Whether one target was sent one program.

    Args:
        digest: the program's.
        address: what tells the target, and the user there, from others.
    """

    def __init__(self, digest: str, address: str) -> None:
        self._mark = _folder(digest) / hashlib.sha256(address.encode()).hexdigest()[:32]

    def has_program(self) -> bool:
        """Return whether it was."""
        return self._mark.exists()

    def add(self) -> None:
        """Remember that it was."""
        if not self.has_program():
            with contextlib.suppress(OSError):
                _make(self._mark.parent)
                self._mark.touch(mode=0o600)

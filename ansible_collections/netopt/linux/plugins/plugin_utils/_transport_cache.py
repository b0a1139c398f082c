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
import stat
from pathlib import Path
from typing import Callable

from ansible import constants

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.durable_files import replace
from ansible_collections.netopt.linux.plugins.module_utils._common.files import make_folders

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
    kept = _kept(file)
    if kept is not None:
        return kept
    program = pack()
    with contextlib.suppress(OSError):
        _make(digest)
        replace(str(file), hashlib.sha256(program).digest() + program)
    return program


def is_packed(digest: str) -> bool:
    """Return whether a program is kept, whole or not."""
    return os.path.isfile(_folder(digest) / PROGRAM)


def _kept(file: Path) -> bytes | None:
    """Return a program that was kept, ``None`` where it is not whole or others may have written it: root runs it."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != os.geteuid() or about.st_mode & 0o22:
            return None
        kept = stream.read()
    return kept[SUM:] if hashlib.sha256(kept[SUM:]).digest() == kept[:SUM] else None


def _make(digest: str) -> None:
    """Make the folder of a program; what was remembered of other versions of it goes."""
    folder = _folder(digest)
    if not folder.is_dir():
        shutil.rmtree(folder.parent, ignore_errors=True)
    make_folders(*((str(each), 0o700) for each in (*reversed(folder.parents[:2]), folder)))


class ModuleCache:
    """Whether one target was sent one program.

    Args:
        digest: the program's.
        address: what tells the target, and the user there, from others.
    """

    def __init__(self, digest: str, address: str) -> None:
        self._digest = digest
        self._mark = _folder(digest) / hashlib.sha256(address.encode()).hexdigest()[:32]

    def has_program(self) -> bool:
        """Return whether it was."""
        return os.path.exists(self._mark)

    def add(self) -> None:
        """Remember that it was."""
        if not self.has_program():
            with contextlib.suppress(OSError):
                _make(self._digest)
                self._mark.touch(mode=0o600)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Remembers on the controller which targets were sent the program, so that most runs need not send it again.

It is a guess and nothing depends on it: a target that has the program no more says so and is sent it, and one that has
it unbeknown is sent it once more. What is remembered is an empty file for each target below ansible-core's home.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path

from ansible import constants


def _folder(digest: str) -> Path:
    return Path(constants.config.get_config_value("ANSIBLE_HOME")) / "netopt" / "carried" / digest


def knows(digest: str) -> bool:
    """Return whether any target was sent a program."""
    return _folder(digest).is_dir()


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
        """Remember that it was; what was remembered of other versions of the program goes."""
        if self.has_program():
            return
        with contextlib.suppress(OSError):
            if not self._mark.parent.is_dir():
                shutil.rmtree(self._mark.parent.parent, ignore_errors=True)
            self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._mark.touch(mode=0o600)

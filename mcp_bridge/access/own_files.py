# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a server which runs as root acts on are believed because nobody else can write them, at every call.

An inventory may name programs, ``ansible.cfg`` plugins, a policy what is allowed: whoever writes one of them is root.
So the file, what leads to it, and each link on the way have to belong to root, to who called sudo, or to whom this
program belongs anyway. A server that runs as another user reads what that user may read; that user's rights are all
there is to gain.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcp_bridge.backends import ansible_environment
from mcp_bridge.settings import Settings

from .errors import AccessError

BESIDE_INVENTORY = ("group_vars", "host_vars")
FILES_MAX = 100_000  # that are looked at; no fleet has as many
LINKS_MAX = 64


@dataclass(frozen=True)
class OwnFiles:
    """The files of one server.

    Attributes:
        settings: where they are.
        access_file: who may do what.
        everywhere: look, whoever this process is.
    """

    settings: Settings
    access_file: Path | None = None
    everywhere: bool = False

    def check(self) -> None:
        """Refuse the call where somebody else could have written one of the files.

        Raises:
            AccessError: it names the file and who that is.
        """
        if os.geteuid() != 0 and not self.everywhere:
            return
        for path in self._paths():
            problem = foreign(path)
            if problem is not None:
                raise AccessError(
                    f"{problem}, and this server runs as root and acts on what is there",
                    hint="Give it to root with chown and chmod go-w, or run the server as a user of its own.",
                    kind="files",
                )

    def _paths(self) -> Iterator[Path]:
        """Yield every file and folder that is acted on."""
        if self.access_file is not None:
            yield self.access_file
        if self.settings.policy_dir is not None:
            yield from _below(self.settings.policy_dir)
        config = ansible_environment.config_file(os.environ, Path.cwd())
        if config is not None:
            yield config
        inventory = self.settings.inventory
        if inventory is not None and "," not in inventory:
            place = Path(inventory)
            yield from _below(place)
            for name in BESIDE_INVENTORY:
                yield from _below(place.parent / name)


def foreign(path: Path) -> str | None:
    """Return who else could write a file, as the first half of a sentence; ``None`` where nobody could."""
    trusted = _trusted()
    waiting = [path.absolute()]
    for _ in range(LINKS_MAX):
        if not waiting:
            return None
        here = waiting.pop()
        for place in (here, *here.parents):
            try:
                about = place.lstat()
            except FileNotFoundError:
                continue
            if about.st_uid not in trusted:
                return f"{place} belongs to the user {about.st_uid}"
            if stat.S_ISLNK(about.st_mode):
                waiting.append(place.parent / place.readlink())
            elif about.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and not about.st_mode & stat.S_ISVTX:
                return f"{place} can be written by others than its owner"
    return f"{path} is a link without end"


def _trusted() -> set[int]:
    """Return the users who are root already, by what they may do."""
    found = {0, os.geteuid(), Path(__file__).stat().st_uid}
    caller = os.environ.get("SUDO_UID", "")
    return found | ({int(caller)} if os.geteuid() == 0 and caller.isascii() and caller.isdigit() else set())


def _below(place: Path) -> Iterator[Path]:
    """Yield a file, or a folder with all that is in it."""
    yield place
    number = 0
    for folder, folders, files in os.walk(place):
        for name in (*folders, *files):
            number += 1
            if number > FILES_MAX:
                return
            yield Path(folder) / name

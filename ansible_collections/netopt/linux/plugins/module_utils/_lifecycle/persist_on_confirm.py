# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where persistence meets the life of a change: asked for in the plan, written on confirmation, taken away on rollback.

A header says with ``persist`` that its change has yet to be persisted. Once the decision to confirm has fallen, whoever
comes by finishes that: the one that confirms, or the guard when that one was killed.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .._checkpoint.model import CONFIRMED
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._host.systemd import systemd_is_ours
from .._persist.store import Persistence, Staged

if TYPE_CHECKING:
    from .._checkpoint.model import Header
    from .._checkpoint.store import Store
    from .._common.change import Change
    from .._host.commands import Tools
    from .._subsystems.restore import Restored

WRITTEN_BELOW = ("/etc", "/etc/sysctl.d", "/etc/systemd/system")


def check_host(root: str) -> None:
    """Refuse to persist where nothing would read it at boot.

    Raises:
        NetoptError: systemd does not run this host, or its configuration cannot be written.
    """
    if root == "/" and not systemd_is_ours():
        raise NetoptError(
            "persist needs systemd as process 1 of this host",
            stage="plan",
            key="persist",
            wanted="true",
            after="another process 1, or a container or namespace that shares systemd with its host",
            hint="Leave persist out here; the change then lasts until the host restarts.",
        )
    for folder in WRITTEN_BELOW:
        path = os.path.join(root, folder.lstrip("/"))
        if os.path.isdir(path) and not os.access(path, os.W_OK):
            raise NetoptError(
                f"persist needs {folder}, and it cannot be written",
                stage="plan",
                key="persist",
                wanted="true",
                after="read-only",
                hint="Leave persist out on a host whose /etc is part of its image, and put the change into the image.",
            )


def would_change(store: Store, asked: dict[str, Any]) -> list[Change]:
    """Return what persisting would change; ``asked`` is ``{"root", "layer"}`` as in ``Content.persist``."""
    return _persistence(store, asked["root"]).would_change(asked["layer"])


@dataclass(frozen=True)
class StagedChange:
    """A change whose persistence is written beside its place, and takes but a few renames."""

    persistence: Persistence
    staged: Staged

    def commit(self, store: Store, header: Header, tools: Tools) -> tuple[Header, list[dict[str, Any]]]:
        """Put it into force. Return the header of the change, confirmed and persisted, and the steps taken.

        Raises:
            NetoptError: the disk or systemd refuses.
        """
        done = self.persistence.put(self.staged, tools)
        header = replace(header.with_status(CONFIRMED), confirm_by=None, persist=False)
        store.update(header)
        return header, done.operations

    def discard(self) -> None:
        """Remove what was staged."""
        self.persistence.abandon(self.staged)


def stage(store: Store, header: Header) -> StagedChange:
    """Write beside its place what a change is to leave for the next boot.

    Raises:
        NetoptError: the checkpoint cannot be read, or the disk refuses.
    """
    asked = store.content(header.id).persist
    persistence = _persistence(store, asked["root"])
    known = [other.id for other in store.headers()]
    return StagedChange(persistence, persistence.stage(header.id, header.sequence, asked["layer"], known=known))


def withdraw(store: Store, header: Header, tools: Tools, restored: Restored, *, keep: bool, check: bool) -> None:
    """Take away what a change has persisted, and add how that went to what was restored. Nothing is raised."""
    try:
        root = store.content(header.id).persist.get("root", "/")
        done = _persistence(store, root).withdraw(header.id, tools, keep_conflicts=keep, check=check)
    except NetoptError as error:
        restored.errors.append(error)
        return
    restored.diff.extend(done.diff)
    restored.conflicts.extend(done.conflicts)
    restored.operations.extend(done.operations)


def drift(store: Store) -> tuple[str, list[Change]]:
    """Return the newest change that persisted something, and the files that are not as netopt wrote them.

    Raises:
        NetoptError: they cannot be read.
    """
    persistence = _persistence(store, "/")
    return persistence.newest, persistence.drift()


def _persistence(store: Store, root: str) -> Persistence:
    return Persistence(store.persist_path, root)

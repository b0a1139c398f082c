# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs adjusters as units of systemd's, and reads which run.

A unit is transient: it ends with the plan, and with the host. What it runs lies in ``/run`` as well.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from .._adjuster.notice import DIRECTORY, notice_of
from .._common.errors import NetoptError
from .._common.files import for_owner
from .._common.own_files import refuse_foreign
from .._host.systemd import systemd_is_ours
from .._transport.bundle import PYTHON_FLAGS
from .subsystem import start_words, unit_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._common.change import Operation
    from .._host.commands import Tools

PROGRAM = os.path.join(DIRECTORY, "adjuster.pyz")


def observe(scope: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the settings of the adjusters that run for the interfaces of a scope."""
    del tools
    told = {iface: notice_of(iface) for iface in scope["ifaces"]}
    return {"interfaces": {iface: notice and notice["settings"] for iface, notice in told.items()}}


def resolve(wanted: Any, current: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return the state that an intent leads to.

    Raises:
        NetoptError: an adjuster is to start, and systemd does not run this host.
    """
    del tools
    found = {iface: wanted.of(iface).settings.get(iface) for iface in wanted.ifaces}
    start = [iface for iface, settings in found.items() if settings and settings != current["interfaces"].get(iface)]
    if start and not systemd_is_ours():
        raise NetoptError(
            f"shaper.adapt of {', '.join(start)} needs systemd as process 1 of this host",
            stage="plan",
            key="changes.shaper.adapt",
            wanted="a unit of systemd's",
            after="another process 1, or a container or namespace that shares systemd with its host",
            hint="Leave adapt out here; the shaper then keeps its rate. Nothing was changed.",
        )
    return {"interfaces": found}


def perform(operation: Operation, tools: Tools) -> None:
    """Stop or start an adjuster.

    Raises:
        NetoptError: systemd refuses, or the adjuster did not find what the plan has made.
    """
    iface, settings = operation.payload
    unit = unit_of(iface)
    tools.run(["systemctl", "stop", f"{unit}.service"], stage="apply", check=False)  # also one that is to start again
    if settings is None:
        return
    from .archive import adjuster_archive  # noqa: PLC0415 - what runs already does without

    path = os.path.join(DIRECTORY, f"{unit}.settings")
    _write({PROGRAM: adjuster_archive(), path: json.dumps(settings).encode()}.items())
    tools.run(start_words(iface, [sys.executable, *PYTHON_FLAGS, PROGRAM], path), stage="apply")


def _write(files: Iterable[tuple[str, bytes]]) -> None:
    """Write files that only root may read and write.

    Raises:
        NetoptError: the disk refuses.
    """
    try:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        refuse_foreign(DIRECTORY)
        for path, data in files:
            with open(f"{path}.{os.getpid()}", "wb", opener=for_owner) as stream:
                stream.write(data)
            os.replace(stream.name, path)
    except OSError as error:
        raise NetoptError(f"{DIRECTORY}: {error.strerror}", stage="apply", key=DIRECTORY) from None

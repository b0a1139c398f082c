# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Large values among the plans in force, each in a file of its own named by its SHA-256, ``plans.<sha256>.json``.

A record that keeps a value links its file from the record before, so that it is written once.
"""

from __future__ import annotations

import os
from typing import Any

from .._common.errors import NetoptError
from .._common.own_files import own_text
from .durable_files import link, write
from .model import seal, unseal

FIRST, LAST = "plans.", ".json"
RECORD = "plans.json"  # which plans are in force, beside them


def path_of(folder: str, sha256: str) -> str:
    """Return the path of a value in a folder."""
    return os.path.join(folder, f"{FIRST}{sha256}{LAST}")


def names(folder: str) -> list[str]:
    """Return the names of the files of large values in a folder."""
    found = os.listdir(folder)
    return [name for name in found if name.startswith(FIRST) and name.endswith(LAST) and name != RECORD]


def load(path: str) -> Any:
    """Return a value.

    Raises:
        NetoptError: its file is gone or damaged.
    """
    try:
        text = own_text(path)
    except OSError as error:
        raise NetoptError(f"{path} cannot be read: {error.strerror}", stage="checkpoint", key=path) from None
    return unseal(text, name=path)["value"]


def keep(folder: str, values: dict[str, Any]) -> None:
    """Write values by their SHA-256, or link them to where they are already.

    Raises:
        OSError: the disk refuses.
    """
    for sha256, value in values.items():
        target = path_of(folder, sha256)
        if hasattr(value, "path"):
            link(value.path, target)
        else:
            write(target, seal({"value": value}).encode())

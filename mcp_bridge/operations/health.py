# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a server lives, and whether it could carry out a change now."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from mcp_bridge import COLLECTIONS_ROOT, atomic_files
from mcp_bridge.errors import NetoptBridgeError
from mcp_bridge.policy import load_policy
from mcp_bridge.settings import Settings

Check = Callable[[Settings], None]


class NotReadyError(NetoptBridgeError):
    """Something that every change needs is not there."""


def readiness(settings: Settings) -> dict[str, str]:
    """Return what is wrong by check; an empty text where nothing is.

    Reads files only: no host is asked and no process started, so a probe may come every second.
    """
    found: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check(settings)
        except (NetoptBridgeError, OSError) as error:
            found[name] = str(error) or type(error).__name__
        else:
            found[name] = ""
    return found


def _policy(settings: Settings) -> None:
    load_policy(settings.policy_dir)


def _inventory(settings: Settings) -> None:
    source = settings.inventory
    if source is not None and "," not in source and not Path(source).exists():
        raise NotReadyError(f"There is no inventory {source}")


def _state(settings: Settings) -> None:
    atomic_files.make_folder(settings.state_dir)
    for path in (settings.state_dir, settings.audit_file):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            raise NotReadyError(f"{path} cannot be written")


def _ansible(_settings: Settings) -> None:
    beside = str(Path(sys.executable).parent)
    if shutil.which("ansible-playbook", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}") is None:
        raise NotReadyError("ansible-playbook is not installed")
    if not (COLLECTIONS_ROOT / "ansible_collections" / "netopt" / "linux" / "playbooks").is_dir():
        raise NotReadyError("The collection netopt.linux is not installed")


CHECKS: dict[str, Check] = {"policy": _policy, "inventory": _inventory, "state": _state, "ansible": _ansible}

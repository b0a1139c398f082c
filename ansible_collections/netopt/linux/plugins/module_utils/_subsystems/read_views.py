# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the tools print of what a change may touch, and proves a rollback by it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.commands import SEARCH_PATH
from .table import TABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .._host.commands import Tools

SETTLE_S = (0.2, 1.0)  # a device that has just been set may still be on its way


def read_views(names: Iterable[str], before: dict[str, Any], tools: Tools) -> dict[str, Any]:
    """Return what the tools print of subsystems now: ``{subsystem: {"tools": {tool: file}, "view": view}}``.

    A subsystem whose tool fails is left out: a change does not depend on this.

    Args:
        names: the subsystems.
        before: ``{subsystem: state}`` before the change, which says what is looked at.
        tools: to run programs with.
    """
    found = {}
    for name in names:
        read = TABLE[name].view
        if read is None:
            continue
        try:
            view = read(before[name], tools)
        except NetoptError:
            continue
        found[name] = {"tools": {tool: _file_of(tool) for tool in _tools_of(view)}, "view": view}
    return found


def unlike(
    views: dict[str, Any], before: dict[str, Any], tools: Tools, *, without: Collection[str] = ()
) -> list[NetoptError]:
    """Return an error for each command that prints other than in ``views``; what differs is read again after a while.

    What a tool prints is compared only with what the same file has printed: releases print differently.

    Args:
        views: by ``read_views``, before the change.
        before: as for ``read_views``.
        tools: to run programs with.
        without: subsystems that are not compared.
    """
    left = [name for name in views if name in before and name not in without]
    found: list[NetoptError] = []
    for pause_s in (0.0, *SETTLE_S):
        time.sleep(pause_s)
        now = read_views(left, before, tools)
        each = {name: _differences(views[name], now[name]) for name in left if name in now}
        left = [name for name, errors in each.items() if errors]
        found = [error for errors in each.values() for error in errors]
        if not found:
            break
    return found


def _differences(then: dict[str, Any], now: dict[str, Any]) -> list[NetoptError]:
    from .tool_views import differences  # noqa: PLC0415 - an apply compares nothing

    replaced = {tool for tool, file in then["tools"].items() if now["tools"].get(tool) != file}
    return differences(
        {command: lines for command, lines in then["view"].items() if command.split()[0] not in replaced}, now["view"]
    )


def _tools_of(view: Iterable[str]) -> list[str]:
    return sorted({command.split()[0] for command in view})


def _file_of(tool: str) -> list[int]:
    """Return size and time of a tool's file, which tell one release from another; nothing where it is not found."""
    for folder in SEARCH_PATH.split(":"):
        try:
            told = os.stat(os.path.join(folder, tool))
        except OSError:
            continue
        return [told.st_size, told.st_mtime_ns]
    return []

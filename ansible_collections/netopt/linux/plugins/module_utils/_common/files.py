# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads files whole. ``pathlib`` does so too, and takes longer to import than all files of a plan take to read."""

from __future__ import annotations


def text_of(path: str) -> str:
    """Return what a file holds, bytes that are no UTF-8 replaced.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def bytes_of(path: str) -> bytes:
    """Return what a file holds.

    Raises:
        OSError: it cannot be read.
    """
    with open(path, "rb") as stream:
        return stream.read()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error of the lab."""

from __future__ import annotations


class LabError(Exception):
    """The lab could not do what was asked.

    Args:
        message: what went wrong, one line.
        hint: what to do about it, one line; empty when there is nothing to advise.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message with its hint, on one line."""
        return f"{self.message}. {self.hint}" if self.hint else self.message

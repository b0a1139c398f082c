# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one error that target-side code raises, and the stages at which it can happen."""

from __future__ import annotations

STAGES = (
    "plan",  # the plan cannot be turned into commands
    "connect",  # the host was not reached, or has no usable Python
    "facts",  # the host's facts could not be read
    "observe",  # the current state could not be read
    "rehearse",  # the kernel or a tool refused the plan in the scratch namespace
    "checkpoint",  # the checkpoint could not be written or read
    "arm",  # the timer that reverts could not be armed
    "apply",  # an operation on the real host failed
    "verify",  # the state read back is not the state that was asked for
    "validate",  # what the plan wants to be measured could not be, or was not met
    "confirm",  # the change was not confirmed
    "restore",  # the checkpoint could not be restored
)


class NetoptError(Exception):
    """A failure that a person can act on.

    The fields are those of ``HostReport.error``; every one is text or ``None``.

    Args:
        message: what went wrong, in one line.
        stage: one of ``STAGES``.
        key: the setting, in the tool's own terms (``net.ipv4.ip_forward``, ``eth0 qdisc root``).
        wanted: what was asked for.
        before: what was there before the change.
        after: what was found instead of ``wanted``.
        hint: what to do about it.
    """

    def __init__(  # noqa: PLR0913 - the fields of HostReport.error, by name
        self,
        message: str,
        *,
        stage: str,
        key: str | None = None,
        wanted: str | None = None,
        before: str | None = None,
        after: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        if stage not in STAGES:
            raise ValueError(f"unknown stage {stage!r}, expected one of {', '.join(STAGES)}")
        self.message = message
        self.stage = stage
        self.key = key
        self.wanted = wanted
        self.before = before
        self.after = after
        self.hint = hint

    def as_dict(self) -> dict[str, str | None]:
        """Return the error in the shape of ``HostReport.error``."""
        return {
            "stage": self.stage,
            "key": self.key,
            "wanted": self.wanted,
            "before": self.before,
            "after": self.after,
            "message": self.message,
            "hint": self.hint,
        }

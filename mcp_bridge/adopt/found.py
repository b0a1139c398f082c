# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read from files: settings with the line of each, and lines that no plan can say, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file, from 1; or what else tells where a setting is from, without a line."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        """Return it as compilers do, so that editors find it."""
        return f"{self.file}:{self.line}" if self.line else self.file


SET = "; set "


def place_of(usual: str, who: str | None) -> Place:
    """Return what stands beside a setting of a host: what is usual, and who has set it where that is known."""
    return Place(f"by default {usual}" + (f"{SET}{who}" if who else ""))


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        path: where it stands in ``changes``: ``("sysctl", "net.core.somaxconn")``.
        value: what it is set to.
        place: the line that says so.
        text: the line.
    """

    path: tuple[str, ...]
    value: Any
    place: Place
    text: str


@dataclass(frozen=True)
class LeftOut:
    """A line that no plan says, or that one says with a difference.

    Attributes:
        place: the line.
        text: what it says.
        reason: why no plan says it, and what to do; or the difference.
        said: whether a plan says it, but for that.
    """

    place: Place
    text: str
    reason: str
    said: bool = False


@dataclass
class Found:
    """What some files say.

    Attributes:
        settings: by interfaces and path, in the order of reading; ``None`` is for the host as a whole.
        left_out: lines that no plan says.
    """

    settings: dict[Any, dict[tuple[str, ...], Setting]] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)

    def set(self, setting: Setting, ifaces: tuple[str, ...] | None = None) -> None:
        """Take a setting in; one that was read before it for the same is left out."""
        held = self.settings.setdefault(ifaces, {})
        before = held.pop(setting.path, None)
        held[setting.path] = setting
        if before:
            again = "to the same" if before.value == setting.value else f"to {setting.value}"
            why = f"It is set again, {again}, by {setting.place}, which is read later."
            self.left_out.append(LeftOut(before.place, before.text, why, said=True))

    def move(self, ifaces: Any, others: Any) -> None:
        """Have the settings of some interfaces be those of others."""
        moved = self.settings.pop(ifaces, {})
        if moved:
            self.settings[others] = {**moved, **self.settings.get(others, {})}

    def leave_out(self, place: Place, text: str, reason: str) -> None:
        """Note a line that no plan says."""
        self.left_out.append(LeftOut(place, text, reason))

    def add(self, other: Found) -> None:
        """Take in what was read after this."""
        for ifaces, settings in other.settings.items():
            for one in settings.values():
                self.set(one, ifaces)
        self.left_out += other.left_out

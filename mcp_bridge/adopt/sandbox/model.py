# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A script, how it is called, and what it led to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Script:
    """A script and how it is called.

    Attributes:
        text: what it says.
        name: the name of its file.
        arguments: what it is called with.
        env: variables that it finds set.
        shown: files and folders that it may read, at their own paths.
        ifaces: interfaces that it finds; those that its commands name are made when they do.
    """

    text: str
    name: str
    arguments: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    shown: Sequence[Path] = ()
    ifaces: Sequence[str] = ()


@dataclass(frozen=True)
class Said:
    """A command that a script ran.

    Attributes:
        places: the file that it stands in, as the script sees it, and its line; behind it, from where the function that
            it stands in was called, and that one's. Empty where nobody knows.
        words: the command.
        status: its exit status.
        error: what it said on standard error.
    """

    places: tuple[tuple[str, int], ...]
    words: tuple[str, ...]
    status: int = 0
    error: str = ""

    @property
    def text(self) -> str:
        """The command as one line."""
        return " ".join(self.words)


@dataclass
class Ran:
    """What a script led to.

    Attributes:
        said: its commands, in their order.
        state: the tc State of the interfaces.
        links: the interfaces, by name.
        sysctl: kernel parameters that it has written to below ``/proc/sys``, by key.
        sys: files of interfaces that it has written to, by their path below ``/sys/class/net``.
        etc: files that it has written below ``/etc``, by their path there.
        error: what it said.
        status: its exit status; ``None`` where its time was over.
    """

    said: list[Said] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    sysctl: dict[str, str] = field(default_factory=dict)
    sys: dict[str, str] = field(default_factory=dict)
    etc: dict[str, str] = field(default_factory=dict)
    error: str = ""
    status: int | None = 0

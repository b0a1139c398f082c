# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was read of the tc tree of an interface: a plan's changes, and what no plan has. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_bridge.collection.kernel_state import TcObject


@dataclass(frozen=True)
class Unsaid:
    """An object that no plan has, or has otherwise.

    Attributes:
        device: its interface.
        one: the object.
        reason: why, or the difference.
        said: whether a plan has it, but for that.
    """

    device: str
    one: TcObject
    reason: str
    said: bool = False


@dataclass
class Reading:
    """What was read of an interface.

    Attributes:
        name: the interface.
        changes: as a plan has them.
        origins: the interface and the object that each field is read from.
        unsaid: objects that no plan has, or has otherwise.
        devices: devices of ifb that are part of the tree.
    """

    name: str
    changes: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, tuple[str, TcObject]] = field(default_factory=dict)
    unsaid: list[Unsaid] = field(default_factory=list)
    devices: set[str] = field(default_factory=set)

    def set(self, name: str, value: Any, origin: TcObject) -> None:
        """Set a field."""
        self.changes[name], self.origins[name] = value, (self.name, origin)

    def leave(self, one: TcObject, reason: str) -> None:
        """Note an object that no plan has."""
        self.unsaid.append(Unsaid(self.name, one, reason))

    def differ(self, one: TcObject, reason: str) -> None:
        """Note an object that a plan has, but for a difference; once."""
        told = Unsaid(self.name, one, reason, said=True)
        if told not in self.unsaid:
            self.unsaid.append(told)

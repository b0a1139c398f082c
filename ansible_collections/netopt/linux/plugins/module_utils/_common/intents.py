# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several plans, or one plan for several interfaces, ask of one subsystem. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Tuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class OneIntent:
    """An intent that asks the same of each of its interfaces: it can stand where ``Intents`` can."""

    ifaces: Tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Any, ...]:
        """The intents that it is made of: itself."""
        return (self,)

    def of(self, _iface: str) -> Any:
        """Return what is asked of one of the interfaces."""
        return self


class Intents:
    """Several intents of one subsystem; no interface is in two of them unless their rules stand side by side.

    Args:
        parts: the intents, in the order in which their rules stand.
    """

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts

    @property
    def ifaces(self) -> tuple[str, ...]:
        """The interfaces of all parts, each once."""
        return tuple(dict.fromkeys(iface for one in self.parts for iface in one.ifaces))

    def of(self, iface: str) -> Any:
        """Return what is asked of one interface."""
        return next(one for one in self.parts if iface in one.ifaces)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.parts)

    def __bool__(self) -> bool:
        return any(self.parts)


def together(parts: list[Any]) -> Any:
    """Return some intents of one subsystem as one that can stand for all of them."""
    return parts[0] if len(parts) == 1 else Intents(tuple(parts))

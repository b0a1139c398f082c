# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of subsystems: which modules make up each, and where its rehearsal runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from . import _link, _link_io, _nft, _nft_io, _sysctl, _sysctl_io, _tc, _tc_io
from ._change import SUBSYSTEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._change import Change, Operation
    from ._tools_io import Tools

State = Any  # a JSON-able dict whose shape is private to the subsystem


class Pure(Protocol):
    """What the pure module of a subsystem offers."""

    intent: Callable[[dict[str, Any], tuple[str, ...]], Any]
    scope: Callable[[Any], dict[str, Any]]
    diff: Callable[[State, State], list[Change]]
    operations: Callable[[State, State], list[Operation]]


class Kernel(Protocol):
    """What the module of a subsystem that touches the kernel offers."""

    observe: Callable[[dict[str, Any], Tools], State]
    settle: Callable[[Any, State, Tools], State]
    perform: Callable[[Operation, Tools], None]


@dataclass(frozen=True)
class Subsystem:
    """One subsystem.

    Attributes:
        name: one of ``SUBSYSTEMS``.
        pure: decides: intent, scope, diff, operations.
        kernel: acts: observe, settle, perform.
        settles_in_scratch: whether ``settle`` makes the state for real and so needs a scratch namespace.
    """

    name: str
    pure: Any
    kernel: Any
    settles_in_scratch: bool


_PARTS = {
    "sysctl": Subsystem("sysctl", _sysctl, _sysctl_io, settles_in_scratch=False),
    "link": Subsystem("link", _link, _link_io, settles_in_scratch=False),
    "tc": Subsystem("tc", _tc, _tc_io, settles_in_scratch=True),
    "nft": Subsystem("nft", _nft, _nft_io, settles_in_scratch=True),
}

TABLE = {name: _PARTS[name] for name in SUBSYSTEMS}  # in the order of applying

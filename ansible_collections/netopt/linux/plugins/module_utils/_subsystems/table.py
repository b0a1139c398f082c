# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of subsystems: which modules make up each, and where its rehearsal runs.

A module sent by Ansible is compiled anew on every run, so each half of a subsystem is imported when it is first needed:
a confirmation needs none, and a plan for sysctl keys does without the code that speaks to tc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .._common.change import SUBSYSTEMS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._common.change import Change, Operation
    from .._host.commands import Tools

State = Any  # a JSON-able dict whose shape is private to the subsystem


class Pure(Protocol):
    """What the pure module of a subsystem offers."""

    intent: Callable[..., Any]
    render: Callable[[Any], Any]
    scope: Callable[[Any], dict[str, Any]]
    diff: Callable[[State, State], list[Change]]
    operations: Callable[[State, State], list[Operation]]


class Observer(Protocol):
    """What the module of a subsystem that reads the kernel offers."""

    observe: Callable[[dict[str, Any], Tools], State]


class Kernel(Observer, Protocol):
    """What the module of a subsystem that touches the kernel offers."""

    settle: Callable[[Any, State, Tools], State]
    perform: Callable[[Operation, Tools], None]
    try_out: Callable[[State, State], None]  # of those that ``tries_in_scratch`` alone


def _sysctl_pure() -> Any:
    from .._sysctl import subsystem as _sysctl  # noqa: PLC0415 - see above, here and below

    return _sysctl


def _sysctl_kernel() -> Any:
    from .._sysctl import kernel as _sysctl_io  # noqa: PLC0415

    return _sysctl_io


def _sysctl_observer() -> Any:
    from .._sysctl import observe as _sysctl_observe_io  # noqa: PLC0415

    return _sysctl_observe_io


def _link_pure() -> Any:
    from .._link import subsystem as _link  # noqa: PLC0415

    return _link


def _link_kernel() -> Any:
    from .._link import kernel as _link_io  # noqa: PLC0415

    return _link_io


def _tc_pure() -> Any:
    from .._tc import subsystem as _tc  # noqa: PLC0415

    return _tc


def _tc_kernel() -> Any:
    from .._tc import kernel as _tc_io  # noqa: PLC0415

    return _tc_io


def _tc_observer() -> Any:
    from .._tc import observe as _tc_observe_io  # noqa: PLC0415

    return _tc_observe_io


def _nft_pure() -> Any:
    from .._nft import subsystem as _nft  # noqa: PLC0415

    return _nft


def _nft_kernel() -> Any:
    from .._nft import kernel as _nft_io  # noqa: PLC0415

    return _nft_io


def _nft_generation() -> Any:
    from .._nft.netlink import generation  # noqa: PLC0415

    return generation()


@dataclass(frozen=True)
class Subsystem:
    """One subsystem.

    Attributes:
        load_pure: imports what decides.
        load_kernel: imports what acts.
        load_observer: imports what reads, which acting builds upon.
        settles_in_scratch: whether ``settle`` makes the state for real and so needs a scratch namespace.
        tries_in_scratch: whether what ``settle`` computed can be tried in one.
        generation: asks the kernel what changes whenever anything of the subsystem does; ``None`` where it cannot tell.
    """

    load_pure: Callable[[], Pure]
    load_kernel: Callable[[], Kernel]
    load_observer: Callable[[], Observer]
    settles_in_scratch: bool
    tries_in_scratch: bool = False
    generation: Callable[[], Any] = lambda: None

    @property
    def pure(self) -> Pure:
        """What decides: intent, scope, diff, operations."""
        return self.load_pure()

    @property
    def observe(self) -> Callable[[dict[str, Any], Tools], State]:
        """What reads the state of what a scope names."""
        return self.load_observer().observe

    @property
    def kernel(self) -> Kernel:
        """What acts: observe, settle, perform."""
        return self.load_kernel()


_PARTS = {
    "sysctl": Subsystem(
        _sysctl_pure, _sysctl_kernel, _sysctl_observer, settles_in_scratch=False, tries_in_scratch=True
    ),
    "link": Subsystem(_link_pure, _link_kernel, _link_kernel, settles_in_scratch=False),
    "tc": Subsystem(_tc_pure, _tc_kernel, _tc_observer, settles_in_scratch=True),
    "nft": Subsystem(_nft_pure, _nft_kernel, _nft_kernel, settles_in_scratch=True, generation=_nft_generation),
}

TABLE = {name: _PARTS[name] for name in SUBSYSTEMS}  # in the order of applying

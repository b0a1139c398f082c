# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The table of subsystems: which modules make up each, and where its rehearsal runs.

A module sent by Ansible is compiled anew on every run, so each half of a subsystem is imported when it is first needed:
a confirmation needs none, and a plan for sysctl keys does without the code that speaks to tc.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from .._common.change import SUBSYSTEMS
from .._common.quick_dataclass import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    # what the table names: ansible-core sends along only what it sees imported
    from .._adapt import kernel as _adapt_kernel  # noqa: F401
    from .._adapt import origin as _adapt_origin  # noqa: F401
    from .._adapt import subsystem as _adapt_subsystem  # noqa: F401
    from .._common.change import Change, Operation
    from .._host.commands import Tools
    from .._link import kernel as _link_kernel  # noqa: F401
    from .._link import origin as _link_origin  # noqa: F401
    from .._link import subsystem as _link_subsystem  # noqa: F401
    from .._nft import kernel as _nft_kernel  # noqa: F401
    from .._nft import netlink as _nft_netlink  # noqa: F401
    from .._nft import origin as _nft_origin  # noqa: F401
    from .._nft import subsystem as _nft_subsystem  # noqa: F401
    from .._nft import view as _nft_view  # noqa: F401
    from .._route import kernel as _route_kernel  # noqa: F401
    from .._route import origin as _route_origin  # noqa: F401
    from .._route import subsystem as _route_subsystem  # noqa: F401
    from .._sysctl import kernel as _sysctl_kernel  # noqa: F401
    from .._sysctl import observe as _sysctl_observe  # noqa: F401
    from .._sysctl import origin as _sysctl_origin  # noqa: F401
    from .._sysctl import subsystem as _sysctl_subsystem  # noqa: F401
    from .._tc import kernel as _tc_kernel  # noqa: F401
    from .._tc import observe as _tc_observe  # noqa: F401
    from .._tc import origin as _tc_origin  # noqa: F401
    from .._tc import same_tree as _tc_same_tree  # noqa: F401
    from .._tc import subsystem as _tc_subsystem  # noqa: F401
    from .._tc import view as _tc_view  # noqa: F401

State = Any  # a JSON-able dict whose shape is private to the subsystem


class Pure(Protocol):
    """What the pure module of a subsystem offers."""

    intent: Callable[..., Any]
    render: Callable[[Any], Any]
    scope: Callable[[Any], dict[str, Any]]
    diff: Callable[[State, State], list[Change]]
    operations: Callable[[State, State], list[Operation]]
    beside: Callable[[Any], Any]  # of those that have to go along with another alone


class Origin(Protocol):
    """What the module of a subsystem that knows what was there before any plan offers."""

    claims: Callable[[Any], set[str]]
    remember: Callable[[Any, State], dict[str, Any]]
    give_back: Callable[[Any, dict[str, Any], dict[str, Any]], Any]
    beside: Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]  # where one ``resets``


class Observer(Protocol):
    """What the module of a subsystem that reads the kernel offers."""

    observe: Callable[[dict[str, Any], Tools], State]


class Kernel(Observer, Protocol):
    """What the module of a subsystem that touches the kernel offers."""

    resolve: Callable[[Any, State, Tools], State]
    perform: Callable[[Operation, Tools], None]
    try_out: Callable[[State, State], None]  # of those that ``tries_in_scratch`` alone


@dataclass(frozen=True)
class Subsystem:
    """One subsystem.

    Attributes:
        folder: where its modules lie: ``subsystem.py`` decides, ``kernel.py`` acts.
        observer: the module that reads the kernel, where that is one of its own.
        resolves_in_scratch: whether ``resolve`` makes the state for real and so needs a scratch namespace.
        tries_in_scratch: whether what ``resolve`` computed can be tried in one.
        resets: whether writing one of its settings may change others of them, be it on other interfaces.
        renumbers: whether what is wanted may be there already under other numbers; ``same_tree.py`` tells.
        beside: the subsystem whose plans this one may have to go along with, though they ask nothing of it.
        viewed: whether ``view.py`` has what the tools print, for a rollback to be proven by; the others are read and
            compared as the tools print them anyway.
        warns: whether the pure module tells what a change loses, or a rollback may not bring back whole.
        counter: the module whose ``generation`` asks the kernel for what changes whenever anything of the subsystem
            does; ``None`` where the kernel cannot tell.
    """

    folder: str
    observer: str = "kernel"
    resolves_in_scratch: bool = False
    tries_in_scratch: bool = False
    resets: bool = False
    renumbers: bool = False
    beside: str | None = None
    viewed: bool = False
    warns: bool = False
    counter: str | None = None

    @property
    def pure(self) -> Pure:
        """What decides: intent, scope, diff, operations."""
        return self._module("subsystem")  # type: ignore[no-any-return]  # by its name, see ``Pure``

    @property
    def origin(self) -> Origin:
        """What keeps how things were before any plan set them: claims, remember, give_back."""
        return self._module("origin")  # type: ignore[no-any-return]  # see ``Origin``

    @property
    def observe(self) -> Callable[[dict[str, Any], Tools], State]:
        """What reads the state of what a scope names."""
        return self._module(self.observer).observe  # type: ignore[no-any-return]  # see ``Observer``

    @property
    def kernel(self) -> Kernel:
        """What acts: observe, resolve, perform."""
        return self._module("kernel")  # type: ignore[no-any-return]  # see ``Kernel``

    @property
    def warnings(self) -> Callable[[State, State | None], list[str]] | None:
        """What tells what a rollback may not bring back whole, from the state now and the wanted one."""
        return self._module("subsystem").warnings if self.warns else None

    @property
    def view(self) -> Callable[[State, Tools], dict[str, list[str]]] | None:
        """What reads what the tools print of the things of a state: ``{command: [line, ...]}``."""
        return self._module("view").view if self.viewed else None

    def as_numbered(self, current: State, wanted: State) -> State:
        """Return a wanted state by the numbers that are there, where these are all that differs."""
        found: State = self._module("same_tree").with_numbers_of(current, wanted) if self.renumbers else wanted
        return found

    def goes_along(self, asked: Container[str]) -> bool:
        """Return whether this subsystem is concerned by a plan that asks something of the others in ``asked``.

        A larger tree of classes is found by maps of nftables, which have to go with it.
        """
        return self.beside in asked and bool(self._module("netlink").finds_classes())

    def generation(self) -> Any:
        """Return what changes whenever anything of the subsystem does; ``None`` where the kernel cannot tell."""
        return self._module(self.counter).generation() if self.counter else None

    def _module(self, name: str) -> Any:
        return import_module(f"..{self.folder}.{name}", __package__)


_PARTS = {
    "sysctl": Subsystem("_sysctl", observer="observe", tries_in_scratch=True, resets=True),
    "link": Subsystem("_link", resets=True),
    "route": Subsystem("_route", tries_in_scratch=True, warns=True),
    "tc": Subsystem("_tc", observer="observe", resolves_in_scratch=True, renumbers=True, viewed=True, warns=True),
    "nft": Subsystem("_nft", resolves_in_scratch=True, beside="tc", viewed=True, warns=True, counter="netlink"),
    "adapt": Subsystem("_adapt"),
}

TABLE = {name: _PARTS[name] for name in SUBSYSTEMS}  # in the order of applying

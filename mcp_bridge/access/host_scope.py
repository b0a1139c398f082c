# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which hosts a call reaches: worked out here, so that a run is handed names and no pattern."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from mcp_bridge.backends import inventory
from mcp_bridge.backends.inventory import InventoryHost

from .caller import Caller
from .errors import AccessError
from .models import EVERYTHING

FRESH_S = 10.0
KEPT = 64
SHOWN = 10


class HostScope:
    """The hosts of an inventory, as callers see them.

    Args:
        source: the inventory, as in the settings.
    """

    def __init__(self, source: str | None) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._known: dict[tuple[object, ...], tuple[float, list[InventoryHost]]] = {}

    def reached(self, pattern: str | None, caller: Caller) -> tuple[str, ...]:
        """Return the names of the hosts that a pattern of the caller reaches, sorted.

        ``all`` is every host that is open to the caller; any other pattern has to stay within those.

        Raises:
            AccessError: the pattern reaches a host that is closed to the caller.
            InventoryError: it is no pattern, or matches nothing.
        """
        checked = inventory.check_pattern(pattern)
        everything = self._read(None)
        allowed = self.members(caller.rule.hosts, everything) - self.members(caller.rule.except_hosts, everything)
        if checked is None:
            names = allowed
            if not names:
                raise AccessError(
                    f"No host is open to the caller {caller.name}",
                    hint="Its hosts are in the access file.",
                    kind="hosts",
                )
        else:
            names = {host.name for host in self._read(checked)}
            outside = len(names - allowed)
            if outside:
                raise AccessError(
                    f"The pattern {pattern!r} reaches {outside} of {len(names)} hosts that are closed to the caller"
                    f" {caller.name}",
                    hint=f"Open to it: {shown(sorted(allowed))}; `all` stands for these.",
                    kind="hosts",
                )
        self._refuse_ambiguous(names, everything)
        return tuple(sorted(names))

    def open_to(self, caller: Caller) -> frozenset[str]:
        """Return the names of the hosts that are open to a caller."""
        everything = self._read(None)
        return frozenset(
            self.members(caller.rule.hosts, everything) - self.members(caller.rule.except_hosts, everything)
        )

    def names_of_open(self, caller: Caller) -> frozenset[str]:
        """Return the names and addresses of the hosts that are open to a caller, in lower case."""
        names = self.open_to(caller)
        known = [host for host in self._read(None) if host.name in names]
        addresses = [str(host.variables["ansible_host"]) for host in known if "ansible_host" in host.variables]
        return frozenset(name.casefold() for name in [*names, *addresses])

    def check_server(self, name: str, caller: Caller) -> None:
        """Keep a caller from having a host of the inventory serve that is closed to it; others serve anyway.

        Raises:
            AccessError: it is one.
        """
        plain = name.strip().rstrip(".").casefold()
        closed = {host.name for host in self._read(None)} - self.open_to(caller)
        if plain in {host.casefold() for host in closed}:
            raise AccessError(
                f"The host {name!r}, which is to serve iperf3, is closed to the caller {caller.name}",
                hint="Measure throughput to a host that is open to it.",
                kind="hosts",
            )

    def within(self, names: Iterable[str], entries: Sequence[str]) -> bool:
        """Return whether all hosts are named by entries of the access file, or in a group that is."""
        return set(names) <= self.members(entries, self._read(None))

    def groups(self) -> dict[str, set[str]]:
        """Return the hosts of each group, whoever may reach them."""
        return _by_group(self._read(None))

    @staticmethod
    def members(entries: Sequence[str], hosts: Iterable[InventoryHost]) -> set[str]:
        """Return the hosts that entries of the access file name: hosts and groups, word for word."""
        wanted = set(entries)
        return {
            host.name
            for host in hosts
            if EVERYTHING in wanted or host.name in wanted or not wanted.isdisjoint(host.groups)
        }

    @staticmethod
    def _refuse_ambiguous(names: Iterable[str], hosts: Iterable[InventoryHost]) -> None:
        """Refuse a host that has the name of a group with others in it: as a limit it would mean the group."""
        groups = _by_group(hosts)
        for name in names:
            if groups.get(name, {name}) != {name}:
                raise AccessError(
                    f"{name} is the name of a host and of a group", hint="Rename one in the inventory.", kind="hosts"
                )

    def _read(self, pattern: str | None) -> list[InventoryHost]:
        """Return the hosts that a pattern matches; asked again within seconds, the inventory is not read again."""
        key = (pattern, _stamp(self._source))
        with self._lock:
            found = self._known.get(key)
            if found is not None and time.monotonic() - found[0] < FRESH_S:
                return found[1]
        hosts = inventory.read(self._source, limit=pattern)
        with self._lock:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[key] = (time.monotonic(), hosts)
        return hosts


def _by_group(hosts: Iterable[InventoryHost]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for host in hosts:
        for group in host.groups:
            found.setdefault(group, set()).add(host.name)
    return found


def _stamp(source: str | None) -> object:
    """Return what changes with an inventory's file."""
    if source is None or "," in source:
        return None
    try:
        found = Path(source).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def shown(names: Sequence[str]) -> str:
    """Return names for people, the first ten and how many more."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "none") + more

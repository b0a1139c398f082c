# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds who has a setting that is not as it should be: from the host's files alone, where they can tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._conflicts import parse as conflicts_parse
from .._conflicts.find import OURS, SYSCTL_FOLDERS, ConflictingManagers
from .._plan.feature_names import long_name
from .._plan.nic_words import NIC, NIC_NAMES, PER_QUEUE, nested
from .._sysctl.keys import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._common.change import Change

LEGACY = "etc/sysctl.conf"


class Culprits:
    """Looks for whoever set settings to what they are now.

    Args:
        root: the folder that the host's files are below.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = Path(root)
        self._managers = ConflictingManagers(root)

    def of(self, change: Change) -> str | None:
        """Return who has a setting now, in words, ``None`` where that cannot be known."""
        if change.subsystem == "sysctl" and change.after is not None:
            paths = list(self._files_with(change.key, change.before))
            return " and ".join(paths) or self._first({}, (), {change.key: change.after})
        iface, _blank, setting = change.key.partition(" ")
        if change.subsystem == "link":
            changes = _as_changes(setting, change.after)
            return self._first(changes, (iface,), {}) if changes else None
        if change.subsystem == "tc":
            return self._first({"qdisc": {}}, (iface,), {})
        return None

    def _first(self, changes: dict[str, Any], ifaces: tuple[str, ...], keys: dict[str, str]) -> str | None:
        """Return the first that is known to set a setting at run time."""
        found = self._managers.warnings(changes, ifaces, keys, persist=False)
        return found[0].rstrip(".") if found else None

    def setters(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return who has set kernel parameters to what they are now, by key, as ``in FILE`` or ``by SERVICE``.

        It is as far as files can tell: parameters of which none does are left out.

        Args:
            values: the parameters' values.
        """
        found = self._managers.running_owners(values)
        found.update(self._managers.tuned_owners(values))
        for path, sets in sorted(self._sysctl_files(), key=_as_read):
            for key in sets.keys() & values.keys():
                if same(key, sets[key], values[key]):
                    found[key] = f"in /{path}"
        return found

    def device_setters(self, iface: str, held: Mapping[str, Any]) -> dict[str, str]:
        """Return who has set settings of an interface to what they are now, as ``by SERVICE (FILE)``.

        Args:
            iface: the interface.
            held: the settings, by ``mtu``, ``offloads.NAME`` and ``nic.NAME``.

        Returns:
            By the same names, and ``qdisc``.
        """
        changes: dict[str, Any] = {"offloads": {}, "nic": {}}
        names = {"qdisc": "qdisc"}
        for name, value in held.items():
            field, _dot, key = name.partition(".")
            names[long_name(key or field)] = name
            if key:
                changes.setdefault(field, {})[key] = value
            else:
                changes[field] = value
        changes["nic"] = nested(changes["nic"])
        found = self._managers.device_owners(iface, changes)
        return {names[name]: who for name, who in found.items() if name in names}

    def _files_with(self, key: str, value: str | None) -> Iterator[str]:
        """Yield the sysctl files that set a key to the value that it has now, ours left out."""
        for path, sets in self._sysctl_files():
            if key in sets and value is not None and same(key, sets[key], value) and not path.endswith(f"/{OURS}"):
                yield f"/{path}"

    def _sysctl_files(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield the path of each sysctl file that is read at boot, and what it sets."""
        seen = set()
        for folder in SYSCTL_FOLDERS:
            for name in self._names(folder):
                if name.endswith(".conf") and name not in seen:
                    seen.add(name)  # a file of the same name further down is not read
                    yield f"{folder}/{name}", self._sets(f"{folder}/{name}")
        if "99-sysctl.conf" not in seen:  # the usual link to this very file
            yield LEGACY, self._sets(LEGACY)

    def _sets(self, path: str) -> dict[str, str]:
        try:
            text = (self._root / path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return {}
        return dict(conflicts_parse.assignments(text))

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))
        except OSError:
            return []


def _as_read(found: tuple[str, dict[str, str]]) -> tuple[bool, str]:
    """Return the place of a sysctl file in the order in which they are read: by name, the old one last."""
    return found[0] == LEGACY, os.path.basename(found[0])


def _as_changes(setting: str, wanted: str | None) -> dict[str, Any]:
    """Return a setting of an interface as a plan's changes; empty where no file is known to have it."""
    if setting == "mtu":
        return {"mtu": wanted}
    if setting in NIC_NAMES:
        return {NIC: nested({setting: wanted})}
    return {"offloads": {setting: wanted == "on"}} if setting and setting not in PER_QUEUE else {}

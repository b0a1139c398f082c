# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads sysctl.conf and sysctl.d files as ``sysctl --system`` and systemd-sysctl do: which, in which order.

See sysctl.d(5) and sysctl.conf(5): all files are read in the order of their names, whichever folder they lie in; of two
of one name that in the folder with precedence counts alone. ``sysctl.conf`` comes last. Files elsewhere are read in the
order in which they are given, as ``sysctl -p`` does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.collection.keys import IPV4_FORWARD, IPV6_FORWARD, is_reset_by, same
from mcp_bridge.documents.files import read_file
from mcp_bridge.policy.sysctl_keys import refused
from mcp_bridge.validator.sysctl_value import canonical_key, spelling_problem

from .found import Found, Place, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FOLDERS = ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d")
LEGACY = "sysctl.conf"
PATTERN = (
    "Which keys a pattern means each host finds out. Name the keys; {iface} in a plan's key stands for its interfaces, "
    "all and default for the two of these names."
)


def in_order(paths: Iterable[Path], found: Found) -> list[Path]:
    """Return the files that count, in the order in which they are read.

    Args:
        paths: files, folders of ``.conf`` files, and the root of a host with its folders of sysctl.d.
        found: takes files that are not read, since one of the same name comes before them.
    """
    given: list[Path] = []
    for path in paths:
        given += _files(path) if path.is_dir() else [path]
    placed = {path: _precedence(path) for path in dict.fromkeys(given)}
    if all(rank is None for rank in placed.values()):
        return sorted(placed, key=lambda path: path.name == LEGACY)
    by_name: dict[str, Path] = {}
    for path in sorted(placed, key=lambda path: len(FOLDERS) if placed[path] is None else placed[path] or 0):
        first = by_name.setdefault(path.name, path)
        if first is not path and os.path.realpath(first) != os.path.realpath(path):
            found.leave_out(Place(str(path), 1), "(the whole file)", f"{first} has the same name and comes before it.")
    counting = [path for path in by_name.values() if not _is_masked(path)]
    return sorted(counting, key=lambda path: (path.name == LEGACY, path.name))


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder, or those of the folders of sysctl.d below the root of a host."""
    below = [folder / name for name in FOLDERS if (folder / name).is_dir()]
    files = [path for each in below or [folder] for path in sorted(each.glob("*.conf"))]
    legacy = folder / "etc" / LEGACY
    linked = any(os.path.realpath(path) == os.path.realpath(legacy) for path in files)  # the usual 99-sysctl.conf
    return [*files, *([legacy] if below and legacy.is_file() and not linked else [])]


def _is_masked(path: Path) -> bool:
    """Return whether a file is a link to /dev/null, which takes away those of its name in other folders."""
    return path.is_symlink() and os.path.realpath(path) == os.devnull


def _precedence(path: Path) -> int | None:
    """Return the rank of the folder of sysctl.d that a file lies in, ``None`` for one elsewhere."""
    folder = path.parent.absolute().as_posix()
    return next((rank for rank, name in enumerate(FOLDERS) if folder.endswith(f"/{name}")), None)


def read(path: Path) -> Found:
    """Return what one file says."""
    return of_text(read_file(path), lambda number, _line: Place(str(path), number))


def of_text(text: str, place: Callable[[int, str], Place]) -> Found:
    """Return what the text of a file says; ``place`` tells that of a line by its number, from 1, and what it says."""
    found = Found()
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line and line[0] not in "#;":
            _take(line, place(number, line), found)
    return found


def is_read(path: str) -> bool:
    """Return whether a file below ``/etc`` is read as kernel parameters at boot."""
    folder, _slash, name = path.rpartition("/")
    return path == LEGACY or (folder == "sysctl.d" and name.endswith(".conf"))


def _take(text: str, place: Place, found: Found) -> None:
    """Take one line in."""
    key, equals, value = (part.strip() for part in text.removeprefix("-").partition("="))
    if not equals:
        kept = "It keeps a pattern from a key. " + PATTERN if text.startswith("-") else "It is not KEY = VALUE."
        found.leave_out(place, text, kept)
    elif "*" in key or "?" in key or "[" in key:
        found.leave_out(place, text, PATTERN)
    else:
        setting(key, value, place, text, found)


def setting(key: str, value: str, place: Place, text: str, found: Found) -> None:
    """Take a key and its value in, as a plan would write them."""
    problem = spelling_problem(key)
    name = key if problem else canonical_key(key)
    reason = problem or refused(name)
    if reason:
        found.leave_out(place, text, f"{reason[0].upper()}{reason[1:]}.")
    elif not value:
        found.leave_out(place, text, "It has no value.")
    else:
        found.set(Setting(("sysctl", name), " ".join(value.split()), place, text))


def without_reset(found: Found) -> None:
    """Leave out what a switch for forwarding has reset, as it was written after it: a plan has no such order.

    See ``inet_forward_change`` in ``net/ipv4/devinet.c`` and ``addrconf_fixup_forwarding`` in ``net/ipv6/addrconf.c``.
    """
    settings = found.settings.get(None, {})
    order = list(settings.values())
    switches = [(at, one) for at, one in enumerate(order) if one.path[-1] in (*IPV4_FORWARD, IPV6_FORWARD)]
    for at, one in enumerate(order):
        key = one.path[-1]
        for later, switch in switches:
            if later <= at or not is_reset_by(key, switch.path[-1]):
                continue
            on = not same(switch.path[-1], str(switch.value), "0")
            left = str(int(on if key.endswith(("forward", "forwarding")) else not on))
            if one.path in settings and not same(key, str(one.value), left):
                del settings[one.path]
                found.leave_out(one.place, one.text, f"{switch.place} is read later and resets it to {left}.")

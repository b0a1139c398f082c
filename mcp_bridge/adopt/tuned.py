# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads TuneD profiles: their ``[sysctl]`` and ``[net]`` sections, and the profiles that they include.

See tuned.conf(5) and tuned-profiles(7). A profile lies in a folder of its name; those that it includes lie beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.documents.files import read_file

from . import sysctl_files
from .device_words import take_features, take_queues
from .found import Found, Place, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILE = "tuned.conf"
INCLUDES_MAX = 10
NETWORK = ("sysctl", "net")
SWITCHES = ("type", "devices", "devices_udev_regex", "enabled", "priority", "replace", "script_pre", "script_post")
OFF = ("0", "n", "no", "f", "false", "off")
_HEADING = re.compile(r"\[(?P<name>[^\]]+)\]")
_VARIABLE = re.compile(r"\$\{(?P<name>[^}]*)\}")
_QUEUES = {"ring": "rings", "coalesce": "coalesce", "channels": "channels", "pause": "pause"}  # by TuneD's word


@dataclass
class _Section:
    """A section of a profile: its lines, and the options among them by name."""

    name: str
    place: Place
    lines: list[tuple[Place, str, str, str]] = field(default_factory=list)

    def option(self, name: str, default: str = "") -> str:
        return next((value for _place, _text, key, value in reversed(self.lines) if key == name), default)

    @property
    def kind(self) -> str:
        return self.option("type", self.name)


def is_profile(path: Path) -> bool:
    """Return whether a file is a TuneD profile, or a folder holds one."""
    if path.is_dir():
        return (path / PROFILE).is_file()
    return path.name == PROFILE


def read(path: Path) -> Found:
    """Return what a profile says, with those that it includes."""
    return _read(path / PROFILE if path.is_dir() else path, ())


def _read(path: Path, above: tuple[Path, ...]) -> Found:
    found = Found()
    sections = list(_sections(path))
    variables: dict[str, str] = {}
    for section in sections:
        if section.kind == "main":
            _include(section, path, above, found)
        elif section.kind == "variables":
            variables |= {key: value for _place, _text, key, value in section.lines}
    for section in sections:
        if section.kind in {"main", "variables"}:
            continue
        if section.kind not in NETWORK:
            found.leave_out(section.place, f"[{section.name}]", "It is not about the network: keep TuneD for it.")
        else:
            _take(section, variables, found)
    return found


def _sections(path: Path) -> Iterator[_Section]:
    """Yield the sections of a file."""
    section = None
    for number, line in enumerate(read_file(path).splitlines(), 1):
        text = line.strip()
        place = Place(str(path), number)
        heading = _HEADING.fullmatch(text)
        if heading:
            if section:
                yield section
            section = _Section(heading["name"], place)
        elif section and text and text[0] not in "#;":
            key, equals, value = text.partition("=")
            section.lines.append((place, text, key.strip(), value.strip() if equals else ""))
    if section:
        yield section


def _include(main: _Section, path: Path, above: tuple[Path, ...], found: Found) -> None:
    """Read the profiles that a profile is built upon."""
    for place, text, key, value in main.lines:
        for name in re.split(r"[,;\s]+", value) if key == "include" else ():
            other = path.parent.parent / name.lstrip("-") / PROFILE
            if not name:
                continue
            if not other.is_file():
                found.leave_out(place, text, f"There is no {other}: give that profile as well, before this one.")
            elif other in above or len(above) == INCLUDES_MAX:
                found.leave_out(place, text, "The profiles include one another.")
            else:
                found.add(_read(other, (*above, path)))


def _take(section: _Section, variables: dict[str, str], found: Found) -> None:
    """Take in what a section says."""
    if section.option("enabled").lower() in OFF:
        found.leave_out(section.place, f"[{section.name}]", "The section is switched off.")
        return
    ifaces = _interfaces(section, found) if section.kind == "net" else None
    for place, text, key, raw in section.lines:
        if key in SWITCHES:
            continue
        value = _VARIABLE.sub(lambda match: variables.get(match["name"], match[0]), raw)
        if "${" in value:
            found.leave_out(place, text, "TuneD works this out on each host; write the value, or a template.")
        elif section.kind == "sysctl" and value[:1] in "<>" and value:
            found.leave_out(place, text, "TuneD sets it only where that raises or lowers it; a plan sets a value.")
        elif section.kind == "sysctl":
            sysctl_files.setting(key, value.strip('"'), place, text, found)
        elif ifaces is None:
            found.leave_out(place, text, f"No plan has the interfaces of [{section.name}].")
        else:
            _of_interface(key, value, place, text, ifaces, found)


def _interfaces(section: _Section, found: Found) -> tuple[str, ...] | None:
    """Return the interfaces of a section; none where a plan cannot name them. Without any, TuneD takes all hardware."""
    for name in ("devices_udev_regex",):
        if section.option(name):
            found.leave_out(section.place, f"[{section.name}]", f"No plan chooses interfaces by {name}; name them.")
            return None
    names = tuple(re.split(r"[,;\s]+", section.option("devices", "*").strip()))
    if any(name.startswith("!") for name in names):
        found.leave_out(
            section.place, f"[{section.name}]", "No plan leaves interfaces out of a glob; name those that it is for."
        )
        return None
    return () if names == ("*",) else names


def _of_interface(key: str, value: str, place: Place, text: str, ifaces: tuple[str, ...], found: Found) -> None:
    """Take in one option of ``[net]``."""
    if key in ("mtu", "txqueuelen") and value.isdecimal():
        found.set(Setting((key,) if key == "mtu" else ("nic", key), int(value), place, text), ifaces)
    elif key in _QUEUES:
        take_queues(_QUEUES[key], value.split(), place, text, ifaces, found)
    elif key == "features":
        take_features(value.split(), place, text, ifaces, found)
    else:
        found.leave_out(place, text, f"No plan sets {key} of a TuneD profile.")

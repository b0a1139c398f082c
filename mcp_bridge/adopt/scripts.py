# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads scripts of tc, ip and ethtool: they are run in a sandbox, and what they led to is read back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import class_of, handle_text, objects
from mcp_bridge.documents.errors import DocumentError
from mcp_bridge.documents.files import read_file

from . import commands
from .found import Found, Place, Setting
from .sandbox import run as sandbox
from .sandbox.model import Script
from .tc import arriving
from .tc.matches import has_mark
from .tc.trees import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .sandbox.model import Ran, Said

SUFFIXES = (".sh", ".bash", ".qos")
USUAL = "eth0"  # the interface that a script finds as that of the default route where none is named
MTU, QUEUE_LENGTH = 1500, 1000
SYS_USUAL = {"mtu": "1500", "tx_queue_len": "1000", "operstate": "up", "carrier": "1", "speed": "1000"}
LINES_MAX = 20
SHELL_FAILED = (126, 127)  # a program that cannot be run, or found: the shell says which
_BEGINS = re.compile(r"#!.*\b(ba|da|a)?sh\b|#!.*\btc\b")
_COMMAND = re.compile(r"(sudo\s+)?(/\S*/)?(tc|ip|ethtool)\s+\S")
_UNKNOWN = re.compile(r"kind is unknown|classifier not found|failed to load TC action|no such file", re.IGNORECASE)
_NO_COMMAND = re.compile(r"(#.*)?|(done|fi|esac|;;|[})])[\s;&|})]*|exit\b.*")
_TABLE = re.compile(r"\bdistribution\s+(normal|pareto|paretonormal)\b")
_TAKEN = ("del", "delete", "show", "list", "ls", "get", "help")


def is_script(path: Path) -> bool:
    """Return whether a file is a script, or a list of commands."""
    if not path.is_file():
        return False
    if path.suffix in SUFFIXES:
        return True
    lines = [line.strip() for line in read_file(path).splitlines()]
    said = [line for line in lines if line and not line.startswith("#")]
    return bool(lines and _BEGINS.match(lines[0])) or bool(said and _COMMAND.match(said[0]))


@dataclass(frozen=True)
class Call:
    """How scripts are called.

    Attributes:
        arguments: with which words.
        env: with which variables set.
        shown: with which files and folders that they may read.
    """

    arguments: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    shown: Sequence[Path] = ()


def read(path: Path, *, iface: Any, call: Call) -> Found:
    """Return what a script leads to.

    Args:
        path: the script.
        iface: the interface of the plan; one that is named by a name is there for the script.
        call: how it is called.

    Raises:
        SandboxUnavailableError: it cannot be shut in here, and was not run.
    """
    text = read_file(path)
    named = isinstance(iface, str) and sandbox.is_plain_name(iface)
    first = iface if named else USUAL
    ran = sandbox.run(Script(text, path.name, call.arguments, call.env, call.shown, [first]))
    found = _Reader(path, text, ran).read()
    if not named and not re.search(rf"\b{USUAL}\b", " ".join([text, *call.arguments, *call.env.values()])):
        _rename(found, (USUAL,), None)
    of_ifaces = [ifaces for ifaces in found.settings if ifaces is not None]
    if len(of_ifaces) == 1:  # one plan for the host and its interface
        _rename(found, None, of_ifaces[0])
    return found


def _rename(found: Found, ifaces: tuple[str, ...] | None, others: tuple[str, ...] | None) -> None:
    """Have the settings of some interfaces be those of others."""
    moved = found.settings.pop(ifaces, {})
    if moved:
        found.settings[others] = {**moved, **found.settings.get(others, {})}


class _Reader:
    """Turns what a script led to into settings."""

    def __init__(self, path: Path, text: str, ran: Ran) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._ran = ran
        self._found = Found()
        self._own = f"{sandbox.FOLDER}/{path.name}"
        self._texts = {self._own: self._lines}
        self._tc: dict[str, list[Said]] = {}  # commands that succeeded, by the interface that they name
        for said in ran.said:
            for name in set(said.words) & ran.links.keys() if said.words[0] == "tc" and not said.status else ():
                self._tc.setdefault(name, []).append(said)

    def read(self) -> Found:
        """Return all of it."""
        for said in self._ran.said:
            if said.words[0] == "tc":
                self._failed(said)
            else:
                commands.take(said, self._place(said), self._found)
        self._files()
        for key, value in sorted(self._ran.sysctl.items()):
            place = self._line_with(key.rpartition(".")[2])
            self._found.set(Setting(("sysctl", key), value, place, f"{key} = {value}"))
        for name, link in sorted(self._ran.links.items()):
            if name != "lo" and not name.startswith("ifb"):  # these are made with others
                self._link(name, link)
        self._trees()
        self._marks()
        self._end()
        return self._found

    def _place(self, said: Said | None) -> Place:
        """Return the line of a command."""
        places = said.places if said else ()
        if said is None or not places:
            return Place(str(self._path))
        # where a function has the words from its caller, the caller's line says more
        file, line = next(
            (place for place in places if said.words[1:] and said.words[1] in self._text(place)), places[0]
        )
        return Place(str(self._path) if file == self._own else file, line)

    def _text(self, place: tuple[str, int]) -> str:
        """Return a line of the script, or of a file that it has read."""
        file, line = place
        if file not in self._texts:
            try:
                self._texts[file] = read_file(Path(file)).splitlines()
            except (OSError, DocumentError):
                self._texts[file] = []
        return "".join(self._texts[file][line - 1 : line])

    def _line_with(self, word: str) -> Place:
        """Return the first line in which a word stands."""
        number = next((number for number, line in enumerate(self._lines, 1) if word in line), 0)
        return Place(str(self._path), number)

    def _failed(self, said: Said) -> None:
        """Tell of a command of tc that failed; what is not there cannot be deleted, and need not be."""
        if not said.status or any(word in _TAKEN for word in said.words[1:4]):
            return
        error = " ".join(said.error.split())
        reason = f"It failed: {error or f'exit status {said.status}'}."
        if _UNKNOWN.search(error):
            kernel = "The kernel of this machine lacks it: adopt the script on a machine whose kernel has it"
            reason = f"{kernel} (tc says: {error})."
        self._found.leave_out(self._place(said), said.text, reason)

    def _files(self) -> None:
        for path, text in sorted(self._ran.sys.items()):
            name = path.rpartition("/")[2]
            if text != SYS_USUAL.get(name, "0"):
                commands.take_file(path, text, self._line_with(name), self._found)

    def _link(self, name: str, link: Mapping[str, Any]) -> None:
        """Take in MTU and queue length where these are not as the interface was made."""
        said = [(("mtu",), link["mtu"], MTU), (("nic", "txqueuelen"), link["txqlen"], QUEUE_LENGTH)]
        for path, value, usual in said:
            word = path[-1]
            if value != usual:
                command = next((each for each in reversed(self._ran.said) if {name, word} <= set(each.words)), None)
                text = command.text if command else f"{name} {word} {value}"
                self._found.set(Setting(path, value, self._place(command), text), (name,))

    def _trees(self) -> None:
        readings = {name: arriving.read(self._ran.state, name) for name in self._ran.links}
        behind = {device for reading in readings.values() for device in reading.devices}
        for name, reading in readings.items():
            if name not in behind:
                self._tree(name, reading)

    def _tree(self, name: str, reading: Reading) -> None:
        for part, value in reading.changes.items():
            command = self._made(*reading.origins[part])
            if part == "netem" and command:
                table = _TABLE.search(command.text)
                value.update({"distribution": table[1]} if table else {})
            text = command.text if command else f"{name} {part}"
            self._found.set(Setting((part,), value, self._place(command), text), (name,))
        for device, one, reason in reading.unsaid:
            command = self._made(device, one)
            self._found.leave_out(self._place(command), command.text if command else f"{device} {one.name}", reason)

    def _made(self, name: str, one: TcObject) -> Said | None:
        """Return the command that has made an object, as far as its words tell."""
        best: tuple[int, Said | None] = (0, None)
        marks = _marks(one)
        for said in self._tc.get(name, ()):
            words = said.words
            score = sum(mark in words for mark in marks)
            if one.form in words and one.kind in words and score >= best[0]:
                best = (score, said)
        return best[1]

    def _marks(self) -> None:
        """Tell of marks that a kernel without CONFIG_CLS_U32_MARK takes in u32 filters, and forgets."""
        trees = self._ran.state["interfaces"].values()
        kept = any(has_mark(one) for tree in trees for one in objects(tree))
        for said in () if kept else self._ran.said:
            if said.words[0] == "tc" and not said.status and ("match", "mark") in pairwise(said.words):
                why = "The kernel of this machine ignores marks in u32 filters: the plan's match is too wide here."
                self._found.leave_out(self._place(said), said.text, why)

    def _end(self) -> None:
        """Tell how the script ended, and what its shell could not do."""
        place = Place(str(self._path))
        last = self._ran.said[-1] if self._ran.said else None
        if self._ran.status is None:
            self._found.leave_out(place, "(the whole file)", f"It was ended after {sandbox.TIME_MAX_S} seconds.")
        elif last and last.status and last.status == self._ran.status:
            end = self._place(last)
            below = end.line
            while "".join(self._lines[below - 1 : below]).endswith("\\"):  # the command goes on
                below += 1
            if end.file == str(self._path) and any(map(_is_command, self._lines[below:])):
                why = f"The script ended here, with the exit status {last.status}: what is below was not run."
                self._found.leave_out(end, last.text, why)
        elif self._ran.status not in (0, *SHELL_FAILED):
            self._found.leave_out(place, "(the whole file)", f"It ended with the exit status {self._ran.status}.")
        told = {line for said in self._ran.said for line in said.error.splitlines()}
        prefix = f"{self._own}: line "
        for line in [each for each in self._ran.error.splitlines() if each.startswith(prefix)][:LINES_MAX]:
            number, _colon, message = line.removeprefix(prefix).partition(": ")
            if message not in told and number.isdecimal():
                at = int(number)
                shown = self._lines[at - 1].strip() if 0 < at <= len(self._lines) else ""
                self._found.leave_out(Place(str(self._path), at), shown, f"The shell says: {message}.")


def _is_command(line: str) -> bool:
    """Return whether a line of a script has a command of its own, as far as that is easy to tell."""
    return not _NO_COMMAND.fullmatch(line.strip())


def _marks(one: TcObject) -> set[str]:
    """Return words that tell an object from others of its form."""
    if one.form == "filter":
        target = class_of(one.kind, one.options or b"")
        named = {handle_text(target)} if target else set()
        return {str(one.info >> 16), one.protocol, *one.devices, *named}
    handle = handle_text(one.handle)
    return {handle, handle.rstrip(":"), handle_text(one.parent)}

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
from mcp_bridge.collection.keys import IPV4_FORWARD, is_reset_by
from mcp_bridge.documents.errors import DocumentError
from mcp_bridge.documents.files import read_file

from . import commands, sysctl_files
from .ending import tell_end
from .found import Found, Place, Setting
from .sandbox import run as sandbox
from .sandbox.model import Script
from .tc import arriving, taken
from .tc.matches import has_mark
from .tc.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_bridge.collection.kernel_state import TcObject

    from .sandbox.model import Ran, Said

SUFFIXES = (".sh", ".bash", ".qos")
USUAL = "eth0"  # the interface that a script finds as that of the default route where none is named
MTU, QUEUE_LENGTH = 1500, 1000
SYS_USUAL = {"mtu": "1500", "tx_queue_len": "1000", "operstate": "up", "carrier": "1", "speed": "1000"}
_COMMAND = re.compile(r"(sudo\s+)?(/\S*/)?(tc|ip|ethtool)\s+\S")
_UNKNOWN = re.compile(r"kind is unknown|classifier not found|failed to load TC action|no such file", re.IGNORECASE)
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
    return bool(lines and lines[0].startswith("#!")) or bool(said and _COMMAND.match(said[0]))


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
    of_ifaces = [ifaces for ifaces in found.settings if ifaces is not None]
    if len(of_ifaces) == 1:  # one plan for the host and its interface
        found.move(None, of_ifaces[0])
    if not named and not re.search(rf"\b{USUAL}\b", " ".join([text, *call.arguments, *call.env.values()])):
        found.move((USUAL,), None)
    return found


class _Reader:
    """Turns what a script led to into settings."""

    def __init__(self, path: Path, text: str, ran: Ran) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._ran = ran
        self._found = Found()
        self._own = f"{sandbox.FOLDER}/{path.name}"
        self._texts = {self._own: self._lines}
        self._makers: dict[tuple[Any, ...], Said | None] = {}  # what has made an object of an interface
        self._tc: dict[str, list[Said]] = {}  # commands that succeeded, by the interface that they name
        for said in ran.said:
            for name in set(said.words) & ran.links.keys() if said.words[0] == "tc" and not said.status else ():
                self._tc.setdefault(name, []).append(said)

    def read(self) -> Found:
        """Return all of it."""
        for said in self._ran.said:
            if said.words[0] == "tc":
                self._failed(said)
            elif said.words[0] != "sysctl" or not self._reads_own(said.words[1:]):
                commands.take(said, self._place(said), self._found)
        self._files()
        self._etc()
        for key, value in sorted(_set_themselves(self._ran.sysctl).items()):
            place = self._line_with(key.rpartition(".")[2])
            self._found.set(Setting(("sysctl", key), value, place, f"{key} = {value}"))
        for name, link in sorted(self._ran.links.items()):
            if name != "lo" and not name.startswith("ifb"):  # these are made with others
                self._link(name, link)
        self._trees()
        self._marks()
        for ifaces in [each for each in self._found.settings if each and each[0].startswith(sandbox.PEER)]:
            del self._found.settings[ifaces]  # of a script that goes over all interfaces there are
        last = self._place(self._ran.said[-1] if self._ran.said else None)
        tell_end(str(self._path), self._lines, self._ran, last, self._found)
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

    def _line_with(self, *words: str) -> Place:
        """Return the first line in which a word stands, of the first word that stands in any."""
        numbers = (number for word in words for number, line in enumerate(self._lines, 1) if word in line)
        number = next(numbers, 0)
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

    def _reads_own(self, words: Sequence[str]) -> bool:
        """Return whether sysctl reads files that the script has written itself, and nothing else."""
        own = {f"/etc/{path}" for path in self._ran.etc if sysctl_files.is_read(path)}
        files = {word for word in words if not word.startswith("-")}
        reads = any(word.startswith(("-p", "--load", "--system")) for word in words)
        return reads and bool(own) and files <= own

    def _written(self, _number: int, line: str) -> Place:
        """Return the line that writes a line of a file of kernel parameters, as far as its key tells."""
        return self._line_with(line, line.partition("=")[0].strip())

    def _etc(self) -> None:
        """Take in kernel parameters that it has written to files for the next boot, and tell of other files there."""
        paths = [path for path in self._ran.etc if sysctl_files.is_read(path)]
        kept = Found()
        for path in sorted(paths, key=lambda path: (path == sysctl_files.LEGACY, path)):
            kept.add(sysctl_files.of_text(self._ran.etc[path], self._written))
        sysctl_files.without_reset(kept)
        self._found.add(kept)
        for path in sorted(self._ran.etc.keys() - set(paths)):
            place = self._line_with(f"/etc/{path}", path.rpartition("/")[2])
            self._found.leave_out(place, f"/etc/{path}", "What it writes to this file was not looked at.")

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
        for reading in arriving.read_all(self._ran.state, self._ran.links, stand_ins=True).values():
            self._tree(reading)

    def _tree(self, reading: Reading) -> None:
        netem = self._made(*reading.origins["netem"]) if "netem" in reading.changes else None
        table = _TABLE.search(netem.text) if netem else None
        if table:
            reading.changes["netem"]["distribution"] = table[1]
        taken.take(reading, self._told, self._found)

    def _told(self, device: str, one: TcObject) -> tuple[Place, str]:
        """Return the line of the command that has made an object, and the command."""
        command = self._made(device, one)
        return self._place(command), command.text if command else f"{device} {one.name}"

    def _made(self, name: str, one: TcObject) -> Said | None:
        """Return the command that has made an object, as far as its words tell; of several the last, once for each."""
        key = name, one.kind, one.key
        if key not in self._makers:
            marks, given = _marks(one), set(self._makers.values())
            best: tuple[tuple[int, bool], Said | None] = ((0, False), None)
            for said in self._tc.get(name, ()):
                score = sum(mark in said.words for mark in marks), said not in given
                named = one.kind in said.words or (one.kind == "prio" and "ets" in said.words)  # what is run for an ets
                if one.form in said.words and named and score >= best[0]:
                    best = score, said
            self._makers[key] = best[1]
        return self._makers[key]

    def _marks(self) -> None:
        """Tell of marks that a kernel without CONFIG_CLS_U32_MARK takes in u32 filters, and forgets."""
        trees = self._ran.state["interfaces"].values()
        kept = any(has_mark(one) for tree in trees for one in objects(tree))
        for said in () if kept else self._ran.said:
            if said.words[0] == "tc" and not said.status and ("match", "mark") in pairwise(said.words):
                why = "The kernel of this machine ignores marks in u32 filters: the plan's match is too wide here."
                self._found.leave_out(self._place(said), said.text, why)


def _set_themselves(values: Mapping[str, str]) -> dict[str, str]:
    """Return kernel parameters without those that the kernel has set along with others of them."""

    def follows(key: str, other: str) -> bool:
        mutual = is_reset_by(other, key) and key == IPV4_FORWARD[0]
        return is_reset_by(key, other) and not mutual

    return {key: value for key, value in values.items() if not any(follows(key, other) for other in values)}


def _marks(one: TcObject) -> set[str]:
    """Return words that tell an object from others of its form."""
    if one.form == "filter":
        target = class_of(one.kind, one.options or b"")
        named = {handle_text(target)} if target else set()
        return {str(one.info >> 16), one.protocol, *one.devices, *named}
    handle = handle_text(one.handle)
    return {handle, handle.rstrip(":"), handle_text(one.parent)}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the files that bring the network back after a restart, and gives back what was there before them.

The document ``persist.json``, sealed, says what holds: ``{"root", "layers": [{"id", "sequence", "layer"}],
"originals": {path: file or None}, "folders": [path], "unfinished": bool}``. It is written before any file, and the
files follow from it; so whoever finds them halfway, e.g. the guard of a change whose maker was killed, can finish.
Whatever can fail for want of room is done beforehand, in ``stage``. Whoever calls this holds the host's lock.
"""

from __future__ import annotations

import json
import os
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._checkpoint.model import seal, unseal
from .._common.change import Change
from .._common.errors import NetoptError
from .._common.own_files import own_text, refuse_foreign
from .._common.quick_dataclass import dataclass
from .._host.commands import SEARCH_PATH
from . import layer as persist_layer
from .atomic_files import Tree
from .boot_files import SCRIPTS, SYSCTL_FILE, UNITS, render, units

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._host.commands import Tools

PROGRAMS = ("ip", "tc", "ethtool", "nft", "grep", "systemd-tmpfiles", "systemd-run", "python3")


@dataclass
class Done:
    """What was done about the files.

    Attributes:
        diff: what is there after a restart, and how it changed.
        conflicts: files that somebody else has changed since.
        operations: in the shape of ``HostReport.operations``.
    """

    diff: list[Change] = field(default_factory=list)
    conflicts: list[Change] = field(default_factory=list)
    operations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Staged:
    """What is written beside its place: the document to come, and the paths that it changes."""

    document: dict[str, Any]
    paths: list[str]


class Persistence:
    """What a host keeps over a restart.

    Args:
        path: where the document is.
        root: the folder that the host's files are below, while there is no document that says so. systemd is told of
            changes only where it is ``/``.
    """

    def __init__(self, path: str, root: str = "/") -> None:
        self._path = path
        self._document = self._read(root)
        self._tree = Tree(self._document["root"])
        self._folder = Tree(os.path.dirname(path))
        self._name = os.path.basename(path)

    @property
    def live(self) -> bool:
        """Whether the files are those of the running host."""
        return bool(self._document["root"] == "/")

    @property
    def newest(self) -> str:
        """The newest change that is persisted; empty where none is."""
        return next((entry["id"] for entry in reversed(self._document["layers"])), "")

    def holds(self, identity: str) -> bool:
        """Say whether a change is among those that are persisted."""
        return any(entry["id"] == identity for entry in self._document["layers"])

    def would_change(self, layer: dict[str, Any]) -> list[Change]:
        """Return what persisting a layer would change: settings, and files that are not as they should be."""
        before = persist_layer.merged(self._layers())
        after = persist_layer.merged([*self._layers(), layer])
        return persist_layer.diff(before, after) or self._differing(self._render(after))

    def drift(self) -> list[Change]:
        """Return the files that are not as they should be."""
        return self._differing(self._render(persist_layer.merged(self._layers())))

    def stage(self, identity: str, sequence: int, layer: dict[str, Any], *, known: Iterable[str] = ()) -> Staged:
        """Write everything that persisting a layer takes beside its place; nothing is in force yet.

        Args:
            identity: the checkpoint that the layer belongs to.
            sequence: its place among the checkpoints.
            layer: what is to be persisted.
            known: checkpoints that can still be rolled back; layers of others become one.

        Raises:
            NetoptError: the disk refuses.
        """
        entries = [entry for entry in self._document["layers"] if entry["id"] != identity]
        entries.append({"id": identity, "sequence": sequence, "layer": layer})
        entries.sort(key=lambda entry: entry["sequence"])
        return self._stage(_folded(entries, {*known, identity}))

    def put(self, staged: Staged, tools: Tools) -> Done:
        """Put what was staged into force.

        Raises:
            NetoptError: the disk or systemd refuses.
        """
        return self._put(staged, tools, keep=set())

    def abandon(self, staged: Staged) -> None:
        """Forget what was staged."""
        self._tree.sweep(sorted({os.path.dirname(path) for path in staged.paths}))
        self._remove_unused_folders()

    def withdraw(self, identity: str, tools: Tools, *, keep_conflicts: bool = False, check: bool = False) -> Done:
        """Take a layer out of force, and give back what was there before it.

        Args:
            identity: the checkpoint that the layer belongs to.
            tools: to tell systemd with.
            keep_conflicts: leave files alone that somebody else has changed since.
            check: find out what would be done, and do nothing.

        Raises:
            NetoptError: the disk or systemd refuses.
        """
        before = persist_layer.merged(self._layers())
        rest = [entry for entry in self._document["layers"] if entry["id"] != identity]
        after = persist_layer.merged(entry["layer"] for entry in rest)
        done = Done(diff=persist_layer.diff(before, after))
        if not self.holds(identity) and not self._document["unfinished"]:
            if not check:
                self._tree.sweep(self._sweepable())
                self._remove_unused_folders()
            return done
        touched = {*self._render(before)} - {path for path, want in self._render(after).items() if self._is(path, want)}
        done.conflicts = [change for change in self.drift() if change.key in touched and change.before is not None]
        if check:
            return done
        kept = {change.key for change in done.conflicts} if keep_conflicts else set()
        done.operations = self._put(self._stage(rest), tools, keep=kept).operations
        return done

    def _stage(self, entries: list[dict[str, Any]]) -> Staged:
        """Write beside their places the files that follow from some layers."""
        refuse_foreign(self._tree.real(os.path.dirname(SCRIPTS)), self._tree.real(SCRIPTS))
        wanted = self._render(persist_layer.merged(entry["layer"] for entry in entries))
        originals = dict(self._document["originals"])
        folders = dict.fromkeys(self._document["folders"])
        for path in wanted:
            folders.update(dict.fromkeys(self._tree.missing_folders(path)))
        if list(folders) != self._document["folders"]:  # before they are made, so that whoever comes by removes them
            self._write(dict(self._document, folders=list(folders)))
        staged: list[str] = []
        try:
            self._tree.make_folders(folders)
            for path, file in wanted.items():
                there = self._tree.read(path)
                originals.setdefault(path, there)
                if there != file:
                    staged.append(path)
                    self._tree.stage(path, file)
            for path, file in originals.items():
                if path not in wanted and file is not None and not self._is(path, file):
                    staged.append(path)
                    self._tree.stage(path, file)
        except NetoptError:
            self._tree.sweep(sorted({os.path.dirname(path) for path in staged}))
            self._remove_unused_folders()
            raise
        document = dict(self._document, layers=entries, originals=originals, unfinished=True)
        return Staged(document, staged)

    def _put(self, staged: Staged, tools: Tools, *, keep: set[str]) -> Done:
        """Write the document, then the files, then the document without what has been given back."""
        done = Done()
        self._write(staged.document)
        wanted = self._render(persist_layer.merged(self._layers()))
        gone = [path for path in self._document["originals"] if path not in wanted]
        for unit in units(gone) if self.live else []:
            _told(done, tools, ["systemctl", "stop", unit], check=False)
        for path in staged.paths:
            if path not in keep:
                self._tree.place(path)
                _noted(done, f"write {path}")
        for path in reversed(gone):
            if self._document["originals"][path] is None and path not in keep and self._tree.read(path) is not None:
                self._tree.unlink(path)
                _noted(done, f"rm {path}")
        originals = {path: file for path, file in self._document["originals"].items() if path in wanted}
        changed = [*staged.paths, *gone]
        if self.live and any(path.startswith(UNITS + "/") for path in changed):
            _told(done, tools, ["systemctl", "daemon-reload"])
        self._write(dict(self._document, originals=originals, unfinished=False))
        self._tree.sweep(self._sweepable())
        self._remove_unused_folders()
        return done

    def _remove_unused_folders(self) -> None:
        """Remove the folders that netopt made and that hold nothing any more."""
        folders = self._document["folders"]
        self._tree.remove_folders(folders)
        left = [folder for folder in folders if os.path.isdir(self._tree.real(folder))]
        if left != folders:
            self._write(dict(self._document, folders=left))

    def _layers(self) -> list[dict[str, Any]]:
        return [entry["layer"] for entry in self._document["layers"]]

    def _render(self, layer: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return render(layer, {name: self._program(name) for name in PROGRAMS})

    def _program(self, name: str) -> str:
        """Return the absolute path of a program; systemd of some releases takes no other."""
        found = (f"{folder}/{name}" for folder in SEARCH_PATH.split(":"))
        return next((path for path in found if os.access(path, os.X_OK)), f"/usr/sbin/{name}")

    def _is(self, path: str, file: dict[str, Any]) -> bool:
        return self._tree.read(path) == file

    def _differing(self, wanted: dict[str, dict[str, Any]]) -> list[Change]:
        """Return the files that differ from what they should be."""
        found = []
        for path, file in wanted.items():
            there = self._tree.read(path)
            if there != file:
                said = None if there is None else "not as netopt wrote it"
                found.append(Change(persist_layer.SUBSYSTEM, path, said, "as netopt writes it"))
        return found

    def _sweepable(self) -> list[str]:
        """Return the folders in which something may have been staged."""
        folders = {os.path.dirname(path) for path in (*self._document["originals"], SYSCTL_FILE)}
        return sorted({*folders, SCRIPTS, UNITS, "/etc/modules-load.d"})

    def _read(self, root: str) -> dict[str, Any]:
        try:
            text = own_text(self._path)
        except FileNotFoundError:
            return {"root": root, "layers": [], "originals": {}, "folders": [], "unfinished": False}
        except OSError as error:
            raise NetoptError(
                f"{self._path} cannot be read: {error.strerror}", stage="checkpoint", key=self._path
            ) from None
        try:
            return unseal(text, name=self._path)
        except NetoptError as error:
            raise NetoptError(
                error.message,
                stage="checkpoint",
                key=self._path,
                hint="What netopt persisted is left as it is; docs/persistence.md says how to remove it by hand.",
            ) from None

    def _write(self, document: dict[str, Any]) -> None:
        """Replace the document, or remove it where there is nothing to say any more."""
        self._document = json.loads(json.dumps(document))
        if not any(document[name] for name in ("layers", "originals", "folders")):
            self._folder.unlink(self._name)
            return
        file = {"kind": "file", "mode": 0o600, "uid": os.geteuid(), "gid": os.getegid()}
        self._folder.stage(self._name, {**file, "data": seal(document).encode().decode("latin-1")})
        self._folder.place(self._name)


def _folded(entries: list[dict[str, Any]], known: set[str]) -> list[dict[str, Any]]:
    """Return the layers with the oldest ones in one, as far as nothing can roll them back any more."""
    count = next((index for index, entry in enumerate(entries) if entry["id"] in known), len(entries))
    if count < 2:
        return entries
    base = {**entries[count - 1], "layer": persist_layer.merged(entry["layer"] for entry in entries[:count])}
    return [base, *entries[count:]]


def _noted(done: Done, command: str) -> None:
    done.operations.append({"command": command, "ok": True})


def _told(done: Done, tools: Tools, argv: list[str], *, check: bool = True) -> None:
    """Tell systemd something."""
    tools.run(argv, stage="apply", check=check)
    _noted(done, " ".join(argv))

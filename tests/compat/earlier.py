# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an earlier version has left, see ``write_files.py``, and its program on hosts, which a checkpoint keeps."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.compat.hosts import CHECKPOINTS, HERE, Host

FOLDERS = sorted((HERE / "files").iterdir())
HOSTS = ("web1", "web2")
PROGRAM = "/root/earlier.pyz"
ASK = Path(__file__).with_name("earlier_program.py").read_text(encoding="utf-8")  # hosts have no tests


@dataclass(frozen=True)
class Earlier:
    """The files of one version.

    Attributes:
        folder: where they are.
    """

    folder: Path

    @cached_property
    def written(self) -> dict[str, Any]:
        """What there is, as ``written.json`` has it."""
        found: dict[str, Any] = json.loads((self.folder / "written.json").read_text(encoding="utf-8"))
        return found

    @property
    def before(self) -> Path:
        """The script that made the hosts what they were before netopt came."""
        return self.folder / "before.sh"

    def checkpoint(self, host: str, status: str) -> str:
        """Return the id of a checkpoint by the status that it had when the files were taken."""
        return str(self.written["checkpoints"][host][status])

    def plan(self, name: str) -> dict[str, Any]:
        """Return a plan in the form in which that version sent it to hosts."""
        found: dict[str, Any] = json.loads((self.folder / "plans" / f"{name}.json").read_text(encoding="utf-8"))["plan"]
        return found

    def commands(self, name: str) -> str:
        """Return the commands that a plan amounts to."""
        return (self.folder / "plans" / f"{name}.sh").read_text(encoding="utf-8")

    def lay(self, name: str, host: Host) -> None:
        """Put what one of its hosts had kept onto another host."""
        laid = io.BytesIO()
        with tarfile.open(self.folder / "hosts.tar.xz") as packed, tarfile.open(fileobj=laid, mode="w") as chosen:
            for member in packed:
                owner, _slash, path = member.name.partition("/")
                if owner == name:
                    data = packed.extractfile(member) if member.isreg() else None
                    member.name = f"/{path}"
                    chosen.addfile(member, data)
        host.lay(laid.getvalue())

    def lay_controller(self, folder: Path) -> None:
        """Put its controller's state folder, ``state``, into a folder."""
        with tarfile.open(self.folder / "controller.tar.xz") as packed:
            packed.extractall(folder)  # noqa: S202 - our own files

    def apply(self, host: Host, plan: str, identity: str, *, confirm_timeout_s: float = 0) -> dict[str, Any]:
        """Have that version's own program apply a plan to a host; return its report, ``{}`` when it was killed.

        With ``confirm_timeout_s`` the change waits for its confirmation.
        """
        host.run("sh", "-c", f"umask 077; cat >{PROGRAM}", data=self._program)
        options = {
            "plan": self.plan(plan),
            "checkpoint_id": identity,
            "checkpoint_label": plan,
            "confirm_timeout_s": confirm_timeout_s,
        }
        words = ("/usr/bin/python3", "-I", "-S", "-c", ASK, PROGRAM, self.written["program"])
        answer = host.run(*words, data=json.dumps(options).encode(), check=False)
        return dict(json.loads(answer)) if answer else {}

    @cached_property
    def _program(self) -> bytes:
        with tarfile.open(self.folder / "hosts.tar.xz") as packed:
            identity = self.checkpoint("web1", "confirmed")
            stream = packed.extractfile(f"web1{CHECKPOINTS}/{identity}/restore.pyz")
            assert stream is not None
            return stream.read()

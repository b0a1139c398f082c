# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the tools of the allowlist: an argv list, no shell, a timeout, and a clear error."""

from __future__ import annotations

import os
import signal
from typing import Any

from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .command_allowlist import ALLOWLIST, PACKAGES, refuse

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TIMEOUT_S = 30.0
CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP")


@dataclass(frozen=True)
class Completed:
    """What a tool left behind: its argv, exit status, standard output and standard error."""

    argv: tuple[str, ...]
    rc: int
    stdout: str
    stderr: str


class Tools:
    """The only way to execute a program on the target.

    Args:
        allowlist: ``{program: [allowed first words or flags]}``; defaults to the one shipped.
        timeout_s: seconds after which a tool is killed.
        keep_open: file descriptors that every tool inherits: the host's lock, which so lasts as long as the tool.

    Attributes:
        cache: what readers keep to spare reading it again, by subsystem; it lasts as long as the run.
        warnings: what a person has to be told about what could not be done, for the report.
        adjusters_paused: whether adjusters stand still for as long as this process is at work.
    """

    def __init__(
        self,
        *,
        allowlist: dict[str, list[str]] | None = None,
        timeout_s: float = TIMEOUT_S,
        keep_open: tuple[int, ...] = (),
    ) -> None:
        self._allowlist = ALLOWLIST if allowlist is None else allowlist
        self._timeout_s = timeout_s
        self._keep_open = keep_open
        self.cache: dict[str, Any] = {}
        self.warnings: list[str] = []
        self.adjusters_paused = False

    def run(
        self, argv: list[str] | tuple[str, ...], *, stage: str, stdin: str | None = None, check: bool = True
    ) -> Completed:
        """Run one tool and return what it left behind.

        Args:
            argv: the program's bare name and its arguments.
            stage: the stage to name in an error.
            stdin: text for the tool's standard input; nothing by default.
            check: whether an exit status other than 0 is an error.

        Raises:
            NetoptError: not on the allowlist, not installed, timed out, failed, or ended by a signal; the last whatever
                ``check`` says, since a tool that crashed has answered nothing.
        """
        import subprocess  # noqa: PLC0415 - a plan that holds already mostly runs no tool

        command = " ".join(argv)
        reason = refuse(argv, self._allowlist)
        if reason:
            raise NetoptError(
                f"Not allowed to run: {command}: {reason}",
                stage=stage,
                key=command,
                hint="policy/allowlist.yaml says what may run on a target.",
            )
        try:
            done = subprocess.run(
                list(argv),
                input=stdin or "",
                capture_output=True,
                check=False,
                encoding="utf-8",
                errors="replace",
                timeout=self._timeout_s,
                pass_fds=self._keep_open,
                env={"PATH": SEARCH_PATH, "LC_ALL": "C", "HOME": os.environ.get("HOME", "/")},
            )
        except FileNotFoundError:
            package = PACKAGES.get(argv[0], argv[0])
            raise NetoptError(
                f"{argv[0]} is not installed on this host",
                stage=stage,
                key=argv[0],
                wanted=command,
                after="command not found",
                hint=f"Install the package {package}.",
            ) from None
        except subprocess.TimeoutExpired:
            raise NetoptError(
                f"{command} did not finish within {self._timeout_s:g} s and was killed",
                stage=stage,
                key=command,
                wanted=f"an end within {self._timeout_s:g} s",
                after=f"still at work after {self._timeout_s:g} s",
                hint=f"{_untouched(stage)}The host is under load, or {argv[0]} waits for something: "
                "look at the host with `top`, and run again once it has time.",
            ) from None
        if done.returncode < 0:
            raise _ended(argv, -done.returncode, stage)
        if check and done.returncode != 0:
            text = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()
            raise NetoptError(f"{command}: {text[0]}", stage=stage, key=command, after="; ".join(text))
        return Completed(tuple(argv), done.returncode, done.stdout, done.stderr)


def _ended(argv: list[str] | tuple[str, ...], number: int, stage: str) -> NetoptError:
    """Return the error for a tool that a signal has ended."""
    try:
        name = signal.Signals(number).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {number}"
    command = " ".join(argv)
    how, hint = f"was ended by {name}", "Somebody has ended it, or the host ran out of memory; see `dmesg`. Run again."
    if name in CRASHES:
        how = f"crashed ({name})"
        hint = (
            f"This is a defect of {argv[0]}: update the package {PACKAGES.get(argv[0], argv[0])} and run again. "
            "If it crashes still, report it to whoever makes the package."
        )
    return NetoptError(
        f"{argv[0]} {how}: {command}",
        stage=stage,
        key=command,
        wanted="an exit status",
        after=name,
        hint=_untouched(stage) + hint,
    )


def _untouched(stage: str) -> str:
    return "Nothing was changed on the host. " if stage == "rehearse" else ""

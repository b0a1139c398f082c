# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to a host: one that ends when the host falls silent, and one that shares nothing with those there are.

A host that loses its power says no farewell, and ssh would wait for it for ever. Only a connection of its own proves
that the host lets us in.

What travels on it is the name of a checkpoint and an answer of one line. For OpenSSH 9.0 to 9.8 the client's half of
its default key exchange, which is proof against quantum computers, costs more than everything else about the
connection; so where the default is what would be used, a quicker one of ssh's own list goes first. Whoever has set
KexAlgorithms, or has had it set by the system, gets what they set.
"""

from __future__ import annotations

import contextlib
import functools
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Any, TypeVar

from ansible.errors import AnsibleConnectionFailure

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

WATCHFUL = "-o ServerAliveInterval=30 -o ServerAliveCountMax=5"  # longer than a change waits for by default
APART = "-o ControlPath=none -o ControlMaster=no"  # ssh_config(5): a connection of its own, whatever there is
ARGUMENTS = ("ssh_args", "ssh_common_args", "ssh_extra_args")
SLOW_KEX = "sntrup761x25519"
QUICK_KEX = "curve25519-sha256"
TIMEOUT_S = 10
RETRY_S = 2.0


def watch(connection: Any) -> None:
    """Have a connection end, with an error, once its host has been silent for two and a half minutes.

    What the inventory or the configuration says of ``ServerAliveInterval`` is left as it is.

    Args:
        connection: a connection plugin of ansible-core.
    """
    if connection.transport != "ssh":
        return
    said = " ".join(connection.get_option(name) or "" for name in ARGUMENTS)
    if "serveraliveinterval" not in said.lower():
        arguments = connection.get_option("ssh_args") or ""
        connection.set_option("ssh_args", f"{arguments} {WATCHFUL}".lstrip())


def connect_anew(connection: Any) -> None:
    """Have the next command travel over a connection of its own.

    Args:
        connection: a connection plugin of ansible-core.
    """
    if connection.transport != "ssh":
        connection.reset()
        return
    arguments = connection.get_option("ssh_args") or ""
    if not arguments.startswith(APART):
        connection.set_option("ssh_args", " ".join([APART, *_quicker(connection), arguments]).rstrip())


def end_shared(connection: Any) -> None:
    """End the connection that commands to a host share, where there is one: the host at its other end may hang.

    Args:
        connection: a connection plugin of ansible-core.
    """
    if connection.transport != "ssh":
        return
    host = connection.get_option("host") or "localhost"
    program = connection.get_option("ssh_executable") or "ssh"
    argv = connection._build_command(program, "ssh", "-O", "exit", host)  # noqa: SLF001 - it knows where it lies
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S)


def over_new_connection(connection: Any, act: Callable[[], Result], *, deadline: float) -> Result:
    """Return what ``act`` returns over a connection of its own; tried again and again until one comes about.

    Args:
        connection: a connection plugin of ansible-core.
        act: what is done over it.
        deadline: monotonic seconds after which no other is tried.

    Raises:
        AnsibleConnectionFailure: of the last one.
    """
    while True:
        try:
            connect_anew(connection)
            return act()
        except AnsibleConnectionFailure:
            if time.monotonic() > deadline:
                raise
        time.sleep(RETRY_S)


def _quicker(connection: Any) -> list[str]:
    """Return the arguments that make the connection cheap, none where somebody has chosen how keys are exchanged."""
    program = connection.get_option("ssh_executable") or "ssh"
    default = _key_exchanges((program, "-F", "none", "localhost"))
    if not default or not default[0].startswith(SLOW_KEX) or QUICK_KEX not in default:
        return []
    said = [connection.get_option(name) or "" for name in ARGUMENTS]
    host = connection.get_option("host") or "localhost"
    if _key_exchanges((program, *(word for text in said for word in shlex.split(text)), host)) != default:
        return []
    quick = ",".join([QUICK_KEX, *(name for name in default if name != QUICK_KEX)])
    return [f"-o KexAlgorithms={quick}"]


@functools.cache
def _key_exchanges(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the key exchanges that ssh would offer, in order; none where it does not say."""
    try:
        done = subprocess.run(
            [argv[0], "-G", *argv[1:]],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError):
        return ()
    for line in done.stdout.splitlines():
        name, _space, value = line.partition(" ")
        if name == "kexalgorithms":
            return tuple(value.split(","))
    return ()


_key_exchanges(("ssh", "-F", "none", "localhost"))  # asked before there is a process for each host

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Serves one client of iperf3, and leaves nothing behind: not when none comes, and not when this process is killed."""

from __future__ import annotations

import ctypes
import signal
import subprocess
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.command_allowlist import ALLOWLIST, PACKAGES, refuse
from .._host.commands import SEARCH_PATH
from . import targets as probe_targets

if TYPE_CHECKING:
    from collections.abc import Mapping

PR_SET_PDEATHSIG = 1  # prctl(2)


def serve(options: Mapping[str, Any]) -> bool:
    """Serve on ``serve_port`` for one client that measures for ``duration_s``; return whether it came.

    Raises:
        NetoptError: the port is none or taken, or iperf3 is missing.
    """
    seconds = probe_targets.serving_s(options)
    command = ["iperf3", "-s", "-1", "-p", str(options["serve_port"])]
    reason = refuse(command, ALLOWLIST)
    if reason:
        raise NetoptError(f"Not allowed to run: {' '.join(command)}: {reason}", stage="observe", key="iperf3")
    prctl = ctypes.CDLL(None).prctl
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"PATH": SEARCH_PATH, "LC_ALL": "C"},
            preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - this process has one thread
        )
    except FileNotFoundError:
        raise NetoptError(
            "iperf3 is not installed on this host",
            stage="observe",
            key="iperf3",
            hint=f"Install the package {PACKAGES['iperf3']}.",
        ) from None
    with server:
        try:
            _nothing, said = server.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            server.kill()
    if server.returncode:
        text = said.decode("utf-8", "replace").strip() or f"exit status {server.returncode}"
        raise NetoptError(f"{' '.join(command)}: {text}", stage="observe", key="iperf3")
    return True

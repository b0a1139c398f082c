# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a function in a scratch network namespace that lives only as long as the call.

The namespace belongs to a forked child: when the child ends, in whatever way, the kernel removes
the namespace and all that was made in it. Nothing is mounted and nothing is named.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from .._common.deadline import end_with_parent
from .._common.errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNET = 0x40000000  # linux/sched.h
CLONE_NEWUSER = 0x10000000


class ScratchUnavailableError(Exception):
    """The host does not let this process make a network namespace."""


def move_to_new_namespace() -> None:
    """Move this process into a new, empty network namespace (unshare(2)), with a user namespace where that helps.

    What is called within a scratch namespace may call this for another empty one; the first goes then.

    Raises:
        ScratchUnavailableError: the host does not permit it.
    """
    import ctypes  # noqa: PLC0415 - only the child in the namespace needs it

    libc = ctypes.CDLL(None, use_errno=True)
    end_with_parent(libc)  # a rehearsal that nobody waits for any more
    if libc.unshare(CLONE_NEWNET) == 0:
        return
    refused = os.strerror(ctypes.get_errno())
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:  # what may be done without CAP_SYS_ADMIN in most containers
        raise ScratchUnavailableError(refused)
    try:
        for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as stream:  # else tools would lose all capabilities
                stream.write(text)
    except OSError:
        raise ScratchUnavailableError(refused) from None


def _child(function: Callable[[], Any], write_end: int) -> None:
    """Run ``function`` in a new namespace and write its outcome as JSON."""
    try:
        move_to_new_namespace()
        outcome = {"result": function()}
    except ScratchUnavailableError as error:
        outcome = {"unavailable": str(error)}
    except NetoptError as error:
        outcome = {"error": error.as_dict()}
    except Exception:  # noqa: BLE001 - the child must always report, else it would look as if it had died
        import traceback  # noqa: PLC0415 - for a defect

        outcome = {"crash": traceback.format_exc()}
    with os.fdopen(write_end, "w", encoding="utf-8") as stream:
        json.dump(outcome, stream)


def in_scratch_namespace(function: Callable[[], Any]) -> Any:
    """Return ``function()`` as computed inside a scratch network namespace.

    Args:
        function: takes nothing, returns something that JSON can carry.

    Raises:
        ScratchUnavailableError: namespaces are not permitted here.
        NetoptError: whatever ``function`` raised, or that the child died.
    """
    read_end, write_end = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.close(read_end)
            _child(function, write_end)
            status = 0
        finally:
            os._exit(status)  # no atexit handlers, no flushing of the parent's buffers
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as stream:
        text = stream.read()
    status = os.waitpid(pid, 0)[1]
    if not text and os.WIFSIGNALED(status):
        raise NetoptError(
            f"The rehearsal was ended by {signal.Signals(os.WTERMSIG(status)).name}",
            stage="rehearse",
            hint="Nothing was changed on the host. If memory ran short the kernel's log says so; run the plan again.",
        )
    outcome: dict[str, Any] = json.loads(text) if text else {"crash": "the process in the scratch namespace died"}
    if "unavailable" in outcome:
        raise ScratchUnavailableError(outcome["unavailable"])
    if "error" in outcome:
        raise NetoptError(**outcome["error"])
    if "crash" in outcome:
        raise NetoptError(
            "The rehearsal ended unexpectedly: " + outcome["crash"].strip().splitlines()[-1],
            stage="rehearse",
            hint="This is a defect of netopt; nothing was changed on the host.",
        )
    return outcome["result"]

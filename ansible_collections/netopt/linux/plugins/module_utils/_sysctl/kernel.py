# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes sysctl keys: the files under ``/proc/sys``, and the kernel modules that bring them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .keys import proc_path, same
from .merge import merge, skipped
from .observe import file_of, module_state, observe, read
from .side_effects import ALLOWED_CONGESTION_CONTROL, CONGESTION_CONTROL, interface_of, write_sequence

if TYPE_CHECKING:
    from .._common.change import Operation
    from .._host.commands import Tools
    from .subsystem import Intent

    State = dict[str, Any]

__all__ = ["observe", "perform", "resolve", "skipped", "try_out"]


def _write(key: str, value: str, *, before: str | None, stage: str, there: str | None = None) -> None:
    """Write a key and read it back.

    Args:
        key: the key that errors name.
        value: the value to write.
        before: the value that errors give as the one before.
        stage: the stage that errors name.
        there: the key to write in place of ``key``, in a rehearsal.

    Raises:
        NetoptError: the kernel refused the value, or keeps another one.
    """
    written = there or key
    try:
        with open(file_of(written), "w", encoding="utf-8") as stream:
            stream.write(value + "\n")
    except OSError as error:
        hint = "See that the key exists and may be written by this process."
        if error.errno in (errno.EINVAL, errno.ERANGE):
            hint = "The value is outside what this kernel takes, or has the wrong number of fields."
        elif error.errno == errno.ENOENT:
            hint = f"This kernel knows nothing called {value}, and has no module for it."
        raise NetoptError(
            f"The kernel refused {key}={value}: {error.strerror}",
            stage=stage,
            key=key,
            wanted=value,
            before=before,
            after=read(written) if stage == "apply" else before,
            hint=hint,
        ) from None
    after = read(written)
    if not same(key, after, value):
        raise NetoptError(
            f"{key} was set to {value}, but the kernel keeps {after}",
            stage="verify" if stage == "apply" else stage,
            key=key,
            wanted=value,
            before=before,
            after=after,
            hint="The kernel bounds or rounds this key, or something else on this host writes it.",
        )


def _rehearsable(key: str) -> bool:
    """Tell whether a key belongs to its network namespace on every kernel, so that trying it there is harmless.

    Old kernels let a namespace write some keys of the whole host; only those known to be its own are tried.
    """
    if key in (CONGESTION_CONTROL, ALLOWED_CONGESTION_CONTROL) or ".route." in key:
        return False
    return key.startswith(("net.ipv4.", "net.ipv6.", "net.netfilter.nf_conntrack_tcp_timeout_"))


def resolve(intent: Intent, current: State, tools: Tools) -> State:  # noqa: ARG001 - every subsystem's resolve takes tools
    """Return the state that an intent leads to; nothing is changed on the host.

    Raises:
        NetoptError: a key is absent or read-only.
    """
    return merge(intent, current)


def try_out(current: State, wanted: State) -> None:
    """Write what differs in the namespace of this process, which is a scratch one; interfaces' keys to ``default``.

    Only what belongs to a namespace is tried.

    Raises:
        NetoptError: the kernel refuses or changes a value.
    """
    for key in write_sequence(wanted["values"], current["values"], wanted["values"]):
        value, before = wanted["values"][key], current["values"].get(key)
        if not _rehearsable(key) or same(key, before, value):
            continue
        iface = interface_of(key)
        here = proc_path(key).replace(f"/{iface}/", "/default/", 1) if iface else key
        if os.access(file_of(here), os.W_OK):
            _write(key, value, before=before, stage="rehearse", there=here)


def perform(operation: Operation, tools: Tools) -> None:
    """Carry out one operation.

    Raises:
        NetoptError: the kernel refused a value or keeps another one, or a module could not be loaded or unloaded.
    """
    todo = operation.payload
    if todo["do"] == "load":
        tools.run(["modprobe", todo["module"]], stage="apply")
    elif todo["do"] == "unload" and module_state(todo["module"], tools) != "idle":
        return  # something has come to use it
    elif todo["do"] == "unload":
        tools.run(["modprobe", "-r", todo["module"]], stage="apply")
    elif todo["do"] == "lro":
        tools.run(["ethtool", "-K", todo["iface"], "lro", "on"], stage="apply")
    else:
        key, value = operation.key, todo["value"]
        now = read(key)
        if now is None:
            raise NetoptError(
                f"{key} is not there",
                stage="apply",
                key=key,
                wanted=value,
                before=todo["before"],
                after="absent",
                hint="It, its interface or its module went away during the change.",
            )
        if not same(key, now, value):
            _write(key, value, before=now, stage="apply")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of a change whose answer is missing or torn: its host is asked over a new connection.

Nothing is said of a host that it has not said itself.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import (
    APPLIED,
    ARMED,
    CONFIRMED,
    ROLLED_BACK,
)
from ansible_collections.netopt.linux.plugins.module_utils._common import report as host_report
from ansible_collections.netopt.linux.plugins.module_utils._common.report import HostReport
from ansible_collections.netopt.linux.plugins.plugin_utils._ssh import RETRY_S, over_new_connection
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import UnansweredError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Result = dict[str, Any]

DECIDES_S = 80.0  # for how long beyond the time to confirm a change may be under way, see _transaction/apply.py
# OpenSSH's words for a connection that never came about, so that nothing was begun over it
NO_CONNECTION = re.compile(
    r"connection refused|timed out|no route to host|network is unreachable|could not resolve|name resolution"
    r"|permission denied|host key verification failed|stdio forwarding failed|not known",
    re.IGNORECASE,
)
LOST = "The host's answer did not arrive whole, so the host was asked over a new connection"


def kept_out(error: Exception) -> bool:
    """Return whether an error says that no connection came about at all."""
    return isinstance(error, AnsibleConnectionFailure) and bool(NO_CONNECTION.search(str(error)))


def what_became(
    connection: Any,
    options: Mapping[str, Any],
    ask: Callable[[str, Result], Result],
    again: Callable[[], Result | None],
    error: UnansweredError | AnsibleConnectionFailure,
) -> Result:
    """Return the result of an apply by what its host says.

    Args:
        connection: a connection plugin of ansible-core.
        options: those of netopt_apply.
        ask: ``ask(module, options)`` returns a module's result.
        again: carries the same apply once more; called where the first one has ended and changed nothing.
        error: how the first answer is missing.

    Raises:
        AnsibleConnectionFailure: the host cannot be reached, or was lost before anything was begun on it.
    """
    identity = options["checkpoint_id"]
    deadline = time.monotonic() + options["confirm_timeout_s"] + DECIDES_S
    repeated = isinstance(error, AnsibleConnectionFailure)  # what it has started there may still be at work
    while True:
        found = over_new_connection(
            connection, lambda: ask("netopt_checkpoint", {"state": "listed", "id": identity}), deadline=time.monotonic()
        )
        if found.get("failed"):
            return _failed("unreachable", "What became of the change is not known: no answer arrives whole", error)
        header = next((one for one in found["checkpoints"] if one["id"] == identity), None)
        if header is not None and header["status"] != ARMED:
            return _decided(header, found.get("kept"), error)
        if header is None and not found.get("changing"):
            if repeated:
                break
            repeated = True
            try:
                result = again()
            except (UnansweredError, AnsibleConnectionFailure):
                continue
            if result is not None:
                return result
        if time.monotonic() > deadline:
            return _failed("failed", "The host has not decided yet whether it keeps the change", error)
        time.sleep(RETRY_S)
    if isinstance(error, AnsibleConnectionFailure):
        raise error
    return _failed(host_report.FAILED, "The host's answer does not arrive whole; nothing was changed on it", error)


def _decided(header: Mapping[str, Any], kept: Mapping[str, Any] | None, error: Exception) -> Result:
    """Return the result of a change that the host knows the outcome of."""
    status, identity = header["status"], header["id"]
    if status in (APPLIED, CONFIRMED):
        made = HostReport(status=host_report.APPLIED, changed=True, checkpoint_id=identity).as_dict()
        report = {**made, **(kept or {})}
        report["warnings"] = [*report["warnings"], f"{LOST}: it holds the change. What came: {_shown(error)}"]
        return {"changed": True, "report": report}
    back = host_report.ROLLED_BACK if status == ROLLED_BACK else host_report.ROLLBACK_FAILED
    return _failed(back, header.get("note") or f"The host says that the change is {back}", error, identity)


def _failed(status: str, message: str, error: Exception, identity: str | None = None) -> Result:
    """Return the result of an apply that did not succeed."""
    report = HostReport(status=status, checkpoint_id=identity).as_dict()
    report["error"] = {
        "stage": "apply",
        "key": "answer",
        "wanted": "the answer of netopt_apply",
        "before": None,
        "after": _shown(error),
        "message": message,
        "hint": f"{LOST}. `netopt checkpoints` shows what it holds; look for what its shell or sshd prints.",
    }
    return {"failed": True, "changed": False, "msg": message, "report": report}


def _shown(error: Exception) -> str:
    return " ".join(str(error).split())[-200:] or "nothing"

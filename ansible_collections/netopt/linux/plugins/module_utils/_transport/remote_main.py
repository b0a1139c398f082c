# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target's end of the transport: reads what is asked from a message, does it, and prints the result.

The controller's end is ``plugins/plugin_utils/_transport.py``.
"""

from __future__ import annotations

import contextlib
import glob
import importlib
import os
import sys
from typing import Any

from .._common.deadline import end_at
from .._common.errors import NetoptError
from .._common.files import bytes_of, for_owner, make_folders
from .._common.report import HostReport, as_result, defect
from .frame import frame

ENTRIES = {
    "netopt_apply": "_modules.apply",
    "netopt_checkpoint": "_modules.checkpoint",
    "netopt_info": "_modules.info",
    "netopt_probe": "_modules.probe",
    "netopt_query": "_modules.query",
}
KEPT = "/run/netopt/program-%s.zip"  # for root alone, and gone with a restart


def main(message: dict[str, Any]) -> None:
    """Run one module's entry and print ``{"result", "kept"}`` in a frame.

    Args:
        message: ``{"module", "options", "check", "diff", "nonce", "ends_in_s", "program"}``, the last one its digest.
            A change that has no guard by the time that the controller waits no longer is ended.
    """
    try:
        if message["module"] == "netopt_apply" and not message["check"] and message.get("ends_in_s"):
            end_at(message["ends_in_s"])
        entry = importlib.import_module(".." + ENTRIES[message["module"]], __package__)
        result = entry.run(message["options"], check=message["check"], diff=message["diff"])
    except Exception as error:  # noqa: BLE001 - the controller gets a report, whatever happens here
        report = HostReport()
        report.fail("failed", error if isinstance(error, NetoptError) else defect(error, stage="apply"))
        result = as_result(report, diff_mode=False)
    kept = False
    with contextlib.suppress(OSError):
        kept = _keep(KEPT % message["program"])
    sys.stdout.write(frame(message["nonce"], {"result": result, "kept": kept}))
    sys.stdout.flush()


def _keep(path: str) -> bool:
    """Keep the program that this process was sent, in place of other versions of it, and return whether it is kept.

    Raises:
        OSError: it cannot be written.
    """
    if os.geteuid() != 0:
        return False
    if os.path.exists(path) and os.path.getsize(path) == os.path.getsize(sys.path[0]):
        return True
    make_folders((os.path.dirname(path), 0o700))
    for other in glob.glob(KEPT % "*" + "*"):
        os.unlink(other)
    partial = f"{path}.{os.getpid()}"
    with open(partial, "wb", opener=for_owner) as stream:
        stream.write(bytes_of(sys.path[0]))
    os.replace(partial, path)
    return True

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The target's end of the courier: reads what is asked from a message, does it, and prints the result.

The controller's end is ``plugins/plugin_utils/_courier.py``.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from ._errors import NetoptError
from ._host_report import HostReport, as_result, defect

ENTRIES = {
    "netopt_apply": "_apply_entry",
    "netopt_checkpoint": "_checkpoint_entry",
    "netopt_info": "_info_entry",
    "netopt_probe": "_probe_entry",
    "netopt_query": "_query_entry",
}
BEGIN = "netopt-result:"


def main(message: dict[str, Any]) -> None:
    """Run one module's entry and print its result as one line of JSON behind ``BEGIN``.

    Args:
        message: ``{"module", "options", "check", "diff"}``.
    """
    try:
        entry = importlib.import_module("." + ENTRIES[message["module"]], __package__)
        result = entry.run(message["options"], check=message["check"], diff=message["diff"])
    except Exception as error:  # noqa: BLE001 - the controller gets a report, whatever happens here
        report = HostReport()
        report.fail("failed", error if isinstance(error, NetoptError) else defect(error, stage="apply"))
        result = as_result(report, diff_mode=False)
    sys.stdout.write(f"\n{BEGIN}{json.dumps(result)}\n")
    sys.stdout.flush()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_probe takes and does, for the module and for the transport.

The controller reads the options here too, so what does the work is imported when there is work.
"""

from __future__ import annotations

from typing import Any

ARGUMENT_SPEC: dict[str, Any] = {
    "ping": {"type": "list", "elements": "str", "default": []},
    "tcp": {"type": "list", "elements": "str", "default": []},
    "iperf": {"type": "str"},
    "iperf_port": {"type": "int"},
    "both_ways": {"type": "bool", "default": False},
    "without_idle": {"type": "bool", "default": False},
    "duration_s": {"type": "int", "default": 10},
    "interval_s": {"type": "float", "default": 0.2},
    "samples": {"type": "bool", "default": False},
    "serve_port": {"type": "int"},
}
CONSTRAINTS: dict[str, Any] = {}


def run(options: dict[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    """Measure and return the module's result; nothing is changed, whatever the mode."""
    from .._common.errors import NetoptError  # noqa: PLC0415 - see above
    from .._common.report import one_line  # noqa: PLC0415

    del check, diff
    try:
        if options.get("serve_port") is not None:
            from .._probe.iperf_server import serve  # noqa: PLC0415

            return {"changed": False, "served": serve(options)}
        from .._probe.measure import measure  # noqa: PLC0415

        return {"changed": False, "measurements": measure(options)}
    except NetoptError as error:
        return {"failed": True, "changed": False, "msg": one_line(error.as_dict()), "error": error.as_dict()}

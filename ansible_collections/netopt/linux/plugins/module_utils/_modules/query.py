# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What netopt_query takes and does, for the module and for the transport.

The controller reads the options here too, so what does the work is imported when there is work.
"""

from __future__ import annotations

from typing import Any

ARGUMENT_SPEC: dict[str, Any] = {
    "query": {"type": "str"},
    "arguments": {"type": "dict", "default": {}},
    "queries": {
        "type": "list",
        "elements": "dict",
        "options": {
            "query": {"type": "str", "required": True},
            "arguments": {"type": "dict", "default": {}},
            "match": {"type": "str"},
            "offset": {"type": "int"},
            "max_bytes": {"type": "int"},
        },
    },
}
CONSTRAINTS: dict[str, Any] = {}


def run(options: dict[str, Any], *, check: bool, diff: bool) -> dict[str, Any]:
    """Answer the questions and return the module's result; a host is only looked at, whatever the mode."""
    from .._common.errors import NetoptError  # noqa: PLC0415 - see above
    from .._common.report import one_line  # noqa: PLC0415
    from .._host.commands import Tools  # noqa: PLC0415
    from .._query.answer import answers  # noqa: PLC0415
    from .._query.catalog import refused  # noqa: PLC0415

    del check, diff
    single, several = options.get("query"), options.get("queries")
    try:
        if (single is None) == (several is None):
            raise refused("Either query or queries is wanted", hint="Give the one or the other.")
        found = answers([{"query": single, "arguments": options["arguments"]}] if several is None else several, Tools())
    except NetoptError as error:
        return {"failed": True, "changed": False, "msg": one_line(error.as_dict()), "error": error.as_dict()}
    return {"changed": False, "answer": found[0]} if several is None else {"changed": False, "answers": found}

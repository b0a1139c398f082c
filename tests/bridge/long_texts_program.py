# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Has a reader look through long texts, each told before it is read.

The only argument is JSON: the reader, what the texts begin with, what they are made of, and how long they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from mcp_bridge.operations import logs
from mcp_bridge.runs import host_failure, playbook_run
from mcp_bridge.untrusted_text import plain_text

READERS: dict[str, Callable[[str], object]] = {
    "untrusted": plain_text,
    "unreachable": lambda text: host_failure.unreachable({"msg": text}),
    "failed": lambda text: host_failure.failed({"msg": text}, task="apply"),
    "playbook": playbook_run.ERROR_LINE.search,
    "log": logs.without_secrets,
}

reader, beginnings, units, lengths = json.loads(sys.argv[1])
for length in lengths:
    for beginning in beginnings:
        for unit in units:
            print(json.dumps([length, beginning, unit]), flush=True)
            READERS[reader](beginning + unit * (length // len(unit)) + "\x01")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Does something with checkpoints in a process of its own.

It reads what is asked as JSON and prints the outcome; ``dies_at`` says after how many changes of files for the next
boot it is killed.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from tests.kernel.killed_between_files import killed_after


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked for, in this process, and return the outcome."""
    killed_after(asked.pop("dies_at", None))
    for name in ("ifaces", "sysctl"):
        asked[name] = tuple(asked.get(name, ()))
    outcome = checkpoint_states.run(checkpoint_states.Request(**asked))
    return {"report": outcome.report.as_dict(), "checkpoints": outcome.checkpoints, "drift": outcome.drift}


def main() -> None:
    """Do what standard input asks for."""
    print(json.dumps(answer(json.load(sys.stdin))))


if __name__ == "__main__":
    main()

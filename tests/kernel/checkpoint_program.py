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

from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from tests.kernel.killed_between_files import killed_after


def main() -> None:
    """Do what standard input asks for."""
    asked = json.load(sys.stdin)
    killed_after(asked.pop("dies_at", None))
    for name in ("ifaces", "sysctl"):
        asked[name] = tuple(asked.get(name, ()))
    outcome = checkpoint_states.run(checkpoint_states.Request(**asked))
    print(json.dumps({"report": outcome.report.as_dict(), "checkpoints": outcome.checkpoints, "drift": outcome.drift}))


if __name__ == "__main__":
    main()

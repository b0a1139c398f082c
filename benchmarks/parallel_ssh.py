# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain parallel ssh: one script through ``ssh HOST bash -s`` on many hosts, a connection each, no multiplexing.

python parallel_ssh.py SSH_CONFIG SCRIPT FORKS HOST...
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OPTIONS = ("-T", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ControlMaster=no", "-o", "ControlPath=none")


def run(config: str, host: str, script: Path) -> int:
    """Run the script on one host and return its exit status."""
    with script.open("rb") as stream:
        done = subprocess.run(
            ["ssh", "-F", config, *OPTIONS, host, "bash", "-s"], stdin=stream, capture_output=True, check=False
        )
    if done.returncode:
        print(f"{host}: {done.stderr.decode(errors='replace').strip()}", file=sys.stderr)
    return done.returncode


def main() -> int:
    """Run the script on every host; 0 when all of them succeeded."""
    config, script, forks, *hosts = sys.argv[1:]
    with ThreadPoolExecutor(int(forks)) as workers:
        statuses = list(workers.map(lambda host: run(config, host, Path(script)), hosts))
    return int(any(statuses))


if __name__ == "__main__":
    sys.exit(main())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what goes wrong after changes by hand, as JSON: for a kernel of its own that has all qdiscs."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.kernel.by_hand import ENDING, OTHER, complaints, end


def main() -> None:
    """Try all of it."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for name, rows, attempt in (("put right", OTHER, complaints), ("end", ENDING, end)):
        for plan, command in rows:
            sys.stdout.write(f"{plan}: {command}\n")  # who waits sees that something happens
            sys.stdout.flush()
            found.setdefault(name, {})[f"{plan}: {command}"] = attempt(plan, command)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    subprocess.run(["mkdir", "-p", "/run/netopt", "/var/lib/netopt"], check=False)
    main()

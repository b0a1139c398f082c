# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""``python -m mcp_bridge.lab``: the lab's commands without the rest of the bridge."""

from __future__ import annotations

import argparse
import sys

from .cli import register


def main() -> int:
    """Run one command of the lab and return its exit status."""
    parser = argparse.ArgumentParser(prog="netopt")
    register(parser.add_subparsers(metavar="COMMAND", required=True))
    arguments = parser.parse_args(["lab", *sys.argv[1:]])
    status: int = arguments.func(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main())

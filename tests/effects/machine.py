# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges rows on an emulated machine, whose kernel has tables of nftables, all qdiscs and all kinds of tunnel."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from mcp_bridge.lab import lifecycle

TOP = Path(__file__).parents[2]
SENT = ("ansible_collections/netopt/linux/plugins/module_utils", "tests/waiting.py", "tests/effects", "tests/kernel")
UNPACK = "mkdir -p netopt && tar -C netopt -xf -"
PROGRAM = "cd netopt && PYTHONPATH=. python3 -m tests.effects.own_kernel_program"
MOST_S = 900


def judged(numbers: list[int]) -> dict[int, list[list[str]]]:
    """Return for batches, by their places in the table, what is wrong with each of their rows."""
    name = f"effects-{os.getpid()}"
    try:
        made = lifecycle.up(name, hosts=1, kernel="vm")
        packed = subprocess.run(["tar", "-C", str(TOP), "-cf", "-", *SENT], capture_output=True, check=True).stdout
        subprocess.run(lifecycle.command(made, "1", [UNPACK]), input=packed, check=True, timeout=MOST_S)
        asked = lifecycle.command(made, "1", [PROGRAM, *map(str, numbers)])
        done = subprocess.run(asked, capture_output=True, check=True, text=True, timeout=MOST_S)
    finally:
        lifecycle.down(name)
    return {int(number): each for number, each in json.loads(done.stdout.splitlines()[-1]).items()}

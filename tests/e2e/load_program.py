# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends 4 Mbit/s, more than the shapers let through, until its input ends: ``load_program.py ADDRESS``."""

from __future__ import annotations

import select
import socket
import sys

client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while not select.select([sys.stdin], [], [], 0.0024)[0]:
    client.sendto(bytes(1200), (sys.argv[1], 9))

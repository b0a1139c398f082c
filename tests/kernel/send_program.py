# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends one packet for each word ``address,port,source port``."""

from __future__ import annotations

import socket
import sys

for address, port, source in (word.split(",") for word in sys.argv[1:]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("0.0.0.0", int(source)))  # noqa: S104 - in a namespace; the kernel chooses the address
        one.sendto(b"x", (address, int(port)))

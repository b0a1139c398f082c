# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Parts of a measurement that run beside it: ``python3 -m benchmarks.profiles_guest PART [PORT]``, by root."""

from __future__ import annotations

import sys

from . import connections, latency, throughput

PARTS = {
    "service": connections.service,
    "greedy": connections.greedy,
    "visitor": connections.visitor,
    "client": connections.client,
    "flood": connections.flood,
}
PORTS = {"echo": latency.echo, "sink": throughput.sink}


def main(part: str, port: str = "") -> None:
    """Be a part of a measurement."""
    if part in PARTS:
        PARTS[part]()
    else:
        PORTS[part](int(port))


main(*sys.argv[1:])

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the machine that is measured: ``python3 -m profiles_guest COMMAND [JSON]``, by root."""

from __future__ import annotations

import json
import sys

from . import connections, latency, throughput, world

MEASURES = {
    "pings": latency.pings,
    "media": latency.media,
    "segments": throughput.segments,
    "bulk": throughput.bulk,
    "attacked": connections.attacked,
}
PARTS = {
    "service": connections.service,
    "greedy": connections.greedy,
    "client": connections.client,
    "flood": connections.flood,
}
PORTS = {"echo": latency.echo, "sink": throughput.sink}


def main(command: str, argument: str = "") -> None:
    """Build the world, measure on a path and print the figures as JSON, or be a part of a measurement."""
    if command == "build":
        world.build()
    elif command in MEASURES:
        path = world.Path(**json.loads(argument))
        world.set_path(path)
        world.forget_paths()
        print(json.dumps(MEASURES[command](path)))
    elif command in PARTS:
        PARTS[command]()
    else:
        PORTS[command](int(argument))


main(*sys.argv[1:])

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Throughput from the host to the peer, which nobody else uses."""

from __future__ import annotations

import json
import socket
import threading
import time

from . import world

BULK_S = 10
SEGMENTS = 5
SEGMENT_BYTES = 500_000  # a second of video at 4 Mbit/s
PAUSE_S = 1.0
SEGMENT_PORT = 8081
_MBIT = 1e6


def bulk(*, seconds: int = BULK_S) -> dict[str, float]:
    """Return what one TCP connection carries from its start, in Mbit/s as the peer counts it."""
    with world.iperf_servers():
        argv = ["iperf3", "-c", world.PEER_ADDRESS, "-p", "5201", "-t", str(seconds), "-J"]
        report = json.loads(world.run(*argv))
    return {
        "mbit": report["end"]["sum_received"]["bits_per_second"] / _MBIT,
        "retransmits": report["end"]["sum_sent"]["retransmits"],
    }


def segments() -> dict[str, float]:
    """Return the rate at which segments arrive that are sent over one connection with pauses in between, in Mbit/s."""
    times = []
    with (
        world.part("sink", str(SEGMENT_PORT), namespace=world.PEER),
        socket.create_connection((world.PEER_ADDRESS, SEGMENT_PORT), timeout=60) as connection,
    ):
        for _ in range(SEGMENTS):
            begin = time.monotonic()
            connection.sendall(bytes(SEGMENT_BYTES))
            connection.recv(1)
            times.append(time.monotonic() - begin)
            time.sleep(PAUSE_S)
    return {"mbit": SEGMENTS * SEGMENT_BYTES * 8 / sum(times) / _MBIT, "slowest_s": max(times)}


def sink(port: int) -> None:
    """Take connections and answer each whole segment with a byte, until ended."""
    with socket.create_server(("", port)) as listener:
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_take, args=(connection,), daemon=True).start()


def _take(connection: socket.socket) -> None:
    got = 0
    while data := connection.recv(1 << 16):
        got += len(data)
        while got >= SEGMENT_BYTES:
            got -= SEGMENT_BYTES
            connection.send(b".")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Delay of small packets: pings, and a media stream that the peer sends back."""

from __future__ import annotations

import itertools
import re
import socket
import statistics
import struct
import subprocess
import threading
import time

from . import world

PING_INTERVAL_S = 0.04
MEDIA_PORT = 3478  # TURN
MEDIA_RATE = 50  # packets per second
MEDIA_BYTES = 200  # 80 kbit/s: a voice, as G.711 has it
LAST_ANSWER_S = 3
_SAMPLE = struct.Struct("!Id")


def ping_peer(seconds: float) -> dict[str, float]:
    """Ping the peer for a while; return the delays in milliseconds, and the share of pings that got no answer."""
    count = int(seconds / PING_INTERVAL_S)
    ping = ["ping", "-n", "-i", str(PING_INTERVAL_S), "-c", str(count), "-W", str(LAST_ANSWER_S), world.PEER_ADDRESS]
    text = subprocess.run(ping, check=False, stdout=subprocess.PIPE, text=True).stdout
    found = {int(number): float(delay) for number, delay in re.findall(r"icmp_seq=(\d+) .*time=([\d.]+) ms", text)}
    return _summary(found, count)


def media_with_peer(seconds: float) -> dict[str, float]:
    """Send a media stream that the peer sends back; return the delays in milliseconds, and the share that was lost."""
    count = int(seconds * MEDIA_RATE)
    found: dict[int, float] = {}
    with world.part("echo", str(MEDIA_PORT), namespace=world.PEER), _media_socket() as sock:
        receiver = threading.Thread(target=_receive, args=(sock, found, count))
        receiver.start()
        world.run_ahead()
        start = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, start + number / MEDIA_RATE - time.monotonic()))
            sock.send(_SAMPLE.pack(number, time.monotonic()).ljust(MEDIA_BYTES, b"\0"))
        receiver.join()
    return _summary(found, count)


def _media_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect((world.PEER_ADDRESS, MEDIA_PORT))
    sock.settimeout(LAST_ANSWER_S)
    return sock


def echo(port: int) -> None:
    """Send back every packet that comes to a UDP port, until ended."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", port))
        world.run_ahead()
        print("ready", flush=True)
        while True:
            data, source = sock.recvfrom(2048)
            sock.sendto(data, source)


def _receive(sock: socket.socket, found: dict[int, float], count: int) -> None:
    world.run_ahead()
    while len(found) < count:
        try:
            data = sock.recv(2048)
        except TimeoutError:
            return
        except ConnectionRefusedError:
            continue
        number, sent = _SAMPLE.unpack_from(data)
        found[number] = (time.monotonic() - sent) * 1000


def _summary(found: dict[int, float], count: int) -> dict[str, float]:
    """Return percentile and jitter of delays by sequence number; jitter is the mean step between neighbours."""
    if len(found) < 2:
        return {"p50_ms": LAST_ANSWER_S * 1000.0, "p95_ms": LAST_ANSWER_S * 1000.0, "jitter_ms": 0.0, "loss_pct": 100.0}
    delays = [found[number] for number in sorted(found)]
    return {
        "p50_ms": statistics.median(delays),
        "p95_ms": statistics.quantiles(delays, n=20, method="inclusive")[-1],
        "jitter_ms": statistics.fmean(abs(later - earlier) for earlier, later in itertools.pairwise(delays)),
        "loss_pct": 100 * (1 - len(found) / count),
    }

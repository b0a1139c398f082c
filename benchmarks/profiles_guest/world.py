# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The small world around the tuned host, in network namespaces of the same machine and so on one clock.

    host (the machine itself, wan0) --- router --- peer
                                          |
                                      neighbour

The router's way to the peer is the bottleneck: a plain FIFO behind a rate, with random loss. So may be its way to the
host, without loss. The delay of the whole round trip is put on the peer's way back.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUTER, PEER, NEIGHBOUR = (f"netopt-lab-{name}" for name in ("router", "peer", "neighbour"))
IFACE = "wan0"
HOST_ADDRESS, PEER_ADDRESS = "10.66.0.1", "10.66.2.1"
FLOOD_SOURCES = "198.18.0.0/15"  # RFC 2544: for benchmarks
FRAME = 1514  # bytes of a full packet
TBF_BURST = 4000  # bytes at least: little more than one packet, so that the rate holds for short times as well
DELAY_LIMIT = 20000  # packets on the way, more than any path here holds


@dataclass(frozen=True)
class Path:
    """What lies between host and peer.

    Attributes:
        rtt_ms: round trip of an empty path, in milliseconds.
        rate_mbit: of the bottleneck from router to peer; 0 for none.
        down_mbit: of that from router to host; 0 for none.
        queue_packets: what waits there at most, in packets.
        loss_pct: share of packets lost on entering the bottleneck.
        burst_ms: what a bottleneck that wakes up late may make up for, in milliseconds of its rate; fast ones need it.
    """

    rtt_ms: float
    rate_mbit: float = 0
    down_mbit: float = 0
    queue_packets: int = 1000
    loss_pct: float = 0
    burst_ms: float = 0


def run(*argv: str) -> str:
    """Run a command and return what it printed; ends with its error when it fails."""
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout


def inside(namespace: str | None) -> list[str]:
    """Return the argv prefix that runs a command in a namespace; in the machine's first one for ``None``."""
    return ["ip", "netns", "exec", namespace] if namespace else []


@contextmanager
def started(argv: Sequence[str], *, namespace: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a process beside what is done meanwhile, and end it after that."""
    process = subprocess.Popen([*inside(namespace), *argv], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def part(*words: str, namespace: str | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a part of a measurement beside it, from the moment when it says that it is ready."""
    with started(["python3", "-m", str(__package__), *words], namespace=namespace) as process:
        if line(process) != "ready":
            raise SystemExit(f"{words[0]} did not start")
        yield process


def line(process: subprocess.Popen[str]) -> str:
    """Return the next line that a process prints."""
    return process.stdout.readline().strip() if process.stdout else ""


@contextmanager
def traffic(*argv: str, namespace: str | None = None) -> Iterator[None]:
    """Run an iperf3 client beside what is done meanwhile, and make sure that it was running all the time."""
    with started(["iperf3", "-c", PEER_ADDRESS, *argv], namespace=namespace) as process:
        yield
        if process.poll() is not None:
            raise SystemExit(f"iperf3 {' '.join(argv)} ended before the measurement did")


@contextmanager
def iperf_servers() -> Iterator[None]:
    """Run the peer's iperf3, twice, for one client each."""
    with (
        started(["iperf3", "-s", "-p", "5201"], namespace=PEER),
        started(["iperf3", "-s", "-p", "5202"], namespace=PEER),
    ):
        while run(*inside(PEER), "ss", "-Hltn", "sport", "ge", "5201", "and", "sport", "le", "5202").count("\n") < 2:
            time.sleep(0.1)
        yield


def run_ahead() -> None:
    """Have this thread run ahead of the load: a probe is to wait for the network and for no processor."""
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def counted(what: str) -> int:
    """Return a counter of the host's interface, ``tx_bytes`` or another one that the kernel has."""
    return int(pathlib.Path(f"/sys/class/net/{IFACE}/statistics/{what}").read_text(encoding="ascii"))


def build() -> None:
    """Make the namespaces and links; the host's interface gets the qdisc that the kernel gives a network card."""
    remove()
    for namespace in (ROUTER, PEER, NEIGHBOUR):
        run("ip", "netns", "add", namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")
    _link((None, IFACE, f"{HOST_ADDRESS}/24"), (ROUTER, "lan0", "10.66.0.254/24"))
    _link((NEIGHBOUR, "n0", "10.66.1.1/24"), (ROUTER, "lan1", "10.66.1.254/24"))
    _link((PEER, "p0", f"{PEER_ADDRESS}/24"), (ROUTER, "up0", "10.66.2.254/24"))
    run(*inside(ROUTER), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    run("ip", "-n", ROUTER, "route", "add", "blackhole", FLOOD_SOURCES)
    for network in ("10.66.0.0/16", FLOOD_SOURCES):
        run("ip", "route", "add", network, "via", "10.66.0.254")
    run("ip", "-n", PEER, "route", "add", "default", "via", "10.66.2.254")
    run("ip", "-n", NEIGHBOUR, "route", "add", "default", "via", "10.66.1.254")
    run("tc", "qdisc", "add", "dev", IFACE, "root", run("sysctl", "-n", "net.core.default_qdisc").strip())


def remove() -> None:
    """Remove the namespaces, and the links with them."""
    for line in run("ip", "netns", "list").splitlines():
        run("ip", "netns", "delete", line.split()[0])
    subprocess.run(["ip", "link", "delete", IFACE], check=False, stderr=subprocess.DEVNULL)


def _link(*ends: tuple[str | None, str, str]) -> None:
    """Join two ends, each a namespace, a name and an address; packets are cut to size where they are sent."""
    (namespace, name, _), (other, other_name, _) = ends
    at = ("netns", namespace) if namespace else ()
    run("ip", "link", "add", name, *at, "type", "veth", "peer", "name", other_name, "netns", str(other))
    for where, device, address in ends:
        run(*inside(where), "ip", "address", "add", address, "dev", device)
        run(*inside(where), "ethtool", "-K", device, "tso", "off")
        run(*inside(where), "ip", "link", "set", device, "up")


def set_path(path: Path) -> None:
    """Make the way to the peer what is asked for, in place of what it was."""
    for namespace, device in ((ROUTER, "up0"), (ROUTER, "lan0"), (PEER, "p0")):
        subprocess.run(
            [*inside(namespace), "tc", "qdisc", "delete", "dev", device, "root"], check=False, stderr=subprocess.DEVNULL
        )
    run(*inside(PEER), *_add("p0", "root"), "netem", "delay", f"{path.rtt_ms}ms", "limit", str(DELAY_LIMIT))
    if path.down_mbit:
        limit = ("burst", _burst(path, path.down_mbit), "limit", str(path.queue_packets * FRAME))
        run(*inside(ROUTER), *_add("lan0", "root"), "tbf", "rate", f"{path.down_mbit}mbit", *limit)
    if not path.rate_mbit:
        return
    rate = ("rate", f"{path.rate_mbit}mbit", "burst", _burst(path, path.rate_mbit), "limit", "1000000")
    run(*inside(ROUTER), *_add("up0", "root", "handle", "1:"), "tbf", *rate)
    queue = ("netem", "loss", f"{path.loss_pct}%", "limit", str(path.queue_packets))
    run(*inside(ROUTER), *_add("up0", "parent", "1:1", "handle", "10:"), *queue)


def _burst(path: Path, rate_mbit: float) -> str:
    return str(max(TBF_BURST, round(rate_mbit * 1e3 / 8 * path.burst_ms)))


def _add(device: str, *where: str) -> list[str]:
    return ["tc", "qdisc", "add" if where[0] == "root" else "replace", "dev", device, *where]


def forget_paths() -> None:
    """Let TCP forget what it knows of paths from earlier runs."""
    run("ip", "tcp_metrics", "flush")

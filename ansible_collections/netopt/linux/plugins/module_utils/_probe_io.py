# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures from this host: round-trip times by ICMP and TCP connect, and throughput by iperf3. Changes nothing."""

from __future__ import annotations

import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _probe, _query_parse
from ._allowlist import PACKAGES
from ._errors import NetoptError
from ._tools_io import SEARCH_PATH, Tools

if TYPE_CHECKING:
    from collections.abc import Mapping

WAIT_S = 2.0  # for an answer to one probe
PATIENCE_S = 15.0  # how much longer than asked for a tool may take before it is killed


def measure(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the measurements come to.

    The delays are measured first, all targets at the same time; the load of iperf3 comes after them.

    Args:
        options: as ``_probe.checked`` takes them.

    Returns:
        ``ping`` and ``tcp`` by target (see ``_probe.summary``), ``iperf`` (see ``_probe.throughput``), each with
        ``message`` where something went wrong; ``counters``: what the host counted meanwhile; ``duration_s``.

    Raises:
        NetoptError: there is nothing to measure, or a target is malformed.
    """
    wanted = _probe.checked(options)
    seconds = wanted["duration_s"]
    tools = Tools(timeout_s=seconds + PATIENCE_S)
    begun = time.monotonic()
    before = counters()
    with ThreadPoolExecutor(max_workers=_probe.MAX_TARGETS) as workers:
        pings = {target: workers.submit(_ping, target, seconds, tools) for target in wanted["ping"]}
        connects = {target: workers.submit(_connects, target, seconds) for target in wanted["tcp"]}
        found: dict[str, Any] = {
            "ping": {target: work.result() for target, work in pings.items()},
            "tcp": {target: work.result() for target, work in connects.items()},
        }
    if wanted["iperf"]:
        found["iperf"] = _throughput(wanted["iperf"], seconds, tools)
    found["counters"] = _probe.difference(before, counters())
    found["duration_s"] = round(time.monotonic() - begun, 3)
    return found


def counters() -> dict[str, int]:
    """Return what the kernel counts of trouble: retransmissions, drops, and processors that had too much to do."""
    snmp = _probe.snmp(_text("/proc/net/snmp"))
    softnet = _query_parse.softnet(_text("/proc/net/softnet_stat"))
    return {
        "tcp_retransmits": snmp.get("TcpRetransSegs", 0),
        "interface_drops": _probe.interface_drops(_text("/proc/net/dev")),
        "softnet_dropped": sum(row["dropped"] for row in softnet),
        "softnet_time_squeeze": sum(row["time_squeeze"] for row in softnet),
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def _missing(tool: str) -> dict[str, Any] | None:
    if shutil.which(tool, path=SEARCH_PATH):
        return None
    return {"message": f"not available: install {PACKAGES.get(tool, tool)}"}


def _ping(target: str, seconds: float, tools: Tools) -> dict[str, Any]:
    missing = _missing("ping")
    if missing:
        return missing
    count = _probe.samples(seconds)
    # not -w: until then ping goes on sending in place of what was lost
    command = ["ping", "-c", str(count), "-i", str(_probe.INTERVAL_S), "-n", "-W", f"{WAIT_S:g}", target]
    try:
        done = tools.run(command, stage="observe", check=False)
    except NetoptError as error:
        return {"message": error.message}
    times, sent = _probe.ping_times(done.stdout)
    if sent is None:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return {"message": lines[0] if lines else f"exit status {done.rc}"}
    return _probe.summary(times, sent=sent)


def _connects(target: str, seconds: float) -> dict[str, Any]:
    """Return the times that connecting to a service takes: one round trip each."""
    host, port = _probe.service(target)
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return {"message": f"{host}: {error.strerror or error}"}
    times: list[float] = []
    failures: dict[str, int] = {}
    sent = 0
    begun = time.monotonic()
    for number in range(_probe.samples(seconds)):
        time.sleep(max(0.0, begun + number * _probe.INTERVAL_S - time.monotonic()))
        if time.monotonic() - begun > seconds + WAIT_S:
            break
        sent += 1
        with socket.socket(family, kind, protocol) as client:
            client.settimeout(WAIT_S)
            started = time.perf_counter()
            try:
                client.connect(address)
            except OSError as error:
                said = "timed out" if isinstance(error, socket.timeout) else error.strerror or str(error)
                failures[said] = failures.get(said, 0) + 1
            else:
                times.append((time.perf_counter() - started) * 1000)
    found = _probe.summary(times, sent=sent)
    if failures:
        found["message"] = "; ".join(f"{said} ({count})" for said, count in failures.items())
    return found


def _throughput(target: str, seconds: float, tools: Tools) -> dict[str, Any]:
    missing = _missing("iperf3")
    if missing:
        return missing
    try:
        done = tools.run(["iperf3", "-J", "-c", target, "-t", str(int(seconds))], stage="observe", check=False)
    except NetoptError as error:
        return {"message": error.message}
    return _probe.throughput(done.stdout)

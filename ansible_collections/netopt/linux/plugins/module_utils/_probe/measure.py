# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures from this host: round-trip times by ICMP and TCP connect, and throughput by iperf3. Changes nothing."""

from __future__ import annotations

import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.command_allowlist import PACKAGES
from .._host.commands import SEARCH_PATH, Tools
from .._query import parse as query_parse
from . import targets as probe_targets
from .tcp_connect import connects

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PATIENCE_S = 15.0  # how much longer than asked for a tool may take before it is killed
LOOK_S = 0.5  # between two looks at the queues
BACKLOG = ("backlog_packets", "backlog_bytes")


def measure(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the measurements come to.

    The delays are measured first, all targets at the same time; the load of iperf3 comes after them, and they are
    measured once more beside it.

    Args:
        options: as ``probe_targets.checked`` takes them.

    Returns:
        ``ping`` and ``tcp`` by target (see ``probe_targets.summary``), ``iperf`` (see
        ``probe_targets.throughput``), each with ``message`` where something went wrong; ``counters``: what the host
        counted meanwhile; ``duration_s``. Where samples are asked for each target has ``samples_ms`` too, ``None`` for
        a probe that was lost, and where there was a load ``loaded_p50_ms``, ``loaded_p95_ms`` and ``loaded_loss_pct``.

    Raises:
        NetoptError: there is nothing to measure, or a target is malformed.
    """
    wanted = probe_targets.checked(options)
    tools = Tools(timeout_s=wanted["duration_s"] + PATIENCE_S)
    begun = time.monotonic()
    before = counters()
    queues = _Queues(tools)
    with ThreadPoolExecutor(max_workers=probe_targets.MAX_TARGETS + 1) as workers:
        watch = workers.submit(queues.watch)
        try:
            idle = {kind: wanted[kind] if wanted["idle"] else [] for kind in ("ping", "tcp")}
            pings = {target: workers.submit(_ping, target, wanted, tools) for target in idle["ping"]}
            services = {target: workers.submit(_connects, target, wanted) for target in idle["tcp"]}
            found: dict[str, Any] = {
                "ping": {target: work.result() for target, work in pings.items()},
                "tcp": {target: work.result() for target, work in services.items()},
            }
            if wanted["iperf"]:
                found["iperf"], beside = _throughput(wanted, tools, workers)
                for (kind, target), delays in beside.items():
                    found[kind].setdefault(target, {}).update(delays)
        finally:
            queues.end.set()
        watch.result()
    found["counters"] = {**probe_targets.difference(before, counters()), **queues.found()}
    found["duration_s"] = round(time.monotonic() - begun, 3)
    return found


class _Queues:
    """Looks at the queues of all interfaces again and again, until ``end`` is set."""

    def __init__(self, tools: Tools) -> None:
        self.end = threading.Event()
        self._tools = tools
        self._looks: list[dict[str, int]] = []

    def watch(self) -> None:
        """Look, and once more at the end."""
        if _missing("tc"):
            return
        while True:
            ended = self.end.wait(LOOK_S if self._looks else 0)
            try:
                self._looks.append(
                    probe_targets.queues(self._tools.run(["tc", "-s", "-j", "qdisc", "show"], stage="observe").stdout)
                )
            except (NetoptError, ValueError):
                return
            if ended:
                return

    def found(self) -> dict[str, int]:
        """Return how far the counters went on, and the longest backlog that was seen."""
        if not self._looks:
            return {}
        first, last = self._looks[0], self._looks[-1]
        counted = {name: max(0, last[name] - value) for name, value in first.items() if name not in BACKLOG}
        return {**counted, **{f"{name}_max": max(look[name] for look in self._looks) for name in BACKLOG}}


def counters() -> dict[str, int]:
    """Return what the kernel counts of trouble: retransmissions, drops, and processors that had too much to do."""
    snmp = probe_targets.snmp(_text("/proc/net/snmp"))
    softnet = query_parse.softnet(_text("/proc/net/softnet_stat"))
    return {
        "tcp_segments": snmp.get("TcpOutSegs", 0),
        "tcp_retransmits": snmp.get("TcpRetransSegs", 0),
        "interface_drops": probe_targets.interface_drops(_text("/proc/net/dev")),
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


def _told(series: Sequence[float | None], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what times come to, with the times themselves where they are wanted."""
    found = probe_targets.summary(series)
    if wanted["samples"]:
        found["samples_ms"] = [None if one is None else round(one, 3) for one in series]
    return found


def _ping(target: str, wanted: Mapping[str, Any], tools: Tools) -> dict[str, Any]:
    missing = _missing("ping")
    if missing:
        return missing
    interval = wanted["interval_s"] if os.geteuid() == 0 else max(wanted["interval_s"], probe_targets.INTERVAL_S)
    count = probe_targets.probes(wanted["duration_s"], interval)
    # not -w: until then ping goes on sending in place of what was lost
    command = ["ping", "-c", str(count), "-i", f"{interval:g}", "-n", "-W", f"{probe_targets.WAIT_S:g}", target]
    try:
        done = tools.run(command, stage="observe", check=False)
    except NetoptError as error:
        return {"message": error.message}
    series = probe_targets.ping_series(done.stdout)
    if series is None:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return {"message": lines[0] if lines else f"exit status {done.rc}"}
    return _told(series, wanted)


def _connects(target: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the times that connecting to a service takes: one round trip each."""
    try:
        done = connects(target, duration_s=wanted["duration_s"], interval_s=wanted["interval_s"])
    except OSError as error:
        return {"message": f"{target.rpartition(':')[0]}: {error.strerror or error}"}
    found = _told(done.series, wanted)
    if done.failures:
        found["message"] = "; ".join(f"{said} ({count})" for said, count in done.failures.items())
    return found


def _beside_load(
    measured: Callable[[str, Mapping[str, Any]], dict[str, Any]],
    target: str,
    wanted: Mapping[str, Any],
    without_load: threading.Event,
) -> dict[str, Any]:
    """Return what delays come to once a load has filled the link; nothing where there is no load after all."""
    if without_load.wait(probe_targets.FULL_S):
        return {}
    rest = max(1.0, wanted["duration_s"] + probe_targets.OMITTED_S - probe_targets.FULL_S)
    found = measured(target, {**wanted, "duration_s": rest, "samples": False})
    return {} if without_load.is_set() else probe_targets.loaded(found)


def _throughput(
    wanted: Mapping[str, Any], tools: Tools, workers: ThreadPoolExecutor
) -> tuple[dict[str, Any], dict[tuple[str, str], dict[str, Any]]]:
    """Return the throughput, and what the delays beside it come to by kind and target."""
    missing = _missing("iperf3")
    if missing:
        return missing, {}
    command = ["iperf3", "-J", "-c", wanted["iperf"], "-t", str(int(wanted["duration_s"]))]
    command += ["-i", "0.5", "-O", str(probe_targets.OMITTED_S)]
    command += ["-p", str(wanted["iperf_port"])] if wanted["iperf_port"] else []
    command += ["--bidir"] if wanted["both_ways"] else []
    ways = {"ping": lambda target, options: _ping(target, options, tools), "tcp": _connects}
    ends = time.monotonic() + (probe_targets.AWAITED_S if wanted["iperf_port"] else 0.0)
    while True:
        without_load = threading.Event()
        beside = {
            (kind, target): workers.submit(_beside_load, measured, target, wanted, without_load)
            for kind, measured in ways.items()
            for target in wanted[kind]
        }
        try:
            found = probe_targets.throughput(tools.run(command, stage="observe", check=False).stdout)
        except NetoptError as error:
            found = {"message": error.message}
        if "throughput_mbps" not in found:
            without_load.set()
        delays = {place: work.result() for place, work in beside.items()}
        if "throughput_mbps" in found or "refused" not in found["message"] or time.monotonic() > ends:
            if not wanted["samples"]:
                found.pop("intervals_mbps", None)
            return found, delays
        time.sleep(LOOK_S)

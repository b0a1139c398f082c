# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a measurement asks for and comes to: targets, percentiles, jitter, loss, and what the host counted meanwhile."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INTERVAL_S = 0.2  # the shortest that ping(8) permits to those who are not root
MIN_INTERVAL_S = 0.02
MAX_DURATION_S = 600
WAIT_S = 2.0  # for an answer to one probe
OMITTED_S = 1  # of a TCP flow's beginning, its slow start
AWAITED_S = 10.0  # for how long a server that does not listen yet is tried again, and waits for its client
FULL_S = 2.0  # after which a load has filled the link's queue, and delays are measured beside it
STARTUP_S = 8.0  # what iperf3 takes to connect, to begin and to report, at the most that is not a failure
MAX_TARGETS = 16  # as max_targets of policy/validation_limits.yaml
PORT_MAX = 65535
_HOST = pattern(r"[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}")
_SERVICE = pattern(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9][A-Za-z0-9._-]{0,252})):([0-9]{1,5})")


def checked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to measure, checked.

    Args:
        options: ``ping`` (hosts), ``tcp`` (``host:port``), ``iperf`` (a host), ``iperf_port``, ``both_ways``: whether
            iperf's load goes both ways, and delays are wanted to its host where to no other one; ``without_idle``:
            whether delays are wanted beside the load alone; ``duration_s``, ``interval_s``, and ``samples``: whether
            single times are wanted.

    Raises:
        NetoptError: there is nothing to measure, or a target is malformed.
    """
    ping, tcp = (list(options.get(name) or []) for name in ("ping", "tcp"))
    iperf, both_ways = options.get("iperf") or None, bool(options.get("both_ways"))
    if both_ways and iperf is None:
        raise _refused("both_ways", "true", "iperf, a host that the load goes to")
    if both_ways and not ping and not tcp:
        ping = [iperf]
    duration = options["duration_s"]
    if not 1 <= duration <= MAX_DURATION_S:
        raise _refused("duration_s", str(duration), f"1 to {MAX_DURATION_S} seconds")
    targets = [*ping, *tcp, *([iperf] if iperf else [])]
    if not 1 <= len(targets) <= MAX_TARGETS:
        raise _refused("targets", str(len(targets)), f"1 to {MAX_TARGETS} targets in ping, tcp and iperf")
    for target in [*ping, *([iperf] if iperf else [])]:
        if not _HOST.fullmatch(target):
            raise _refused("target", target, "a host name or an IP address")
    for target in tcp:
        service(target)
    interval = options.get("interval_s") or INTERVAL_S
    if not MIN_INTERVAL_S <= interval <= duration:
        raise _refused("interval_s", f"{interval:g}", f"{MIN_INTERVAL_S} seconds to duration_s")
    port = options.get("iperf_port")
    if port is not None and not 1 <= port <= PORT_MAX:
        raise _refused("iperf_port", str(port), f"1 to {PORT_MAX}")
    return {
        "ping": ping,
        "tcp": tcp,
        "iperf": iperf,
        "iperf_port": port,
        "both_ways": both_ways,
        "idle": not options.get("without_idle"),
        "duration_s": duration,
        "interval_s": interval,
        "samples": bool(options.get("samples")),
    }


def serving_s(options: Mapping[str, Any]) -> float:
    """Return for how long a server of iperf3 is there at most, for a client that measures for ``duration_s``.

    Raises:
        NetoptError: the port is none, or the time is out of range.
    """
    port, duration = options["serve_port"], options["duration_s"]
    if not 1 <= port <= PORT_MAX:
        raise _refused("serve_port", str(port), f"1 to {PORT_MAX}")
    if not 1 <= duration <= MAX_DURATION_S:
        raise _refused("duration_s", str(duration), f"1 to {MAX_DURATION_S} seconds")
    return float(AWAITED_S + OMITTED_S + duration + STARTUP_S)


def time_s(wanted: Mapping[str, Any]) -> float:
    """Return how long a measurement takes at most, of options as ``checked`` takes them."""
    seconds: float = wanted["duration_s"]
    delays = seconds + WAIT_S if wanted.get("ping") or wanted.get("tcp") else 0.0
    return delays + (OMITTED_S + seconds + STARTUP_S if wanted.get("iperf") else 0.0)


def service(text: str) -> tuple[str, int]:
    """Return host and port of ``host:port`` or ``[address]:port``.

    Raises:
        NetoptError: it is neither.
    """
    match = _SERVICE.fullmatch(text)
    if match is None or not 1 <= int(match[3]) <= PORT_MAX:
        raise _refused("target", text, "host:port, or [address]:port for IPv6")
    return match[1] or match[2], int(match[3])


def _refused(key: str, found: str, wanted: str) -> NetoptError:
    return NetoptError(f"{key} is {found!r}", stage="plan", key=key, wanted=wanted, hint=f"Give {wanted}.")


def probes(duration_s: float, interval_s: float = INTERVAL_S) -> int:
    """Return how many probes are sent in a while."""
    return max(1, round(duration_s / interval_s))


def summary(series: Sequence[float | None]) -> dict[str, Any]:
    """Return what round-trip times come to.

    Args:
        series: milliseconds of each probe, in the order in which they were sent; ``None`` of one that was lost.

    Returns:
        ``sent``, ``received``, ``loss_pct``, and where anything came back ``min_ms``, ``mean_ms``, ``p50_ms``,
        ``p95_ms``, ``p99_ms``, ``max_ms``, ``jitter_ms``: the mean difference of consecutive times.
    """
    times = [time for time in series if time is not None]
    sent, received = len(series), len(times)
    found: dict[str, Any] = {
        "sent": sent,
        "received": received,
        "loss_pct": round(100 * (sent - received) / sent, 3) if sent else 0.0,
    }
    if not received:
        return found
    ordered = sorted(times)
    steps = differences(times)
    found.update(
        min_ms=ordered[0],
        mean_ms=sum(times) / received,
        p50_ms=percentile(ordered, 50),
        p95_ms=percentile(ordered, 95),
        p99_ms=percentile(ordered, 99),
        max_ms=ordered[-1],
        jitter_ms=sum(steps) / len(steps) if steps else 0.0,
    )
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in found.items()}


def loaded(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a summary of delays beside a load: ``loaded_p50_ms``, ``loaded_p95_ms`` and ``loaded_loss_pct``."""
    return {f"loaded_{name}": found[name] for name in ("p50_ms", "p95_ms", "loss_pct") if name in found}


def differences(times: Sequence[float]) -> list[float]:
    """Return by how much each time differs from the one before it."""
    return [abs(times[index] - times[index - 1]) for index in range(1, len(times))]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the least value that ``percent`` of all values do not exceed."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def ping_series(text: str) -> list[float | None] | None:
    """Return the times in ms of ``ping`` in the order of the requests, ``None`` of those that were lost.

    A request that came back twice counts once. It is ``None`` as a whole where ping did not come to its end.
    """
    times: dict[int, float] = {}
    for number, value in re.findall(r"icmp_seq=(\d+) .*\btime=([\d.]+) ms", text):
        times.setdefault(int(number), float(value))
    sent = re.search(r"^(\d+) packets transmitted", text, re.MULTILINE)
    return [times.get(number) for number in range(1, int(sent[1]) + 1)] if sent else None


def throughput(text: str) -> dict[str, Any]:
    """Return the throughput that ``iperf3 -J`` tells.

    Returns:
        ``throughput_mbps`` as received, ``reverse_mbps`` of the other way where there was a load too, ``retransmits``
        where they are counted, and ``intervals_mbps``: what was sent in each stretch of the time; ``message`` where it
        failed.
    """
    try:
        found = json.loads(text)
        if found.get("error"):
            return {"message": str(found["error"])}
        end = found["end"]
        answer: dict[str, Any] = {"throughput_mbps": _mbps(end["sum_received"])}
        if "sum_received_bidir_reverse" in end:
            answer["reverse_mbps"] = _mbps(end["sum_received_bidir_reverse"])
        if "retransmits" in end.get("sum_sent", {}):
            answer["retransmits"] = end["sum_sent"]["retransmits"]
        sums = [interval["sum"] for interval in found.get("intervals", [])]
        answer["intervals_mbps"] = [_mbps(one) for one in sums if not one.get("omitted")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"message": "iperf3 printed what cannot be read"}
    return answer


def _mbps(found: Mapping[str, Any]) -> float:
    return round(float(found["bits_per_second"]) / 1e6, 3)


def queues(text: str) -> dict[str, int]:
    """Return what the root queueing disciplines of all interfaces hold and have counted, of ``tc -s -j qdisc show``."""
    found = [qdisc for qdisc in json.loads(text or "[]") if qdisc.get("root")]
    return {
        name: sum(int(qdisc.get(word, 0)) for qdisc in found)
        for name, word in (
            ("qdisc_drops", "drops"),
            ("qdisc_overlimits", "overlimits"),
            ("qdisc_requeues", "requeues"),
            ("backlog_packets", "qlen"),
            ("backlog_bytes", "backlog"),
        )
    }


def snmp(text: str) -> dict[str, int]:
    """Return the counters of /proc/net/snmp or /proc/net/netstat, as ``TcpRetransSegs``."""
    found: dict[str, int] = {}
    rows = [line.split() for line in text.splitlines() if line.strip()]
    for names, values in zip(rows[::2], rows[1::2]):
        group = names[0].rstrip(":")
        found.update({f"{group}{name}": int(value) for name, value in zip(names[1:], values[1:])})
    return found


def interface_drops(text: str) -> int:
    """Return the packets that all interfaces dropped, both ways, of /proc/net/dev."""
    rows = [line.partition(":")[2].split() for line in text.splitlines()[2:]]
    return sum(int(row[3]) + int(row[11]) for row in rows)


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return how far counters went on."""
    return {name: after[name] - value for name, value in before.items() if name in after}

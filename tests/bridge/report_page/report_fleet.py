# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs to report on: a small one that a lab has reported, and fleets made from it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from mcp_bridge.models import ChangeReport
from mcp_bridge.runs.registry import RunRecord

STARTED = datetime(2026, 3, 14, 9, 26, 53, tzinfo=UTC)
RUN = "20260314T092653Z-5a1f0e"
TARGETS = ("gateway.example.org", "192.0.2.53")
SERVICE = "db.example.org:5432"
PROBES = 100

DIFF = [
    {"subsystem": "sysctl", "key": "net.core.somaxconn", "before": "4096", "after": "8192"},
    {"subsystem": "sysctl", "key": "net.ipv4.tcp_fin_timeout", "before": "60", "after": "23"},
    {
        "subsystem": "tc",
        "key": "eth0 class 1:1",
        "before": None,
        "after": "class htb 1:1 root prio 0 quantum 200000 rate 500Mbit ceil 500Mbit linklayer ethernet burst 62500b/1",
    },
    {
        "subsystem": "nft",
        "key": "table inet netopt chain input rule 4",
        "before": None,
        "after": 'iifname "eth0" tcp dport 443 ct state new add @connlimit_tcp_v4 { ip saddr . tcp dport ct count over '
        '100 } counter reject with tcp reset comment "connection_limits[0]"',
    },
]
ERROR = {
    "stage": "rehearse",
    "key": "net.core.rmem_max",
    "wanted": "16777216",
    "before": "4194304",
    "after": "4194304",
    "message": "net.core.rmem_max is read-only here",
    "hint": "It can be written only in the initial network namespace: set it on the machine that holds this one.",
}
OPERATIONS = [
    {"command": "sysctl -w net.core.somaxconn=8192", "ok": True},
    {"command": "tc qdisc add dev eth0 root handle 1: htb r2q 10 default 0x1 direct_qlen 1000", "ok": True},
]
WARNING = "TuneD sets net.ipv4.tcp_fin_timeout to 30 (/etc/tuned/web/tuned.conf), and will again when it restarts."


def delays(chance: random.Random, middle: float, *, lost: int = 0) -> dict[str, Any]:
    """Return round-trip times as a host measures them."""
    series = [round(chance.lognormvariate(0, 0.25) * middle, 3) for _probe in range(PROBES - lost)]
    ordered = sorted(series)
    return {
        "sent": PROBES,
        "received": len(series),
        "loss_pct": 100 * lost / PROBES,
        "p50_ms": ordered[len(ordered) // 2],
        "p95_ms": ordered[int(len(ordered) * 0.95)],
        "p99_ms": ordered[-2],
        "jitter_ms": round(sum(abs(a - b) for a, b in pairwise(series)) / len(series), 3),
        "samples_ms": series,
    }


def measurements(chance: random.Random, *, worse: bool = False) -> dict[str, Any]:
    """Return what one host measures before and after a change that helps, or does not."""
    moments = []
    for factor in (1.0, 1.7 if worse else 0.6):
        ping = {target: delays(chance, 12 * factor, lost=chance.randint(0, 2)) for target in TARGETS}
        moments.append(
            {
                "ping": ping,
                "tcp": {SERVICE: delays(chance, 14 * factor)},
                "iperf": {"throughput_mbps": round(chance.gauss(900 / factor, 40), 3), "retransmits": 12},
                "counters": {"tcp_retransmits": chance.randint(0, 40), "interface_drops": 0},
                "duration_s": 10.2,
            }
        )
    verdict = {"probe": "ping", "target": TARGETS[0], "measure": "latency_p95_ms", "chance": 0.2, "limit": 0.005}
    moments[1]["verdicts"] = [
        {**verdict, "against": "objective", "wanted": 22.0, "met": not worse},
        {**verdict, "against": "before", "wanted": 19.5 + chance.random(), "met": True},
    ]
    return {"before": moments[0], "after": moments[1]}


def host(chance: random.Random, status: str, *, measured: bool = True) -> dict[str, Any]:
    """Return a host's report."""
    held = status in {"applied", "would_change"}
    missed = status == "rolled_back"
    return {
        "status": status,
        "changed": held,
        "diff": DIFF if held else [],
        "operations": OPERATIONS if held or missed else [],
        "skipped": [{"key": "net.ipv4.tcp_low_latency", "reason": "It has had no effect since Linux 4.14"}],
        "warnings": [WARNING] if chance.random() < 0.5 else [],
        "checkpoint_id": RUN if held or missed else None,
        "measurements": measurements(chance, worse=missed) if measured and (held or missed) else None,
        "error": None
        if held or status in {"skipped", "unchanged"}
        else {**ERROR, "stage": "connect" if status == "unreachable" else "validate" if missed else "rehearse"},
    }


def fleet(count: int, *, measured: bool = True) -> ChangeReport:
    """Return the report of a rollout over so many hosts, in which some fail in each way."""
    chance = random.Random(7)  # noqa: S311 - figures for plots
    names = [f"web-{number:03}.example.org" for number in range(1, count + 1)]
    unusual = {count // 2: "failed", count // 3: "unreachable", count // 4: "rolled_back", count - 1: "skipped"}
    hosts = {
        name: host(chance, unusual.get(number, "applied") if number else "applied", measured=measured)
        for number, name in enumerate(names)
    }
    for number in range(0, count, 9):  # some began elsewhere
        report = hosts[names[number]]
        report["diff"] = [{**entry, "before": "128" if entry["before"] else None} for entry in report["diff"]]
    return ChangeReport.model_validate(
        {
            "applied": False,
            "dry_run": False,
            "commands_preview": ["sysctl -w net.core.somaxconn=8192", "set -eu\ntc qdisc replace dev eth0 root pfifo"],
            "errors": [f"{name}: {one['error']['message']}" for name, one in hosts.items() if one["error"]],
            "checkpoint_id": RUN,
            "notes": ["changes.rate_limits[0]: The limit also counts new management connections"],
            "run_id": RUN,
            "plan_digest": "03a5b48fbfbd2cd3a53c559ac16174fa128406e5a2f56840af817dcbcf44b921",
            "hosts": hosts,
            "started": STARTED,
            "finished": STARTED + timedelta(seconds=312.4),
            "rollout": waves(names),
        }
    )


def waves(names: list[str]) -> dict[str, Any]:
    """Return a rollout in three waves, stopped after the second."""
    edges = [0, max(1, len(names) // 20), len(names) // 2 + 1, len(names)]
    found: list[dict[str, Any]] = []
    for number, (first, last) in enumerate(pairwise(edges), start=1):
        begun = STARTED + timedelta(seconds=100 * (number - 1))
        found.append(
            {
                "number": number,
                "hosts": names[first:last],
                "started": begun if number < 3 else None,
                "finished": begun + timedelta(seconds=61) if number < 3 else None,
                "status": ("done", "failed", "not_begun")[number - 1],
                "gate": [
                    {"ok": True, "message": "All hosts are well"},
                    {"ok": False, "message": "web-101.example.org failed: net.core.rmem_max is read-only here"},
                    None,
                ][number - 1],
            }
        )
    reason = "More than 2 hosts failed"
    return {"waves": found, "stopped": True, "reason": reason, "on_failure": "stay", "confirm": "wave"}


def record(report: ChangeReport, **fields: Any) -> RunRecord:
    """Return the record of a run."""
    known: dict[str, Any] = {
        "run_id": report.run_id,
        "action": "apply",
        "caller": "cli somebody@controller",
        "state": "failed" if report.errors else "successful",
        "started": report.started,
        "finished": report.finished,
        "pid": 1,
        "limit": "web",
        "plan_digest": report.plan_digest,
        "checkpoint_id": report.checkpoint_id,
        "hosts": {name: host.status for name, host in report.hosts.items()},
    }
    return RunRecord.model_validate({**known, **fields})

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: PLC0415 - what a command needs is loaded by that command: `netopt --help` is quick

"""``netopt measure``: delay, jitter, loss and throughput as each host sees the network."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from mcp_bridge.cli import options
from mcp_bridge.cli.output import say, say_json, table
from mcp_bridge.cli.progress import Progress, follow
from mcp_bridge.exit_codes import EXIT_DONE, EXIT_FAILED

if TYPE_CHECKING:
    from mcp_bridge.hosts.measure import Delays, Measured, Measurements

COLUMNS = ("p50_ms", "p95_ms", "p99_ms", "max_ms", "jitter_ms", "loss_pct")


def register(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "measure",
        help="measure delay, loss and throughput from hosts",
        description="Measure from each host, five probes in a second to each target; nothing is changed. The exit "
        "status is 1 when a host or a target gave no figures.",
    )
    parser.add_argument("--ping", metavar="HOST", action="append", default=[], help="ICMP echo to a host, repeatable")
    parser.add_argument("--tcp", metavar="HOST:PORT", action="append", default=[], help="TCP connects, repeatable")
    parser.add_argument(
        "--iperf",
        metavar="HOST",
        help="throughput to a host of the inventory, or to a server of iperf3; loads the link",
    )
    parser.add_argument(
        "--bloat",
        action="store_true",
        help="with --iperf: fill the link both ways and say in words how long packets wait then",
    )
    parser.add_argument(
        "--before", metavar="FILE", help="with --bloat: compare with what `netopt measure --bloat --json` printed then"
    )
    parser.add_argument("--duration", metavar="SECONDS", type=int, default=10, help="default: 10")
    options.add_hosts(parser)
    options.add_json(parser)
    parser.set_defaults(func=_measure)


def _measure(args: argparse.Namespace) -> int:
    if args.bloat and not args.iperf:
        message = "--bloat fills the link and needs to know to where"
        raise options.UsageError(message, hint="Add --iperf HOST: a host of the inventory, or a server of iperf3.")
    if args.before and not args.bloat:
        raise options.UsageError("--before is compared with what --bloat measures", hint="Add --bloat --iperf HOST.")
    from mcp_bridge.hosts import measure
    from mcp_bridge.runs.task import Scope

    before = _earlier(args.before) if args.before else None
    fleet = options.service_of(args).fleet()

    def work(progress: Progress, cancel: threading.Event) -> Measurements:
        scope = Scope(limit=args.limit, progress=progress, cancel=cancel)
        return measure.measure(
            fleet,
            scope,
            ping=args.ping,
            tcp=args.tcp,
            iperf=args.iperf,
            duration_s=args.duration,
            both_ways=args.bloat,
        )

    found = follow(work, quiet=args.json)
    if args.json:
        say_json(found)
    else:
        _show(found)
        if args.bloat:
            from mcp_bridge.hosts import bloat

            for line in bloat.lines(found.hosts, before):
                say(line)
    return EXIT_DONE if all(_whole(host) for host in found.hosts.values()) else EXIT_FAILED


def _earlier(name: str) -> dict[str, Measured]:
    """Return what was measured before, by host."""
    from pydantic import ValidationError

    from mcp_bridge.hosts.measure import Measurements

    try:
        return Measurements.model_validate(options.read_document(name)).hosts
    except ValidationError:
        raise options.UsageError(
            f"{name} holds no measurements", hint="Give what `netopt measure --bloat --iperf HOST --json` printed."
        ) from None


def _whole(host: Measured) -> bool:
    if host.error is not None:
        return False
    messages = [delays.message for delays in (*host.ping.values(), *host.tcp.values())]
    messages += [host.iperf.message] if host.iperf else []
    return not any(messages)


def _show(found: Measurements) -> None:
    rows = [
        (name, kind, target, *_cells(delays))
        for name, host in sorted(found.hosts.items())
        for kind, targets in (("ping", host.ping), ("tcp", host.tcp))
        for target, delays in targets.items()
    ]
    if rows:
        table(("HOST", "BY", "TARGET", "P50 MS", "P95 MS", "P99 MS", "MAX MS", "JITTER MS", "LOSS %"), rows)
    for name, host in sorted(found.hosts.items()):
        for target, delays in [*host.ping.items(), *host.tcp.items()]:
            if delays.message:
                say(f"{name}: {target}: {delays.message}")
        if host.iperf is not None:
            resent = f", {host.iperf.retransmits} retransmits" if host.iperf.retransmits is not None else ""
            say(f"{name}: throughput: {host.iperf.message or f'{host.iperf.throughput_mbps} Mbit/s{resent}'}")
        if host.error is not None:
            say(f"{name}: {host.error.message}" + (f" Hint: {host.error.hint}" if host.error.hint else ""))


def _cells(delays: Delays) -> tuple[str, ...]:
    values = (getattr(delays, column) for column in COLUMNS)
    return tuple("-" if value is None else f"{value:g}" for value in values)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prometheus metrics: what clients ask for, what came of runs, and what the process takes.

Runs are counted from the registry on disk, so the numbers are the same after a restart, and hold what the
command line did as well.
"""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from mcp_bridge.runs.registry import RunRecord, RunRegistry
from mcp_bridge.settings import Settings
from mcp_bridge.version import version

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"
SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900)


class Metrics:
    """The metrics of one server.

    Args:
        settings: where its runs are.
    """

    def __init__(self, settings: Settings) -> None:
        self._registry = CollectorRegistry()
        self.calls = Counter(
            "netopt_tool_calls", "Calls of tools, by outcome.", ["tool", "outcome"], registry=self._registry
        )
        self.seconds = Histogram(
            "netopt_tool_call_seconds", "How long calls took.", ["tool"], buckets=SECONDS, registry=self._registry
        )
        self.going_on = Gauge("netopt_tool_calls_going_on", "Calls that go on now.", registry=self._registry)
        self.requests = Counter("netopt_requests", "Requests by method.", ["method"], registry=self._registry)
        self.stopping = Gauge("netopt_stopping", "1 once the server was told to stop.", registry=self._registry)
        build = Gauge("netopt_build_info", "What runs here.", ["version"], registry=self._registry)
        build.labels(version=version()).set(1)
        self._registry.register(_Runs(settings))
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)

    def text(self) -> bytes:
        """Return the metrics in the text format that Prometheus reads."""
        return generate_latest(self._registry)


class Stopwatch:
    """Measures one call; a context manager that is told the outcome."""

    def __init__(self, metrics: Metrics, tool: str) -> None:
        self._metrics = metrics
        self._tool = tool
        self._begun = time.monotonic()
        self.seconds = 0.0
        metrics.going_on.inc()

    def stop(self, outcome: str) -> None:
        """Count the call.

        Args:
            outcome: ``ok``, ``asked`` (the client's person is asked), ``refused`` or ``failed``.
        """
        self.seconds = time.monotonic() - self._begun
        self._metrics.going_on.dec()
        self._metrics.calls.labels(tool=self._tool, outcome=outcome).inc()
        self._metrics.seconds.labels(tool=self._tool).observe(self.seconds)


class _Runs(Collector):
    """Counts the runs that the registry keeps; a record is read again only while its run goes on."""

    def __init__(self, settings: Settings) -> None:
        self._registry = RunRegistry(settings.runs_dir, keep=settings.keep_runs)
        self._limit = settings.keep_runs * 2
        self._audit = settings.audit_file

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: what there is is known once it is looked for."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield runs by action and state, hosts by action and outcome, and the size of the audit log."""
        records = self._registry.latest(limit=self._limit)
        runs = GaugeMetricFamily("netopt_runs", "Runs that are kept, by state.", labels=["action", "state"])
        for (action, state), number in sorted(Tally(_key(record) for record in records).items()):
            runs.add_metric([action, state], number)
        yield runs
        outcomes = Tally((record.action, status) for record in records for status in record.hosts.values())
        hosts = GaugeMetricFamily("netopt_run_hosts", "Hosts of kept runs, by outcome.", labels=["action", "status"])
        for (action, status), number in sorted(outcomes.items()):
            hosts.add_metric([action, status], number)
        yield hosts
        size = self._audit.stat().st_size if self._audit.exists() else 0
        yield GaugeMetricFamily("netopt_audit_log_bytes", "Size of the audit log.", value=size)


def _key(record: RunRecord) -> tuple[str, str]:
    return record.action, record.state

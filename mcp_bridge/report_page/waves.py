# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The waves of a rollout, as its report tells of them."""

from __future__ import annotations

from collections.abc import Mapping

from mcp_bridge.models import ChangeReport, HostReport
from mcp_bridge.models import rollout as models
from mcp_bridge.report_page import grouping
from mcp_bridge.report_page.content import Rollout, Wave
from mcp_bridge.report_page.size_budget import SizeBudget


def rollout(report: ChangeReport) -> Rollout | None:
    """Return the waves of a run, ``None`` where all hosts were changed at once."""
    found = report.rollout
    if found is None:
        return None
    return Rollout(
        waves=[_wave(wave, report.hosts) for wave in found.waves],
        stopped=found.stopped,
        reason=found.reason and SizeBudget.clip(found.reason),
        on_failure=found.on_failure,
        confirm=found.confirm,
    )


def _wave(found: models.Wave, hosts: Mapping[str, HostReport]) -> Wave:
    names = sorted(found.hosts, key=grouping.by_name)
    return Wave(
        number=found.number,
        hosts=names,
        status=found.status,
        started=found.started,
        finished=found.finished,
        gate=SizeBudget.clip(found.gate.message) if found.gate else None,
        gate_ok=found.gate.ok if found.gate else None,
        statuses=grouping.statuses(hosts[name].status for name in names if name in hosts),
    )

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What measurements were judged to mean, host by host, put together by what was judged."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_bridge.models.report import Measurements
from mcp_bridge.report_page.content import Judgement

METRICS = {"latency_p95_ms": "p95_ms"}  # measures of an objective that are called otherwise among the figures


class Verdict(BaseModel):
    """What came of one comparison on one host; it holds more than is read here."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    kind: str = Field(alias="probe")
    """ping, tcp or iperf."""
    target: str
    """Where it was measured to."""
    measure: str
    """What was compared, by the name of its objective."""
    against: str
    """objective, or before."""
    wanted: float | None = None
    """The bound."""
    met: bool
    """Whether the figure is good enough."""

    @property
    def metric(self) -> str:
        """The figure that was judged."""
        return METRICS.get(self.measure, self.measure)


def read(measured: Measurements) -> list[Verdict]:
    """Return the verdicts of one host, without what is none; a host can send anything."""
    found = (measured.after or {}).get("verdicts")
    verdicts = []
    for one in found if isinstance(found, list) else ():
        try:
            verdicts.append(Verdict.model_validate(one))
        except ValidationError:
            continue
    return verdicts


def judgements(judged: Iterable[tuple[str, Verdict]]) -> list[Judgement]:
    """Return what ``(host, verdict)`` of one target come to, in the order in which they were judged."""
    groups: dict[tuple[str, str], list[tuple[str, Verdict]]] = {}
    for host, verdict in judged:
        groups.setdefault((verdict.metric, verdict.against), []).append((host, verdict))
    return [
        Judgement(
            metric=metric,
            against=against,
            wanted=found[0][1].wanted if against == "objective" else None,
            judged=len({host for host, _verdict in found}),
            missed=list(dict.fromkeys(host for host, verdict in found if not verdict.met)),
        )
        for (metric, against), found in groups.items()
    ]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws the page of a run as one HTML file that needs nothing else and runs nothing.

Whatever hosts, plans and callers have written reaches the page as text: templates escape all of it, and the page's
own policy (Content-Security-Policy) forbids every script and everything that would have to be fetched. Styles hold
only where their hash is the one that the policy names.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from mcp_bridge.report_page import plots
from mcp_bridge.report_page.content import Page
from mcp_bridge.report_page.measurements import METRICS

HERE = Path(__file__).parent / "templates"
NO_PLOTS = "There are no plots, since matplotlib is not installed; in a checkout: pip install '.[report]'"
SUBSYSTEMS = {
    "sysctl": "kernel settings",
    "link": "link",
    "route": "routes",
    "tc": "traffic control",
    "nft": "packet filter",
    "adapt": "adapting rates",
}
SYMBOLS = {
    "applied": "✓",
    "unchanged": "=",
    "would_change": "Δ",
    "failed": "✕",
    "rolled_back": "↺",
    "rollback_failed": "‼",
    "unreachable": "?",
    "skipped": "»",
}
TONES = {
    "applied": "good",
    "unchanged": "good",
    "would_change": "good",
    "rolled_back": "attention",
    "skipped": "attention",
}
MEANINGS = {
    "skipped": "The run did not come to them, or there was nothing to undo.",
    "unreachable": "A change that waits for its confirmation undoes itself.",
    "rollback_failed": "Look at these hosts: they are neither as before nor as asked.",
}
FATES = {
    "made": ("on", ""),
    "undone": ("tried and undone on", "attention"),
    "half": ("begun and not undone on", "bad"),
}
KINDS = {"ping": "ICMP echo to", "tcp": "TCP connects to", "iperf": "Throughput to", "counters": "Counted on"}


def html(page: Page) -> str:
    """Return the page as HTML. The same page gives the same text."""
    style = (HERE / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    wants_plots = any(target.kind != "counters" for target in page.targets)
    can_plot = wants_plots and plots.available()
    drawn = plots.of_targets(page.targets) if can_plot else [[] for _target in page.targets]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            tones=TONES if page.run.action == "apply" else {**TONES, "rolled_back": "good"},
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            style=Markup(style),  # noqa: S704 - a file of ours
            targets=list(zip(page.targets, drawn, strict=True)),
            missing=NO_PLOTS if wants_plots and not can_plot else "",
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(
        metrics=METRICS,
        kinds=KINDS,
        fates=FATES,
        meanings=MEANINGS,
        subsystems=SUBSYSTEMS,
        symbols=SYMBOLS,
        tones=TONES,
        svg=Markup,
    )
    environment.filters.update(moment=_moment, duration=_duration, figure=_figure, words=_words)
    return environment


def _moment(value: datetime | None) -> str:
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if value else "not yet"


def _duration(begun: datetime | None, ended: datetime | None) -> str:
    """Return how long something took, as people say it."""
    if begun is None or ended is None:
        return ""
    seconds = (ended - begun).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:.4g}"


def _words(name: str) -> str:
    return name.replace("_", " ")

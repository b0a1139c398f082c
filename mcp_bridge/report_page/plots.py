# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws measurements before and after with matplotlib: host by host while they are few, else as a distribution."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp_bridge.report_page import svg
from mcp_bridge.report_page.content import Figures, Target
from mcp_bridge.report_page.measurements import METRICS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 20  # hosts that have a line of their own
CHANGED_MOST = 12
PLOTS = 24  # on one page
WIDTH, LINE, FRAME = 340, 18, 66  # pixels: of a plot, of a host in it, above and below the hosts
SPREAD_HEIGHT = 230
FONT = 12
LABEL = 22  # characters of a host's name beside its line
CHARACTER = 6.4  # pixels, at most, on average
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": FONT,
    "text.parse_math": False,
    "text.color": svg.INK,
    "axes.edgecolor": svg.FAINT,
    "axes.labelcolor": svg.INK,
    "xtick.color": svg.FAINT,
    "ytick.color": svg.FAINT,
    "xtick.labelcolor": svg.INK,
    "ytick.labelcolor": svg.INK,
    "grid.color": svg.FAINT,
    "grid.linewidth": 0.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "path.simplify": True,
}


@dataclass(frozen=True)
class Plot:
    """One plot.

    Attributes:
        title: what it shows.
        goal: the objective that is drawn in, with its unit.
        svg: the element.
    """

    title: str
    goal: str | None
    svg: str


def available() -> bool:
    """Say whether there is something to draw with."""
    return importlib.util.find_spec("matplotlib") is not None  # an extra, see pyproject.toml


def of_targets(targets: Sequence[Target]) -> list[list[Plot]]:
    """Return the plots of each target, the first so many that a page bears."""
    found: list[list[Plot]] = []
    left = PLOTS
    for number, target in enumerate(targets, start=1):
        drawn: list[Plot] = []
        for plot in _of_target(target, name=f"plot-{number}"):
            if len(drawn) >= left:
                break
            drawn.append(plot)
        left -= len(drawn)
        found.append(drawn)
    return found


def _of_target(target: Target, *, name: str) -> Iterator[Plot]:
    goals = {one.metric: one.wanted for one in target.judgements if one.against == "objective"}
    for metric in target.metrics:
        rows = [row for row in target.hosts if metric in row.before or metric in row.after]
        if metric not in METRICS or not METRICS[metric].plotted or not any(_values(rows, metric)):
            continue
        goal = goals.get(metric)
        if len(rows) <= FEW:
            yield _hosts(rows, metric, goal=goal, title=METRICS[metric].label, name=f"{name}-{metric}")
            continue
        yield _spread(rows, metric, goal=goal, name=f"{name}-{metric}")
        most = _changed_most(rows, metric)
        if most and metric != "loss_pct":
            title = f"{METRICS[metric].label}: the {len(most)} hosts that changed most"
            yield _hosts(most, metric, goal=goal, title=title, name=f"{name}-{metric}-most")
    if target.samples_before or target.samples_after:
        yield _times(target, name=f"{name}-times")


def _values(rows: Sequence[Figures], metric: str) -> list[float]:
    return [figures[metric] for row in rows for figures in (row.before, row.after) if metric in figures]


def _changed_most(rows: Sequence[Figures], metric: str) -> list[Figures]:
    both = [row for row in rows if metric in row.before and metric in row.after]
    return sorted(both, key=lambda row: -abs(row.after[metric] - row.before[metric]))[:CHANGED_MOST]


def _hosts(rows: Sequence[Figures], metric: str, *, goal: float | None, title: str, name: str) -> Plot:
    """Draw a line for each host, from what it was to what it is."""
    labels = [_label(row, metric) for row in rows]
    height = FRAME + LINE * len(rows)
    with _axes(WIDTH, height, left=14 + CHARACTER * max(map(len, labels)), name=name) as (axes, done):
        for place, row in enumerate(rows):
            before, after = row.before.get(metric), row.after.get(metric)
            if before is not None and after is not None:
                axes.plot([before, after], [place, place], color=svg.FAINT, linewidth=1.6, zorder=2)
            if before is not None:
                axes.plot(before, place, "o", color=svg.BEFORE, fillstyle="none", markersize=7, zorder=3, clip_on=False)
            if after is not None:
                axes.plot(after, place, "D", color=svg.AFTER, markersize=5.5, zorder=4, clip_on=False)
        axes.set_yticks(range(len(rows)), labels, parse_math=False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=True, axis="x")
        _finish(axes, _values(rows, metric), goal=goal, label=_with_unit(metric))
    said = f"{title}, before and after on {len(rows)} hosts; the figures are in the table"
    return Plot(title, _goal(goal, metric), svg.inline(done.getvalue(), name=name, label=said))


def _spread(rows: Sequence[Figures], metric: str, *, goal: float | None, name: str) -> Plot:
    """Draw which share of the hosts has at most which figure."""
    before = [row.before[metric] for row in rows if metric in row.before]
    after = [row.after[metric] for row in rows if metric in row.after]
    title = f"{METRICS[metric].label} of all hosts"
    drawn = _shares(before, after, goal=goal, label=_with_unit(metric), share="% of hosts", name=name)
    said = f"{METRICS[metric].label}: share of {len(rows)} hosts with at most so much, before and after"
    return Plot(title, _goal(goal, metric), svg.inline(drawn, name=name, label=said))


def _times(target: Target, *, name: str) -> Plot:
    """Draw which share of all single probes took at most how long."""
    drawn = _shares(
        target.samples_before, target.samples_after, goal=None, label="round trip, ms", share="% of probes", name=name
    )
    said = "Share of all probes of all hosts that took at most so long, before and after"
    return Plot("All probes", None, svg.inline(drawn, name=name, label=said))


def _shares(
    before: Sequence[float], after: Sequence[float], *, goal: float | None, label: str, share: str, name: str
) -> str:
    with _axes(WIDTH, SPREAD_HEIGHT, left=48, name=name) as (axes, done):
        for values, color, style, width in ((before, svg.BEFORE, (0, (4, 2)), 1.8), (after, svg.AFTER, "-", 2.2)):
            if values:
                ordered = sorted(values)
                shares = [100 * (rank + 1) / len(ordered) for rank in range(len(ordered))]
                axes.step([ordered[0], *ordered], [0, *shares], where="post", color=color, linestyle=style, lw=width)
        axes.set_ylim(0, 103)
        axes.set_ylabel(share)
        axes.grid(visible=True)
        _finish(axes, [*before, *after], goal=goal, label=label)
    return done.getvalue()


@contextlib.contextmanager
def _axes(width: float, height: float, *, left: float, name: str) -> Iterator[tuple[Axes, io.StringIO]]:
    """Give axes to draw on; what was drawn is in the text afterwards.

    Args:
        width: of the whole plot, pixels.
        height: the same.
        left: what the labels beside the axes take of the width, pixels.
        name: what ids are made from, so that the same plot has the same ids each time.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra, and half a second
    from matplotlib.figure import Figure  # noqa: PLC0415

    done = io.StringIO()
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it tells of fonts that it lacks; the reader's browser has its own
    try:
        with warnings.catch_warnings(), mpl.rc_context():
            warnings.simplefilter("ignore")
            mpl.rcdefaults()  # whatever this user has set for plots of their own
            mpl.rcParams.update({**SETTINGS, "svg.hashsalt": name})
            figure = Figure(figsize=(width / 72, height / 72), dpi=72)
            axes = figure.add_axes((left / width, 44 / height, 1 - (left + 20) / width, 1 - 54 / height))
            yield axes, done
            figure.savefig(done, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    finally:
        logger.setLevel(level)


def _finish(axes: Axes, values: Sequence[float], *, goal: float | None, label: str) -> None:
    """Set the horizontal axis, with the objective where it is near enough to be seen."""
    highest = max(values, default=0.0)
    if goal is not None and goal <= 3 * highest:
        highest = max(highest, goal)
        axes.axvline(goal, color=svg.GOAL, linestyle=(0, (1, 1.5)), linewidth=2, zorder=1)
    axes.set_xlim(min(-0.03 * highest, *values), highest * 1.06 or 1.0)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel(label)


def _label(row: Figures, metric: str) -> str:
    name = row.host if len(row.host) <= LABEL else f"{row.host[: LABEL - 9]}…{row.host[-8:]}"
    return f"✗ {name}" if metric in row.missed else name


def _with_unit(metric: str) -> str:
    found = METRICS[metric]
    return f"{found.label.lower()}, {found.unit}" if found.unit else found.label.lower()


def _goal(goal: float | None, metric: str) -> str | None:
    if goal is None:
        return None
    return f"{'at least' if METRICS[metric].rising else 'at most'} {goal:g} {METRICS[metric].unit}"

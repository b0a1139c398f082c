# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netem: its words for tc, which packets it meets, and what share of them it loses. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Tuple

from .._common.errors import NetoptError
from .parameters import as_number, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Words = List[str]
Netem = Mapping[str, Any]

LIMIT = 10000  # packets; tc's own 1000 drops packets at a delay of 100 ms and 200 Mbit/s
DURATION_S = 300  # of an impairment that says none, where no policy has said it
UNIFORM = "uniform"  # what the kernel does without a table
TABLES = ("normal", "pareto", "paretonormal")  # distributions that take a table
SSH_PORT = 22
EGRESS, INGRESS = DIRECTIONS = ("egress", "ingress")  # of the packets that it meets: those that leave by itself
SPARED = {  # by which hosts are managed: answers of ssh, and requests where netem meets what arrives
    EGRESS: ({"proto": "tcp", "sports": [str(SSH_PORT)]},),
    INGRESS: ({"proto": "tcp", "dports": [str(SSH_PORT)]},),
}
_SSH_PORTS = {EGRESS: "sports", INGRESS: "dports"}
CLASSES_MAX = 40  # that may each have filters of their own for what is impaired
# The probabilities of a loss model in tc's order, with what tc takes for one that is left out: a number, or 100 less
# another one.
MODELS: Mapping[str, Tuple[Tuple[str, Any], ...]] = {
    "gemodel": (("p_pct", None), ("r_pct", "p_pct"), ("bad_loss_pct", 100), ("good_loss_pct", 0)),
    "state": (("p13_pct", None), ("p31_pct", "p13_pct"), ("p32_pct", 0), ("p23_pct", 100), ("p14_pct", 0)),
}
FIELDS = (
    *("delay_ms", "delay_jitter_ms", "delay_correlation_pct", "distribution"),
    *("loss_pct", "loss_correlation_pct", "loss_model", "duplicate_pct", "duplicate_correlation_pct"),
    *("corrupt_pct", "corrupt_correlation_pct", "reorder_pct", "reorder_correlation_pct"),
    *("rate_mbit", "limit", "duration_s", "direction", "match", "classes"),
)
_SHARES = ("duplicate", "corrupt", "reorder")  # tc's words; a plan's have _pct and _correlation_pct behind them


def netem_words(netem: Netem) -> Words:
    """Return ``netem`` and its parameters as tc takes them; the limit is always said.

    Raises:
        NetoptError: an unknown parameter, or one without what it needs.
    """
    unknown = sorted(set(netem) - set(FIELDS))
    if unknown:
        raise _refused(unknown[0], f"netem has no parameter {unknown[0]}", "Known: " + ", ".join(FIELDS) + ".")
    for field, message, hint in unmet(netem):
        raise _refused(field, message, hint)
    words = ["netem", "limit", number(netem.get("limit") or LIMIT)]
    delay, jitter = netem.get("delay_ms") or 0, netem.get("delay_jitter_ms") or 0
    if delay or jitter:
        words += ["delay", number(delay) + "ms", *([number(jitter) + "ms"] if jitter else [])]
        words += [number(netem["delay_correlation_pct"]) + "%"] if netem.get("delay_correlation_pct") else []
    words += ["distribution", table_of(netem)] if table_of(netem) else []
    words += _loss_words(netem)
    for word in _SHARES:
        words += [word, *_share(netem, word)] if netem.get(f"{word}_pct") else []
    return [*words, *(["rate", number(netem["rate_mbit"]) + "mbit"] if netem.get("rate_mbit") else [])]


def _share(netem: Netem, name: str) -> Words:
    """Return a share and, where there is one, its correlation."""
    both = (netem.get(f"{name}_pct"), netem.get(f"{name}_correlation_pct"))
    return [number(each) + "%" for each in both if each]


def _loss_words(netem: Netem) -> Words:
    if netem.get("loss_model"):
        chances = [number(each) + "%" for each in _chances(netem["loss_model"])]
        return ["loss", netem["loss_model"]["type"], *chances]
    if not netem.get("loss_pct"):
        return []
    return ["loss", *_share(netem, "loss")]


def unmet(netem: Netem) -> Iterator[tuple[str, str, str]]:
    """Yield (the field, what is wrong, what to do) of everything that lacks what it needs, or has too much."""
    if netem.get("delay_jitter_ms") and not netem.get("delay_ms"):
        yield "delay_jitter_ms", "A jitter spreads a delay, and there is none", "Set netem.delay_ms as well."
    for field in ("delay_correlation_pct", "distribution"):
        if netem.get(field) and not netem.get("delay_jitter_ms"):
            yield field, f"{field} is about a jitter, and there is none", "Set netem.delay_jitter_ms as well."
    if netem.get("reorder_pct") and not netem.get("delay_ms"):
        yield "reorder_pct", "netem reorders only packets that it delays", "Set netem.delay_ms as well."
    for name in ("loss", *_SHARES):
        field = f"{name}_correlation_pct"
        if netem.get(field) and not netem.get(f"{name}_pct"):
            yield field, f"{field} is about a share of packets, and there is none", f"Set netem.{name}_pct as well."
    if netem.get("loss_model") and netem.get("loss_pct"):
        yield "loss_model", "A loss model stands in the place of loss_pct", "Keep one of the two."


def table_of(netem: Netem) -> str:
    """Return the name of the table that the jitter follows, ``""`` for none."""
    name = netem.get("distribution")
    return name if name and name != UNIFORM else ""


def _chances(model: Netem) -> list[float]:
    """Return the probabilities of a loss model in tc's order, in percent."""
    kind = model.get("type")
    known = MODELS.get(str(kind))
    if known is None:
        raise _refused("loss_model.type", f"netem has no loss model {kind}", "Known: " + ", ".join(MODELS) + ".")
    found: dict[str, float] = {}
    for field, default in known:
        value = model.get(field)
        if value is None and default is None:
            raise _refused(f"loss_model.{field}", f"The loss model {kind} needs {field}", f"Set {field}.")
        if value is None:
            value = 100 - found[default] if isinstance(default, str) else default
        found[field] = as_number(value)
    return list(found.values())


def lost_pct(netem: Netem) -> float:
    """Return the share of packets that is lost in the long run, in percent."""
    model = netem.get("loss_model")
    if not model:
        return min(100.0, as_number(netem.get("loss_pct") or 0))
    chances = [each / 100 for each in _chances(model)]
    if model["type"] == "gemodel":
        p, r, bad, good = chances
        share = p / (p + r) if p + r else 0.0
        return 100 * (share * bad + (1 - share) * good)
    p13, p31, p32, p23, p14 = chances
    if p13 and not p31:  # a burst that has begun never ends, but for what it lets pass in between
        return 100 * (p23 / (p23 + p32) if p32 else 1.0)
    burst = p13 / p31 if p13 else 0.0
    between = burst * p32 / p23 if p32 and p23 else 0.0
    if burst and p32 and not p23:
        return 0.0  # it stays between two losses for ever
    return 100 * (burst + p14) / (1 + burst + between + p14)


def direction_of(netem: Netem) -> str:
    """Return whether netem meets what leaves, ``egress``, or what arrives, ``ingress``."""
    return str(netem.get("direction") or EGRESS)


def spared(netem: Netem) -> tuple[Mapping[str, Any], ...]:
    """Return the matches on what netem lets pass beside it."""
    return SPARED[direction_of(netem)]


def names_ssh(match: Mapping[str, Any], direction: str = EGRESS) -> bool:
    """Return whether a match names what is spared of ssh by its port, so that it is not to be spared."""
    if match.get("proto") not in (None, "tcp"):
        return False
    ranges = (str(each).partition("-") for each in match.get(_SSH_PORTS[direction]) or ())
    return any(int(first) <= SSH_PORT <= int(last or first) for first, _dash, last in ranges)


def is_for_some(netem: Netem) -> bool:
    """Return whether netem is for some packets alone, so that it stands beside a way past it."""
    return bool(netem.get("match") or netem.get("classes"))


def spares_ssh(netem: Netem, led: Iterable[Mapping[str, Any]] = ()) -> bool:
    """Return whether the answers of ssh, or the requests where it meets what arrives, pass beside netem.

    Args:
        netem: what the plan says of it.
        led: the matches that lead packets to the class that it is in.
    """
    return not any(names_ssh(match, direction_of(netem)) for match in [netem.get("match") or {}, *led])


def _refused(field: str, message: str, hint: str) -> NetoptError:
    return NetoptError(message, stage="plan", key=f"netem.{field}", hint=hint)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of netem's words, of what a field of it needs, and of how much a model loses; no kernel is needed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc.netem import (
    lost_pct,
    names_ssh,
    netem_words,
    spares_ssh,
    table_of,
)

JITTER = {"delay_ms": 20, "delay_jitter_ms": 4}
GEMODEL = {"type": "gemodel", "p_pct": 1}
WORDS: dict[str, tuple[dict[str, Any], str]] = {
    "jitter": (JITTER, "netem limit 10000 delay 20ms 4ms"),
    "a correlation": ({**JITTER, "delay_correlation_pct": 25}, "netem limit 10000 delay 20ms 4ms 25%"),
    "a table": ({**JITTER, "distribution": "pareto"}, "netem limit 10000 delay 20ms 4ms distribution pareto"),
    "no table": ({**JITTER, "distribution": "uniform"}, "netem limit 10000 delay 20ms 4ms"),
    "losses": ({"loss_pct": 1.5, "loss_correlation_pct": 30}, "netem limit 10000 loss 1.5% 30%"),
    "shares": (
        {"duplicate_pct": 2, "duplicate_correlation_pct": 20, "corrupt_pct": 1, "corrupt_correlation_pct": 5},
        "netem limit 10000 duplicate 2% 20% corrupt 1% 5%",
    ),
    "reordering": (
        {"delay_ms": 20, "reorder_pct": 25, "reorder_correlation_pct": 50},
        "netem limit 10000 delay 20ms reorder 25% 50%",
    ),
    "a model at its defaults": ({"loss_model": GEMODEL}, "netem limit 10000 loss gemodel 1% 99% 100% 0%"),
    "a model": (
        {"loss_model": {**GEMODEL, "r_pct": 20, "bad_loss_pct": 80, "good_loss_pct": 2}, "limit": 50},
        "netem limit 50 loss gemodel 1% 20% 80% 2%",
    ),
    "states": ({"loss_model": {"type": "state", "p13_pct": 3}}, "netem limit 10000 loss state 3% 97% 0% 100% 0%"),
    "a rate": ({"rate_mbit": 0.5, "match": {}, "classes": []}, "netem limit 10000 rate 0.5mbit"),
}


@pytest.mark.parametrize(("netem", "words"), WORDS.values(), ids=WORDS)
def test_words(netem: dict[str, Any], words: str) -> None:
    """Tc is told each figure with its unit, and every probability of a model."""
    assert " ".join(netem_words(netem)) == words


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a jitter": ({"delay_jitter_ms": 4}, "netem.delay_jitter_ms"),
    "a correlation of nothing": ({"delay_ms": 20, "delay_correlation_pct": 4}, "netem.delay_correlation_pct"),
    "a table for nothing": ({"delay_ms": 20, "distribution": "normal"}, "netem.distribution"),
    "a correlation of no losses": ({"delay_ms": 20, "loss_correlation_pct": 4}, "netem.loss_correlation_pct"),
    "a correlation of no duplicates": (
        {"loss_pct": 1, "duplicate_correlation_pct": 4},
        "netem.duplicate_correlation_pct",
    ),
    "losses twice": ({"loss_pct": 1, "loss_model": GEMODEL}, "netem.loss_model"),
    "reordering": ({"reorder_pct": 1}, "netem.reorder_pct"),
    "an unknown field": ({"slot": 1}, "netem.slot"),
    "an unknown model": ({"loss_model": {"type": "markov"}}, "netem.loss_model.type"),
    "a model without its first chance": ({"loss_model": {"type": "state"}}, "netem.loss_model.p13_pct"),
}


@pytest.mark.parametrize(("netem", "key"), REFUSED.values(), ids=REFUSED)
def test_refused(netem: dict[str, Any], key: str) -> None:
    """What lacks what it needs is refused at its place, with what to do."""
    with pytest.raises(NetoptError) as caught:
        netem_words(netem)
    assert caught.value.key == key
    assert caught.value.hint


LOST: dict[str, tuple[dict[str, Any], float]] = {
    "nothing": ({}, 0),
    "a share": ({"loss_pct": 3}, 3),
    "bursts": ({"loss_model": {**GEMODEL, "r_pct": 4}}, 20),
    "some of both states": ({"loss_model": {**GEMODEL, "r_pct": 4, "bad_loss_pct": 50, "good_loss_pct": 5}}, 14),
    "never": ({"loss_model": {"type": "gemodel", "p_pct": 0, "r_pct": 0}}, 0),
    "single losses": ({"loss_model": {"type": "state", "p13_pct": 0, "p14_pct": 25}}, 20),
    "bursts that end": ({"loss_model": {"type": "state", "p13_pct": 10, "p31_pct": 40}}, 20),
    "a burst for ever": ({"loss_model": {"type": "state", "p13_pct": 1, "p31_pct": 0}}, 100),
    "a burst with gaps for ever": (
        {"loss_model": {"type": "state", "p13_pct": 1, "p31_pct": 0, "p32_pct": 30, "p23_pct": 10}},
        25,
    ),
    "a gap for ever": (
        {"loss_model": {"type": "state", "p13_pct": 1, "p31_pct": 50, "p32_pct": 50, "p23_pct": 0}},
        0,
    ),
}


@pytest.mark.parametrize(("netem", "share"), LOST.values(), ids=LOST)
def test_lost_in_the_long_run(netem: dict[str, Any], share: float) -> None:
    """The share that is lost in the long run is that of the states that lose; the kernel agrees, see tests/effects."""
    assert lost_pct(netem) == pytest.approx(share)


@pytest.mark.parametrize(
    ("match", "named"),
    [
        ({"proto": "tcp", "sports": ["22"]}, True),
        ({"sports": ["20-30", "80"]}, True),
        ({"proto": "udp", "sports": ["22"]}, False),
        ({"proto": "tcp", "dports": ["22"]}, False),
        ({"proto": "tcp", "src": "192.0.2.1/32"}, False),
        ({}, False),
    ],
)
def test_ssh_is_spared_unless_it_is_named(match: dict[str, Any], named: bool) -> None:  # noqa: FBT001 - a case
    """Port 22 as the source of tcp names the answers of ssh, and so does the match of a class that netem is in."""
    assert names_ssh(match) is named
    assert spares_ssh({"match": match}) is not named
    assert spares_ssh({}, [match]) is not named
    mirrored = {**match, "dports": match.get("sports", []), "sports": match.get("dports", [])}
    assert spares_ssh({"match": mirrored, "direction": "ingress"}) is not named


def test_the_table_of_a_distribution() -> None:
    """A uniform jitter, and none at all, follow no table."""
    assert [table_of({"distribution": name}) for name in ("uniform", None, "normal")] == ["", "", "normal"]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what is told before a change: what the kernel does not show of a queue that goes."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import ROOT, TcObject, packed
from ansible_collections.netopt.linux.plugins.module_utils._tc.undumped import warnings


def state(*found: TcObject) -> dict[str, Any]:
    """Return a State of one interface."""
    return {"interfaces": {"eth0": {"link": {}, "default": False, **packed(found)}}}


def netem(jitter: int) -> TcObject:
    """Return a netem."""
    return TcObject("qdisc", "netem", 0x10000, ROOT, options=struct.pack("=6I", 10, 1000, 0, 0, 0, jitter))


ESTIMATED = TcObject("qdisc", "pfifo", 0x10000, ROOT, options=b"\1\0\0\0", estimated=True)


@pytest.mark.parametrize(
    ("one", "words"), [(netem(5), "distribution"), (ESTIMATED, "estimator"), (netem(0), None)], ids=["a", "b", "c"]
)
def test_what_goes_is_told(one: TcObject, words: str | None) -> None:
    """A netem with jitter and a rate estimator are told when they go, and when nobody knows what comes."""
    for wanted in (state(), None):
        told = warnings(state(one), wanted)
        assert [words in each and "eth0 qdisc root" in each for each in told if words] == ([True] if words else [])
        assert bool(told) is bool(words)


def test_what_stays_is_not_told() -> None:
    """A queue that stays as it is loses nothing."""
    assert warnings(state(netem(5)), state(netem(5))) == []

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How hosts are divided into waves, and what stops a rollout."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils import _rollout_waves as rollout_waves


@pytest.mark.parametrize(
    ("hosts", "asked", "canary", "counts"),
    [
        (20, None, None, [20]),
        (20, [1, "10%", "100%"], None, [1, 2, 17]),
        (20, "1,10%,100%", None, [1, 2, 17]),
        (20, " 1 , 10% ", None, [1, *[2] * 9, 1]),
        (20, "25%", 1, [1, 5, 5, 5, 4]),
        (20, None, "2", [2, 18]),
        (20, [1, "10%", "50%", "100%"], None, [1, 2, 10, 7]),
        (3, ["1%"], None, [1, 1, 1]),
        (3, [5], None, [3]),
        (3, 2, None, [2, 1]),
        (1, ["50%"], 1, [1]),
        (0, ["50%"], 1, []),
        (1000, ["33%"], None, [330, 330, 330, 10]),
    ],
)
def test_every_host_is_in_one_wave(hosts: int, asked: Any, canary: Any, counts: list[int]) -> None:
    """All hosts have their turn, once and in their order, and waves are as large as asked."""
    names = [f"h{number}" for number in range(hosts)]
    found = rollout_waves.plan(names, rollout_waves.sizes(asked, canary))
    assert [len(wave) for wave in found] == counts
    assert [name for wave in found for name in wave] == names
    assert rollout_waves.most(rollout_waves.sizes(asked, canary), hosts) == len(counts)


@pytest.mark.parametrize("asked", ["0", "-1", "0%", "101%", "10.5%", "ten", "1,,2", "1;2", [True], [0], [None], [1.5]])
def test_what_is_no_size_is_refused(asked: Any) -> None:
    """The error says which size, and what is wanted."""
    with pytest.raises(rollout_waves.WavesError, match="is no size of a wave; a number of hosts from 1, or 1% to 100%"):
        rollout_waves.sizes(asked)


@pytest.mark.parametrize(
    ("asked", "hosts", "allowed"),
    [(0, 10, 0), ("3", 10, 3), ("10%", 10, 1), ("10%", 9, 0), ("0%", 9, 0), ("100%", 9, 9), (" 2 ", 9, 2)],
)
def test_limit_of_failures(asked: Any, hosts: int, allowed: int) -> None:
    """A share is rounded down."""
    assert rollout_waves.allowed(rollout_waves.limit(asked), hosts) == allowed


@pytest.mark.parametrize("asked", ["", "-1", "101%", "few", None, True, 0.5])
def test_what_is_no_limit_is_refused(asked: Any) -> None:
    """The error says what is wanted."""
    with pytest.raises(rollout_waves.WavesError, match="a number of hosts from 0, or 0% to 100%, is wanted"):
        rollout_waves.limit(asked)


@pytest.mark.parametrize(
    ("failed", "wave_failed", "wave_hosts", "failures", "words"),
    [
        (0, 0, 10, 0, None),
        (1, 1, 10, 0, "1 of 100 hosts failed, and 0 may"),
        (5, 5, 10, "5%", None),
        (6, 1, 10, "5%", r"6 of 100 hosts failed, and 5 \(5% of 100\) may"),
        (1, 1, 1, "50%", r"every host of the wave failed \(1\)"),
        (3, 0, 10, 3, None),
    ],
)
def test_too_many(failed: int, wave_failed: int, wave_hosts: int, failures: Any, words: str | None) -> None:
    """The limit counts all waves; a wave that fails whole, such as a canary, stops a rollout within the limit too."""
    found = rollout_waves.too_many(
        failed=failed, hosts=100, wave_failed=wave_failed, wave_hosts=wave_hosts, failures=rollout_waves.limit(failures)
    )
    assert (found is None) == (words is None)
    if words is not None:
        with pytest.raises(ValueError, match=words):
            raise ValueError(found)


def test_time_that_a_rollout_can_need() -> None:
    """Pauses lie between waves; hosts that do not answer take their time one round of forks after the other."""
    assert rollout_waves.needed_s([1], forks=20, pause_s=300, gate_wait_s=0) == 20
    assert rollout_waves.needed_s([1, 20, 21], forks=20, pause_s=300, gate_wait_s=5) == 20 + 20 + 30 + 2 * 300 + 3 * 5
    assert rollout_waves.needed_s([], forks=0, pause_s=300, gate_wait_s=5) == 0

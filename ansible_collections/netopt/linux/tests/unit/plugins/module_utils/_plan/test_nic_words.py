# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words of queues: flat names, lists of CPUs, sizes of tables."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plan import nic_words
from ansible_collections.netopt.linux.plugins.module_utils._plan.nic_words import (
    NIC,
    STEERING,
    cpu_list,
    flat,
    nested,
    power_of_two,
    with_counts,
)


def test_flat_and_back() -> None:
    """Each setting has a name of its own, and the plan is the same afterwards."""
    said = {"rings": {"rx": "max", "tx": 64}, "pause": {"rx": False}, "txqueuelen": 9}
    assert flat(NIC, said) == {"rings.rx": "max", "rings.tx": 64, "pause.rx": False, "txqueuelen": 9}
    assert nested(flat(NIC, said)) == said
    assert flat(STEERING, {"rps_cpus": "all"}) == {"rps_cpus": "all"}


def test_null_stands_for_all_below_it() -> None:
    """Null of a group is null of each of its words, null of the whole of every word that there is."""
    assert flat(NIC, {"channels": None}) == dict.fromkeys(
        ("channels.combined", "channels.rx", "channels.tx", "channels.other")
    )
    assert flat(NIC, None) == dict.fromkeys(nic_words.NIC_NAMES)
    assert flat(STEERING, None) == dict.fromkeys(nic_words.STEERING_NAMES)
    assert len(nic_words.NIC_NAMES) == len(set(nic_words.NIC_NAMES)) == 4 + 4 + 3 + 27 + 2


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0-3,8", "0-3,8"),
        ("8,3,0-2", "0-3,8"),
        ("007", "7"),
        ("all", "all"),
        ("numa", "numa"),
        ("none", "none"),
        ("", None),
        ("3-1", None),
        ("1,3-2", None),
        ("0x3", None),
        ("1;reboot", None),
        ("0-" * 600, None),
    ],
)
def test_cpu_list(text: str, wanted: str | None) -> None:
    """CPUs read as the kernel lists them; what is no list of them is none."""
    assert cpu_list(text) == wanted


@pytest.mark.parametrize(("count", "size"), [(0, 0), (1, 1), (2, 2), (3, 4), (1000, 1024), (32768, 32768)])
def test_power_of_two(count: int, size: int) -> None:
    """The kernel keeps tables of flows in powers of two."""
    assert power_of_two(count) == size


def test_counts_of_options() -> None:
    """Options of Ansible are text; a number becomes one, and what is neither it nor max is refused."""
    words = {"rx": "4096", "tx": "max"}
    with_counts(words, "nic.rings")
    assert words == {"rx": 4096, "tx": "max"}
    with pytest.raises(NetoptError, match=r"nic.rings.rx is '-1', wanted a whole number or max"):
        with_counts({"rx": "-1"}, "nic.rings")

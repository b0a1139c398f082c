# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which CPUs work on packets: lists and masks, what a plan leads to, the steps there, and the commands."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._link import steering

LINK: dict[str, Any] = {
    "steering": {
        "rps_cpus": {"rx-0": "", "rx-1": "0-1"},
        "rps_flow_cnt": {"rx-0": 0, "rx-1": 0},
        "xps_cpus": {"tx-0": "0"},
    },
    "cpus": {"online": "0-7,33", "numa": "4-7", "nodes": 2},
}
NOW = LINK["steering"]


@pytest.mark.parametrize(
    ("text", "mask"),
    [
        ("", "0"),
        ("0", "1"),
        ("0-3,8", "10f"),
        ("31", "80000000"),
        ("32", "1,00000000"),
        ("0,64", "1,00000000,00000001"),
    ],
)
def test_masks(text: str, mask: str) -> None:
    """A list becomes the mask that the kernel takes, and what the kernel prints becomes the list."""
    assert steering.mask_of(text) == mask
    assert steering.list_of_mask(mask) == text
    assert steering.list_of_mask(f"00000000,{mask.zfill(8)}" if len(mask) < 9 else mask) == text


@pytest.mark.parametrize(
    ("word", "said", "value"),
    [
        ("rps_cpus", "all", "0-7,33"),
        ("rps_cpus", "numa", "4-7"),
        ("rps_cpus", "none", ""),
        ("xps_cpus", "3,0-1", "0-1,3"),
        ("rps_flow_cnt", 1000, 1024),
    ],
)
def test_merged(word: str, said: Any, value: Any) -> None:
    """Every queue gets what the words stand for on this host."""
    assert steering.merged({word: said}, LINK, "eth0") == {word: {"*": value}}


def test_numa_without_nodes() -> None:
    """On a host of one node a device without a node is of that one; on a larger one nobody knows."""
    one = {**LINK, "cpus": {**LINK["cpus"], "numa": None, "nodes": 1}}
    assert steering.merged({"rps_cpus": "numa"}, one, "eth0") == {"rps_cpus": {"*": "0-7,33"}}
    with pytest.raises(NetoptError, match="eth0 belongs to no NUMA node, and this host has 2"):
        steering.merged({"rps_cpus": "numa"}, {**one, "cpus": {**one["cpus"], "nodes": 2}}, "eth0")


@pytest.mark.parametrize(
    ("asked", "link", "message"),
    [
        ({"rps_cpus": "6-9"}, {}, "This host has the CPUs 0-7,33, and not 8-9"),
        ({"rps_cpus": "some"}, {}, "'some' are no CPUs"),
        ({"xps_cpus": "0"}, {"steering": {}}, "eth0 has no queues whose xps_cpus can be set"),
    ],
)
def test_refused(asked: dict[str, Any], link: dict[str, Any], message: str) -> None:
    """What the device or the host lacks is named."""
    with pytest.raises(NetoptError, match=message):
        steering.merged(asked, {**LINK, **link}, "eth0")


def test_steps() -> None:
    """A step for each word that differs on any queue; told as one value where all queues have it."""
    wanted = {"rps_cpus": {"*": "0-1"}, "rps_flow_cnt": {"*": 0}}
    (step,) = steering.operations("eth0", NOW, wanted, other_queues=False)
    assert step.command == 'for queue in /sys/class/net/eth0/queues/rx-*/rps_cpus; do echo 3 >"$queue"; done'
    (change,) = steering.diff("eth0", NOW, wanted)
    assert (change.key, change.before, change.after) == ("eth0 rps_cpus", "rx-0: none; rx-1: 0-1", "0-1")
    assert len(steering.operations("eth0", NOW, wanted, other_queues=True)) == 2


def test_each_queue_goes_back_to_its_own() -> None:
    """A state that was read has a value for each queue."""
    held = {"rps_cpus": {"rx-0": "3", "rx-1": "3"}}
    (step,) = steering.operations("eth0", held, NOW, other_queues=False)
    queues = "/sys/class/net/eth0/queues"
    assert step.command == f"echo 0 >{queues}/rx-0/rps_cpus; echo 3 >{queues}/rx-1/rps_cpus"
    assert steering.operations("eth0", NOW, NOW, other_queues=False) == []


def test_lost_queues() -> None:
    """Only queues that are not there get back what they had."""
    lost = {"rps_cpus": {"rx-0": "5", "rx-7": "6"}, "xps_cpus": {"tx-0": "9"}}
    assert steering.with_lost_queues({}, lost, LINK) == {"rps_cpus": {"rx-7": "6"}}
    former = {"rps_cpus": {"rx-7": "1"}}
    assert steering.with_lost_queues(former, lost, LINK) == former


def test_text_of_all_cpus(tmp_path: Path) -> None:
    """A shell makes the same mask of the CPUs that are online as we do."""
    (tmp_path / "online").write_text("0-3,8,31-33,70\n")
    (line,) = steering.render("eth0", {"rps_cpus": "all"})
    command = line.partition("do ")[2].rpartition(' >"$queue"')[0].replace(steering.ONLINE, str(tmp_path / "online"))
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == steering.mask_of("0-3,8,31-33,70")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a device's queues: what they lead to, the steps there, and the commands."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._link import nic

NOW = {
    "rings.rx": 256,
    "rings.tx": 256,
    "coalesce.adaptive_rx": True,
    "coalesce.rx_usecs": 50,
    "coalesce.rx_frames": 10,
    "coalesce.tx_usecs": 20,
    "channels.combined": 4,
    "pause.autoneg": True,
    "txqueuelen": 1000,
}
LINK = {"nic": NOW, "nic_most": {"rings.rx": 4096, "rings.tx": 512, "channels.combined": 8}}


def test_merged() -> None:
    """Numbers stay, and max is as much as the device can."""
    assert nic.merged({"rings.rx": "max", "rings.tx": 512, "txqueuelen": 9}, LINK, "eth0") == {
        "rings.rx": 4096,
        "rings.tx": 512,
        "txqueuelen": 9,
    }


@pytest.mark.parametrize(
    ("asked", "link", "message", "hint"),
    [
        ({"rings.rx": 8192}, {}, "eth0 takes rings.rx up to 4096, not 8192", "Ask for 4096 or less, or for max"),
        ({"rings.rx_mini": 1}, {}, "eth0 has no rings rx_mini", "It has rx, tx."),
        ({"rings.rx": 1}, {"nic": {}}, "eth0 has no rings that can be set", "ethtool -g eth0"),
        ({"coalesce.rx_usecs": 1}, {"nic": {}}, "eth0 has no coalescing that can be set", "ethtool -c eth0"),
        (
            {"pause.rx": True},
            {"nic": {}, "nic_refused": {"pause": "No such device"}},
            "pause.rx of eth0 cannot be read: No such device",
            "a device that is down may not answer",
        ),
        ({"channels.rx": 1}, {"nic": {}, "no_ethtool": True}, "this kernel does not tell it over netlink", "Linux 5.7"),
    ],
)
def test_what_a_device_lacks(asked: dict[str, Any], link: dict[str, Any], message: str, hint: str) -> None:
    """The refusal names the device and the setting, and says what there is."""
    with pytest.raises(NetoptError) as caught:
        nic.merged(asked, {**LINK, **link}, "eth0")
    assert message in caught.value.message
    assert hint in str(caught.value.hint)
    assert caught.value.key == f"eth0 {next(iter(asked))}"


def test_steps_in_order() -> None:
    """One step for each group, channels ahead of what a driver makes anew with them; nothing for what is as wanted."""
    then = {"txqueuelen": 9, "pause.autoneg": False, "rings.rx": 256, "rings.tx": 64, "channels.combined": 2}
    assert [one.command for one in nic.operations("eth0", NOW, then)] == [
        "ethtool -L eth0 combined 2",
        "ethtool -G eth0 tx 64",
        "ethtool -A eth0 autoneg off",
        "ip link set dev eth0 txqueuelen 9",
    ]
    assert [one.key for one in nic.diff("eth0", NOW, then)] == [
        "eth0 channels.combined",
        "eth0 rings.tx",
        "eth0 pause.autoneg",
        "eth0 txqueuelen",
    ]
    assert nic.operations("eth0", NOW, NOW) == []


def test_what_adaptive_coalescing_moves_is_no_difference() -> None:
    """While the driver adapts it the delay moves by itself; asked for alone, or with something else, it is set."""
    moved = {**NOW, "coalesce.rx_usecs": 7, "coalesce.rx_frames": 3}
    assert nic.operations("eth0", moved, NOW) == []
    assert nic.differing(moved, {"coalesce.rx_usecs": 50}) == {"coalesce": {"coalesce.rx_usecs": 50}}
    off = {**moved, "coalesce.adaptive_rx": False}
    (step,) = nic.operations("eth0", off, NOW)
    assert step.command == "ethtool -C eth0 adaptive-rx on rx-usecs 50 rx-frames 10"
    (step,) = nic.operations("eth0", {**moved, "coalesce.tx_usecs": 1}, NOW)
    assert "tx-usecs 20" in step.command


def test_a_state_of_another_device() -> None:
    """What a device does not have any more is not restored on it."""
    assert nic.operations("eth0", {"txqueuelen": 1000}, NOW) == []


def test_commands() -> None:
    """Words are ethtool's, max is read from the device, names are quoted."""
    asked = {"rings.rx_jumbo": "max", "coalesce.cqe_mode_rx": True, "txqueuelen": 7}
    name = shlex.quote("a'b")
    most = f"ethtool -g {name} | sed -n '/^Pre-set/,/^Current/s/^RX Jumbo:[[:space:]]*//p'"
    assert nic.commands("a'b", asked) == [
        ("rings", f'ethtool -G {name} rx-jumbo "$({most})"'),
        ("coalesce", f"ethtool -C {name} cqe-mode-rx on"),
        ("txqueuelen", f"ip link set dev {name} txqueuelen 7"),
    ]


def test_what_is_read() -> None:
    """With channels and rings, what a driver may make anew with them is read as well."""
    assert nic.to_read(["pause.rx", "txqueuelen"]) == ["pause", "txqueuelen"]
    assert nic.to_read(["rings.rx"]) == ["rings", "coalesce"]
    assert nic.to_read(["channels.rx"]) == ["channels", "rings", "coalesce"]
    assert nic.to_read([]) == []

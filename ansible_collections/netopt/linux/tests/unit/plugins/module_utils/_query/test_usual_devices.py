# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which settings of an interface are not as usual: compared with a new device, or with what is known of hardware."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._query.usual_devices import beyond_usual

GSO, GRO, SG = "generic-segmentation-offload", "generic-receive-offload", "tx-scatter-gather"
TSO, TSO4, TSO6 = "tcp-segmentation-offload", "tx-tcp-segmentation", "tx-tcp6-segmentation"
FEATURES = {GSO: True, GRO: True, SG: True, TSO4: True, TSO6: True, "rx-gro-list": False}
HARDWARE = {"ifname": "eth0", "link_type": "ether"}
VETH = {**HARDWARE, "linkinfo": {"info_kind": "veth"}, "num_tx_queues": 2, "num_rx_queues": 2}


def link(*, mtu: int = 1500, steering: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return a device with all features on, and ``more`` by flat name of a queue's setting."""
    nic = {"txqueuelen": 1000, **{name.replace("_of_", ".", 1): value for name, value in more.items()}}
    groups = {TSO: [TSO4, TSO6]}
    active = {**FEATURES, TSO: True}
    return {
        "mtu": mtu,
        "requested": dict(FEATURES),
        "active": active,
        "groups": groups,
        "nic": nic,
        "steering": steering or {},
    }


def held(mine: dict[str, Any], shown: dict[str, Any] | None = None, **others: dict[str, Any]) -> dict[str, list[Any]]:
    """Return what is not as usual of a device of hardware, beside others."""
    return beyond_usual("eth0", mine, {"eth0": shown or HARDWARE, **others}, None)


def test_nothing_is_set() -> None:
    """A device as its driver leaves it has nothing to be told, but what nobody can tell."""
    assert held(link()) == {}
    assert held(link(rings_of_rx=512, coalesce_of_rx_usecs=0, coalesce_of_tx_usecs=3)) == {
        "nic.rings.rx": [512, None],
        "nic.coalesce.tx_usecs": [3, None],
    }


@pytest.mark.parametrize(
    ("shown", "others", "mtu", "usual"),
    [
        (HARDWARE, {}, 9000, 1500),
        ({"ifname": "eth0", "link_type": "loopback"}, {}, 1500, 65536),
        ({**HARDWARE, "linkinfo": {"info_kind": "vlan"}, "link": "eth1"}, {"eth1": {"mtu": 9000}}, 9000, None),
        ({**HARDWARE, "linkinfo": {"info_kind": "vlan"}, "link": "eth1"}, {"eth1": {"mtu": 9000}}, 1500, 9000),
        ({**HARDWARE, "master": "bond0"}, {"bond0": {"mtu": 9000, "linkinfo": {"info_kind": "bond"}}}, 9000, None),
        ({**HARDWARE, "linkinfo": {"info_kind": "bridge"}}, {"p": {"mtu": 1400, "master": "eth0"}}, 1400, None),
        ({**HARDWARE, "linkinfo": {"info_kind": "bridge"}}, {"p": {"mtu": 9000, "master": "eth0"}}, 1500, 9000),
        ({**HARDWARE, "linkinfo": {"info_kind": "wireguard"}}, {}, 1420, None),
    ],
)
def test_mtu(shown: dict[str, Any], others: dict[str, Any], mtu: int, usual: int | None) -> None:
    """It is compared with what the interface would take over from others, where it would."""
    found = held(link(mtu=mtu), shown, **others)
    assert found.get("mtu") == (None if usual is None else [mtu, usual])


def test_features_of_hardware() -> None:
    """Those that the kernel gives everybody and that nearly all drivers turn on; alike ones by the name for all."""
    mine = link()
    mine["requested"].update({GRO: False, TSO4: False, TSO6: False, SG: False, "rx-gro-list": True, "rx-fcs": True})
    assert held(mine) == {
        f"offloads.{GRO}": [False, "on"],
        f"offloads.{SG}": [False, "on with most drivers"],
        f"offloads.{TSO}": [False, "on with most drivers"],
        "offloads.rx-gro-list": [True, "off"],
    }
    mine["requested"][TSO6] = True
    assert f"offloads.{TSO4}" in held(mine)


def test_a_device_that_can_be_made() -> None:
    """It is compared with a new one of its kind; queues that it was made with are no setting."""
    new = {**link(channels_of_rx=1, channels_of_tx=1), "shown": {"num_tx_queues": 4, "num_rx_queues": 4}}
    new["requested"][GRO] = False
    mine = link(mtu=1400, channels_of_rx=2, channels_of_tx=1, txqueuelen=500)
    assert beyond_usual("eth0", mine, {"eth0": VETH}, new) == {
        "mtu": [1400, 1500],
        f"offloads.{GRO}": [True, "off"],
        "nic.txqueuelen": [500, 1000],
        "nic.channels.tx": [1, 2],
    }


@pytest.mark.parametrize(
    ("steering", "found"),
    [
        ({"rps_cpus": {"rx-0": "", "rx-1": ""}, "rps_flow_cnt": {"rx-0": 0}}, {}),
        ({"rps_cpus": {"rx-0": "0-3", "rx-1": "0-3"}}, {"steering.rps_cpus": ["0-3", ""]}),
        ({"rps_cpus": {"rx-0": "0", "rx-1": "1"}}, {"steering.rps_cpus": [{"rx-0": "0", "rx-1": "1"}, ""]}),
        ({"xps_cpus": {"tx-0": "0", "tx-1": "1"}}, {}),
        ({"xps_cpus": {"tx-0": "0-1", "tx-1": "0-1"}}, {"steering.xps_cpus": ["0-1", ""]}),
    ],
)
def test_steering(steering: dict[str, Any], found: dict[str, Any]) -> None:
    """What is set is told, and not what drivers give each of their transmit queues."""
    assert held(link(steering=steering)) == found

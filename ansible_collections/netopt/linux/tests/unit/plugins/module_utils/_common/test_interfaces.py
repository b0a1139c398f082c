# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which interfaces of a host a plan is for, from the host's facts alone."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import find, host_interfaces, words


def one(kind: str, **more: Any) -> dict[str, Any]:
    """Return the facts of one interface."""
    return {"type": kind, "driver": None, "speed_mbit": None, "upper": {}, "in_network": False, **more}


HOST: dict[str, Any] = {
    "default_interface": "ens1",
    "default_interfaces": ["ens1", "ens2"],
    "interfaces": {
        "lo": one("loopback"),
        "ens1": one("ethernet", driver="mlx5_core", speed_mbit=25000, upper={"ens1.100": "vlan"}),
        "ens2": one("ethernet", driver="virtio_net"),
        "ens1.100": one("vlan", driver="802.1Q VLAN Support", speed_mbit=25000),
        "bond0": one("bond", driver="bonding", speed_mbit=2000),
        "wg0": one("wireguard", driver="wireguard"),
        "ifb-ens1": one("ifb", driver="ifb"),
        "ifb0": one("ifb", driver="ifb"),
        "eth0": one("veth", driver="veth", speed_mbit=10000, in_network=True),
        "veth1a2b": one("veth", driver="veth", speed_mbit=10000),
        "odd[0]": one("dummy"),
    },
}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["ens1"], ("ens1",)),
        (["ens2", "ens1", "ens2"], ("ens2", "ens1")),
        (["auto"], ("ens1", "ens2")),
        (["ens*"], ("ens1", "ens1.100", "ens2")),
        (["ens[!1]*"], ("ens2",)),
        (["ens?"], ("ens1", "ens2")),
        (["wg0", "ens?"], ("wg0", "ens1", "ens2")),
        (["*"], ("bond0", "ens1", "ens1.100", "ens2", "eth0", "odd[0]", "wg0")),
        (["*eth*"], ("eth0",)),
        (["odd[0]"], ("odd[0]",)),
        (["lo"], ("lo",)),
        (["veth1a2b", "ifb0"], ("veth1a2b", "ifb0")),
        ([{"type": "ethernet"}], ("ens1", "ens2")),
        ([{"type": "vlan"}], ("ens1.100",)),
        ([{"type": "tunnel"}], ("wg0",)),
        ([{"type": "veth"}], ("eth0", "veth1a2b")),
        ([{"type": "ifb"}], ("ifb0",)),
        ([{"type": "loopback"}], ("lo",)),
        ([{"driver": "veth"}], ("eth0",)),
        ([{"driver": "mlx5_core", "type": None}], ("ens1",)),
        ([{"min_speed_mbit": 10000}], ("ens1", "ens1.100", "eth0")),
        ([{"min_speed_mbit": 10000, "type": "ethernet"}], ("ens1",)),
        (["bond0", {"type": "bond"}], ("bond0",)),
    ],
)
def test_what_is_meant(wanted: list[Any], found: tuple[str, ...]) -> None:
    """Each word stands for all that it describes, each interface once, and nothing is taken by the way."""
    assert host_interfaces(wanted, HOST) == found


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["eth7"], "This host has no interface eth7"),
        (["eth7", "ens1", "eth8"], "This host has no interface eth7, nor eth8"),
        (["enp*"], "This host has no interface that matches enp*"),
        (["ens1", "enp*"], "This host has no interface that matches enp*"),
        (["ifb*"], "This host has no interface that matches ifb*"),
        ([{"type": "vrf"}], "This host has no interface with type vrf"),
        (
            [{"driver": "ixgbe", "min_speed_mbit": 100}],
            "This host has no interface with driver ixgbe, 100 Mbit/s or more",
        ),
        ([{}], "This host has no interface for a selector that says nothing"),
    ],
)
def test_nothing_there(wanted: list[Any], message: str) -> None:
    """What is nothing on a host is refused: the message says what was wanted, what there is, and what to do."""
    with pytest.raises(NetoptError) as caught:
        find(wanted, HOST)
    error = caught.value
    assert (error.message, error.stage, error.key) == (message, "facts", "iface")
    assert "ens1 (ethernet, mlx5_core, 25000 Mbit/s)" in str(error.hint)
    assert "auto" in str(error.hint)
    assert ("leaves out the loopback, ifb devices" in str(error.hint)) is (wanted == ["ifb*"])


def test_no_default_route() -> None:
    """Without a default route auto is nothing, and that is said."""
    with pytest.raises(NetoptError, match="no default route"):
        find(["auto"], {**HOST, "default_interfaces": [], "default_interface": None})


def test_too_many() -> None:
    """A pattern does not take more interfaces than a plan may name."""
    facts = {"interfaces": {f"d{number}": one("dummy") for number in range(65)}}
    with pytest.raises(NetoptError, match="d\\* is 65 interfaces of this host, more than the 64"):
        find(["d*"], facts)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (["auto"], ["auto is ens1, ens2, as 2 default routes"]),
        (["ens*"], ["ens* is ens1 and also ens1.100 on top of it"]),
        ([{"min_speed_mbit": 1000}], ["min_speed_mbit=1000 is ens1 and also ens1.100"]),
        (["ens1", "ens1.100"], []),
        (["ens?"], []),
    ],
)
def test_what_is_told(wanted: list[Any], says: list[str]) -> None:
    """Several default routes are told, and a pattern that takes an interface and one on top of it."""
    notes = find(wanted, HOST).notes
    assert len(notes) == len(says)
    assert all(text in note for text, note in zip(says, notes))


@pytest.mark.parametrize(
    ("iface", "shown"),
    [
        ("eth0", ("eth0",)),
        ("auto", ("auto",)),
        (["eth0", "en*"], ("eth0", "{en*}")),
        ({"min_speed_mbit": 1000, "type": "bond", "driver": None}, ("{type=bond,min_speed_mbit=1000}",)),
    ],
)
def test_in_a_text(iface: Any, shown: tuple[str, ...]) -> None:
    """What each host finds out stands in braces in the text of a plan."""
    assert words({"iface": iface}) == shown

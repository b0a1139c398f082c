# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTU and offloads: what ethtool says, what a plan asks for, and the way there and back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._link.ethtool_features import parse_features
from ansible_collections.netopt.linux.plugins.module_utils._link.ipv6_below_1280 import (
    address_argv,
    kept_addresses,
    kept_routes,
    route_argv,
)
from ansible_collections.netopt.linux.plugins.module_utils._link.subsystem import (
    diff,
    intent,
    merge,
    operations,
    render,
    scope,
)
from ansible_collections.netopt.linux.plugins.module_utils._plan.feature_names import long_name

TEXT = """\
Features for eth0:
rx-checksumming: on [fixed]
tx-checksumming: on
\ttx-checksum-ipv4: off [fixed]
\ttx-checksum-ip-generic: on
tcp-segmentation-offload: off
\ttx-tcp-segmentation: off [requested on]
\ttx-tcp6-segmentation: off [requested on]
generic-receive-offload: on
large-receive-offload: off [fixed]
rx-gro-list: off
"""
STABLE = "2001:db8::1"


def link(**more: Any) -> dict[str, Any]:
    """Return the state of an interface with the features of TEXT."""
    return {"mtu": 1500, "min_mtu": 68, "max_mtu": 9000, **parse_features(TEXT), **more}


def state(**links: Any) -> dict[str, Any]:
    """Return a state of these interfaces."""
    return {"links": links}


def test_parse_features() -> None:
    """Fixed, requested and summed-up features are told apart."""
    found = parse_features(TEXT)
    assert found["fixed"] == ["rx-checksumming", "tx-checksum-ipv4", "large-receive-offload"]
    assert found["requested"] == {
        "tx-checksum-ip-generic": True,
        "tx-tcp-segmentation": True,
        "tx-tcp6-segmentation": True,
        "generic-receive-offload": True,
        "rx-gro-list": False,
    }
    assert found["groups"]["tcp-segmentation-offload"] == ["tx-tcp-segmentation", "tx-tcp6-segmentation"]
    assert found["active"]["tcp-segmentation-offload"] is False


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gro", "generic-receive-offload"),
        ("rx_gro_list", "rx-gro-list"),
        ("gro_hw", "rx-gro-hw"),
        ("tx-udp_tnl-segmentation", "tx-udp_tnl-segmentation"),
    ],
)
def test_long_names(name: str, expected: str) -> None:
    """Short names, and the kernel's own in either spelling."""
    assert long_name(name) == expected


def test_render() -> None:
    """Offloads keep the short names that an operator would type."""
    wanted = intent({"mtu": 1400, "offloads": {"gro": True, "lro": False}}, ("eth0",))
    assert render(wanted) == (["ip link set dev eth0 mtu 1400"], ["ethtool -K eth0 gro on lro off"])
    assert render(intent({}, ("eth0",))) == ([], [])


def test_scope_reads_ipv6_where_it_will_be_lost() -> None:
    """Only an MTU under 1280 takes IPv6 away."""
    assert [scope(intent({"mtu": mtu}, ("e",)))["ipv6"] for mtu in (1279, 1280)] == [True, False]


def test_a_feature_cannot_be_on_and_off() -> None:
    """Two names of one feature have to agree."""
    with pytest.raises(NetoptError, match="on and off"):
        intent({"offloads": {"gro": True, "generic-receive-offload": False}}, ("e",))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"mtu": 1500}, []),
        ({"mtu": 1400}, ["ip link set dev e mtu 1400"]),
        ({"offloads": {"gro": True, "lro": False, "rx": True}}, []),
        ({"offloads": {"gro": False}}, ["ethtool -K e generic-receive-offload off"]),
        ({"offloads": {"tso": False}}, ["ethtool -K e tx-tcp-segmentation off tx-tcp6-segmentation off"]),
        ({"offloads": {"tx": False}}, ["ethtool -K e tx-checksum-ip-generic off"]),
        ({"offloads": {"tso": True}}, ["ethtool -K e tcp-segmentation-offload on"]),
        (
            {"mtu": 1400, "offloads": {"gro": False}},
            ["ip link set dev e mtu 1400", "ethtool -K e generic-receive-offload off"],
        ),
    ],
)
def test_operations(changes: dict[str, Any], expected: list[str]) -> None:
    """Only what differs is set, members of a sum in one step."""
    current = state(e=link())
    steps = operations(current, merge(intent(changes, ("e",)), current))
    assert [step.command for step in steps] == expected
    assert bool(diff(current, merge(intent(changes, ("e",)), current))) is bool(expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offloads": {"lro": True}}, "fixed off"),
        ({"offloads": {"rx": False}}, "fixed on"),
        ({"offloads": {"rxhash": True}}, "no feature rxhash"),
        ({"mtu": 9001}, "from 68 to 9000"),
        ({"mtu": 67}, "from 68 to 9000"),
    ],
)
def test_what_the_device_refuses_is_found_first(changes: dict[str, Any], message: str) -> None:
    """The error names interface and setting."""
    with pytest.raises(NetoptError, match=message) as caught:
        merge(intent(changes, ("e",)), state(e=link()))
    assert (caught.value.stage, caught.value.key) == ("rehearse", f"e {next(iter(changes.get('offloads', changes)))}")


def test_restoring_is_the_inverse() -> None:
    """Whatever else changed along is put back, and interfaces that have gone are left out."""
    before = state(e=link(), vlan=link(), gone=link())
    after = state(e=link(mtu=1400), vlan=link(mtu=1400))
    after["links"]["e"]["requested"]["rx-gro-list"] = True
    assert [step.command for step in operations(after, before)] == [
        "ip link set dev e mtu 1500",
        "ethtool -K e rx-gro-list off",
        "ip link set dev vlan mtu 1500",
    ]
    assert operations(before, before) == []


ADDRESS = {"family": "inet6", "local": "fd00::1", "prefixlen": 64, "scope": "global", "valid_life_time": 4294967295}
ROUTE = {
    "type": "unicast",
    "dst": "default",
    "gateway": "fd00::8",
    "dev": "e",
    "protocol": "boot",
    "metric": 7,
    "flags": [],
}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (ADDRESS, "fd00::1/64 dev e"),
        ({**ADDRESS, "address": "fd00::2", "prefixlen": 128}, "fd00::1 peer fd00::2/128 dev e"),
        ({**ADDRESS, "nodad": True, "valid_life_time": 9, "metric": 3}, "fd00::1/64 dev e metric 3 valid_lft 9 nodad"),
    ],
)
def test_addresses_come_back_as_they_were(address: dict[str, Any], expected: str) -> None:
    """Peers, lifetimes, metrics and flags are kept."""
    assert " ".join(address_argv(address, "e")) == f"ip -6 addr replace {expected}"


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (ROUTE, "default via fd00::8 dev e proto boot metric 7"),
        (
            {**ROUTE, "metrics": [{"mtu": 1300}], "flags": ["onlink"]},
            "default via fd00::8 dev e proto boot metric 7 mtu 1300 onlink",
        ),
        (
            {"dst": "fd07::/64", "nexthops": [{"gateway": "fd00::3", "dev": "e", "weight": 2, "flags": []}]},
            "fd07::/64 nexthop via fd00::3 dev e weight 2",
        ),
    ],
)
def test_routes_come_back_as_they_were(route: dict[str, Any], expected: str) -> None:
    """Metrics, flags and several next hops are kept."""
    assert " ".join(route_argv(route)) == f"ip -6 route replace {expected}"


def test_a_route_that_could_not_come_back_is_an_error_beforehand() -> None:
    """Losing it is refused while nothing has been touched."""
    current = state(e=link(ipv6={"routes": [{**ROUTE, "encap": "seg6"}]}))
    with pytest.raises(NetoptError, match="unknown parts encap"):
        merge(intent({"mtu": 1200}, ("e",)), current)
    assert merge(intent({"mtu": 1280}, ("e",)), current)


def test_what_the_kernel_brings_back_is_not_kept() -> None:
    """Temporary addresses, and routes of addresses and of routers, are left to the kernel."""
    assert kept_addresses([{**ADDRESS, "temporary": True}, {**ADDRESS, "tentative": True}, {"family": "inet"}]) == [
        ADDRESS
    ]
    routes = [{**ROUTE, "protocol": "ra"}, {**ROUTE, "protocol": "kernel"}, {**ROUTE, "dev": "f"}, ROUTE]
    assert kept_routes(routes, "e") == [ROUTE]


def test_ipv6_comes_back_after_the_mtu() -> None:
    """Settings first, then what they govern; what is there is not added again."""
    setting = "net/ipv6/conf/e/accept_ra"
    kept = {"settings": {setting: "0"}, "addresses": [ADDRESS], "routes": [ROUTE], "neighbours": []}
    before, after = (
        state(e=link(ipv6=kept)),
        state(e=link(mtu=1200, ipv6={"settings": {}, "addresses": [], "routes": []})),
    )
    assert [step.payload["do"] for step in operations(after, before)] == ["mtu", "setting", "prune", "address", "run"]
    assert operations(before, before) == []


def test_a_secret_that_comes_back_is_not_shown() -> None:
    """The secret of an interface's addresses is given back, and neither the diff nor a command has it."""
    path = "net/ipv6/conf/e/stable_secret"
    now, then = (
        state(e=link(ipv6={"settings": {path: value}, "addresses": [], "routes": []}))
        for value in ("2001:db8::2", STABLE)
    )
    (step,) = operations(now, then)
    assert step.payload["value"] == STABLE
    assert STABLE not in step.command + repr(diff(now, then))

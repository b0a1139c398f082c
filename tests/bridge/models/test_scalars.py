# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a plan: what is accepted, in which spelling it is kept, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from mcp_bridge.models import ParameterPlan, endpoints, interfaces, scalars
from mcp_bridge.models.base import Mbit

KINDS: dict[str, Any] = {
    "iface": interfaces.Iface,
    "name": scalars.RuleInterface,
    "port": endpoints.Port,
    "ports": endpoints.Ports,
    "cidr": endpoints.Cidr,
    "address": endpoints.Address,
    "dscp": scalars.Dscp,
    "classid": scalars.Classid,
    "parent": scalars.Parent,
    "rate": scalars.Rate,
    "size": scalars.Size,
    "fwmark": scalars.Fwmark,
    "host": endpoints.Host,
    "host_port": endpoints.HostPort,
    "sysctl_key": scalars.SysctlKey,
    "sysctl_value": scalars.SysctlValue,
    "mbit": Mbit,
}

ACCEPTED = [
    ("iface", "eth0", "eth0"),
    ("iface", "auto", "auto"),
    ("iface", "a" * 15, "a" * 15),
    ("iface", ["eth0", "eth1"], ["eth0", "eth1"]),
    ("iface", "en*", "en*"),
    ("iface", "enp[0-3]s0f[01]np?", "enp[0-3]s0f[01]np?"),
    ("iface", ["eth0", "en*"], ["eth0", "en*"]),
    ("name", "enp0s31f6.100", "enp0s31f6.100"),
    ("port", 22, 22),
    ("port", "443", 443),
    ("ports", 53, ["53"]),
    ("ports", "80", ["80"]),
    ("ports", "1000-2000", ["1000-2000"]),
    ("ports", [443, "80", "8000-8010"], ["80", "443", "8000-8010"]),
    ("ports", ["1-5", "3-9", 10], ["1-10"]),
    ("ports", "7-7", ["7"]),
    ("cidr", "10.0.0.0/8", "10.0.0.0/8"),
    ("cidr", "192.0.2.1", "192.0.2.1/32"),
    ("cidr", "2001:DB8::/32", "2001:db8::/32"),
    ("address", "2001:DB8:0::1", "2001:db8::1"),
    ("dscp", "EF", 46),
    ("dscp", "ef", 46),
    ("dscp", "Cs6", 48),
    ("dscp", "AF41", 34),
    ("dscp", "LE", 1),
    ("dscp", "VA", 44),
    ("dscp", "voice_admit", 44),
    ("dscp", "DF", 0),
    ("dscp", 63, 63),
    ("dscp", "12", 12),
    ("classid", "1:10", "1:10"),
    ("classid", "10", "1:10"),
    ("classid", 10, "1:10"),
    ("classid", "1:00FF", "1:ff"),
    ("parent", "1:", "1:"),
    ("parent", "root", "1:"),
    ("parent", "1:0", "1:"),
    ("parent", "1:20", "1:20"),
    ("rate", "1000/second", "1000/second"),
    ("rate", "5 / Minute", "5/minute"),
    ("size", 1500, 1500),
    ("size", "15k", 15360),
    ("size", "1mb", 1048576),
    ("fwmark", "0x10", 16),
    ("fwmark", 7, 7),
    ("host", "db-1.example.net", "db-1.example.net"),
    ("host", "192.0.2.1", "192.0.2.1"),
    ("host", "2001:DB8::1", "2001:db8::1"),
    ("host_port", "db1:5432", "db1:5432"),
    ("host_port", "[2001:db8::1]:443", "[2001:db8::1]:443"),
    ("sysctl_key", "net.core.rmem_max", "net.core.rmem_max"),
    ("sysctl_value", 1, "1"),
    ("sysctl_value", "4096\t131072  6291456", "4096 131072 6291456"),
    ("mbit", "2.5", 2.5),
]

REFUSED = [
    *(("iface", value) for value in ("", "a" * 16, "a/b", "a b", "a\tb", ".", "..", "-h", "eth0:1", "\u00e9", 5, None)),
    *(("iface", value) for value in ("*" * 65, "-*", "a *", "a/*", '"*', "\\*", [["eth0"]], {}, [{}])),
    *(("iface", value) for value in ({"type": ""}, {"driver": 5}, {"min_speed_mbit": 0}, {"type": None})),
    *(("name", value) for value in ("en*", "auto", "eth[0]", "eth?", "a" * 16, "")),
    *(("iface", value) for value in ([], ["eth0", "eth0"], ["auto", "eth0"], ["eth0", 5], {"a": 1}, ["e"] * 65)),
    *(("port", value) for value in (0, 65536, -1, True, "x", None, 1.5)),
    *(("ports", value) for value in (0, "0", "5-1", "1-", "65536", True, [], [True], "1-2-3", ["x"], None, 1.0)),
    *(("cidr", value) for value in ("10.0.0.5/24", "10.0.0.0/33", "host", "", 5, "fe80::1%eth0", "1.2.3.4/24/1")),
    *(("address", value) for value in ("10.0.0.0/8", "", "x", 1, None, "fe80::1%eth0")),
    *(("dscp", value) for value in ("XX", -1, 64, True, None, 1.0, "AF55", "064", [])),
    *(("classid", value) for value in ("2:10", "1:", "1:0", "1:10000", "1:xyz", True, 0, None, "")),
    *(("rate", value) for value in ("0/second", "1000", "1000/s", "-1/second", "99999999999/day", 5, None)),
    *(("size", value) for value in (0, -1, "1g", "", True, 2**32, "k", None, 1.5)),
    *(("fwmark", value) for value in (-1, 2**32, True, "0x", "x", None)),
    *(("host", value) for value in ("", "-oProxyCommand=x", "a b", "a;b", "$(id)", "a..b", 5, "x" * 256)),
    *(("host_port", value) for value in ("db1", "db1:0", "db1:65536", "2001:db8::1:443", ":80", "-x:80", 5)),
    *(("sysctl_key", value) for value in ("", "rmem", "net..x", "net.a b", "../../x", "net.x;y", 5, None)),
    *(("sysctl_value", value) for value in (True, 1.5, None, "1\n2", "\x00", "\u00e9", "x" * 1025, 2**64, ["1"])),
    *(("mbit", value) for value in (0, -1, 400_001, float("nan"), float("inf"), True, "x", None)),
]


@pytest.mark.parametrize(("kind", "given_value", "kept"), ACCEPTED)
def test_accepted(kind: str, given_value: object, kept: object) -> None:
    """A word is kept in its one canonical spelling, and that spelling is accepted again."""
    adapter = TypeAdapter(KINDS[kind])

    assert adapter.validate_python(given_value) == kept
    assert adapter.validate_python(kept) == kept


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_refused(kind: str, value: object) -> None:
    """What a tool could misread, or no setting can be, is refused."""
    with pytest.raises(ValidationError):
        TypeAdapter(KINDS[kind]).validate_python(value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_has_a_schema(kind: str) -> None:
    """Every word has a JSON schema."""
    assert TypeAdapter(KINDS[kind]).json_schema()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted), min_size=1, max_size=20))
def test_ports_keep_their_meaning(ranges: list[list[int]]) -> None:
    """Joining ranges neither adds nor loses a port."""
    kept = TypeAdapter(KINDS["ports"]).validate_python([f"{low}-{high}" for low, high in ranges])

    wanted = {port for low, high in ranges for port in range(low, high + 1)}
    bounds = [[int(port) for port in word.split("-")] for word in kept]
    assert {port for bound in bounds for port in range(bound[0], bound[-1] + 1)} == wanted


@given(st.text())
def test_interface_names_are_safe_words(text: str) -> None:
    """No accepted name can be taken for an option, a path, or two words."""
    try:
        name = scalars.interface_name(text)
    except ValueError:
        return
    assert len(name.split()) == 1
    assert not name.startswith("-")
    assert "/" not in name


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"type": "ethernet"}, {"type": "ethernet"}),
        ({"driver": "mlx5_core", "min_speed_mbit": 10000}, {"driver": "mlx5_core", "min_speed_mbit": 10000}),
        (["eth0", {"type": "bond"}, "en*"], ["eth0", {"type": "bond"}, "en*"]),
    ],
)
def test_selectors(value: Any, kept: Any) -> None:
    """A selector keeps what it says and nothing else, alone and in a list, and has one word for people."""
    plan = ParameterPlan.model_validate({"iface": value, "changes": {"mtu": 1500}})
    assert plan.dump()["iface"] == kept
    assert ParameterPlan.model_validate(plan.dump()) == plan
    assert len(plan.ifaces) == (len(value) if isinstance(value, list) else 1)
    assert all(word.startswith("{") and word.endswith("}") for word in plan.placeholders)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts may be told to send packets to is what the access file names; nothing is sent here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.access.caller import Caller
from mcp_bridge.access.errors import AccessError
from mcp_bridge.access.host_scope import HostScope
from mcp_bridge.access.models import CallerRule, local_rule
from mcp_bridge.access.probe_targets import check, targets

INVENTORY = "[web]\nw1 ansible_host=10.1.0.1\nw2\n[db]\nd1 ansible_host=10.1.0.9\n"


@pytest.fixture
def hosts(tmp_path: Path) -> HostScope:
    """Three hosts, two of which are open."""
    (tmp_path / "hosts").write_text(INVENTORY, encoding="utf-8")
    return HostScope(str(tmp_path / "hosts"))


@pytest.fixture(scope="module")
def by_way_of_itself(tmp_path_factory: pytest.TempPathFactory) -> HostScope:
    """Hosts that are reached by way of the controller itself."""
    path = tmp_path_factory.mktemp("inventory") / "hosts"
    path.write_text(
        "[web]\nw1 ansible_host=127.0.0.1 ansible_port=2222\nw2 ansible_host=localhost\nw3 ansible_host=::1\n"
        "w4 ansible_host=localhost.localdomain\nw5 ansible_host=fe80::1\nlocalhost ansible_connection=local\n",
        encoding="utf-8",
    )
    return HostScope(str(path))


def caller(**fields: Any) -> Caller:
    """Return a caller who may probe."""
    rule = CallerRule(name="bot", scopes=["read", "probe"], hosts=["web"], **fields)
    return Caller("bot", rule, frozenset(rule.scopes), "")


@pytest.mark.parametrize(
    ("entries", "opened", "closed"),
    [
        (None, ["8.8.8.8", "2001:4860:4860::8888", "w1", "W2.", "10.1.0.1"], ["10.1.0.9", "d1", "example.org", "::1"]),
        (["public"], ["8.8.8.8"], ["w1", "10.1.0.1", "100.64.0.1", "192.0.2.1"]),
        (["10.0.0.0/8", "fd00::/8"], ["10.1.0.9", "fd00::1", "::ffff:10.0.0.1"], ["8.8.8.8", "11.0.0.1"]),
        (["*.example.org", "db1"], ["a.example.org", "DB1"], ["example.org", "db1.example.com", "8.8.8.8"]),
        (["all"], ["127.0.0.1", "anything", "::1"], []),
        ([], [], ["8.8.8.8", "w1"]),
    ],
)
def test_targets(hosts: HostScope, entries: list[str] | None, opened: list[str], closed: list[str]) -> None:
    """Each kind of entry opens what it names, and by default public addresses and one's own hosts are open."""
    asks = caller() if entries is None else caller(probe=entries)
    for target in opened:
        check("ping_host_tool", {"target": target}, asks, hosts)
    for target in closed:
        with pytest.raises(AccessError, match="may not have hosts send packets to"):
            check("ping_host_tool", {"target": target}, asks, hosts)


@pytest.mark.parametrize(
    "target",
    [
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe:a9fe::1",
        "fec0::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "169.254.169.254.",
        "168.63.129.16",
        "100.100.100.200",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1",
        "0",
        "0.0.0.0",  # noqa: S104 - nothing binds to it
        "::",
        "::1",
        "0:0:0:0:0:0:0:1",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "localhost",
        "LOCALHOST.",
        "localhost.localdomain",
        "ip6-localhost",
        "metadata.google.internal",
        "127.0.0.1.nip.io",
    ],
)
def test_no_way_inside(by_way_of_itself: HostScope, target: str) -> None:
    """What is public by its looks alone stays closed, be it a number in another form or a name that may lead there.

    So does what an inventory has for hosts that are reached by way of the controller itself: on each host it is that
    host.
    """
    rule = CallerRule(name="bot", scopes=["read", "probe"], hosts=["all"])
    asks = Caller("bot", rule, frozenset(rule.scopes), "")
    for tool, arguments in (
        ("ping_host_tool", {"target": target}),
        ("measure_network_tool", {"tcp": [f"[{target}]:80" if ":" in target else f"{target}:80"]}),
        ("validate_change_plan_tool", {"parameter_plan": {"validate": {"targets": {"ping": ["8.8.8.8", target]}}}}),
    ):
        with pytest.raises(AccessError, match="may not have hosts send packets to"):
            check(tool, arguments, asks, by_way_of_itself)


def test_the_user_who_started_the_server(hosts: HostScope) -> None:
    """Nothing is closed to that user, who could do so without a server."""
    rule = local_rule()
    check("ping_host_tool", {"target": "127.0.0.1"}, Caller("local", rule, frozenset(rule.scopes), ""), hosts)


@pytest.mark.parametrize(
    ("tool", "arguments", "found"),
    [
        ("measure_network_tool", {"ping": ["a"], "tcp": ["b:1", "[::1]:2"], "iperf": "c"}, {"a", "b", "::1", "c"}),
        ("measure_network_tool", {"ping": '["a"]', "tcp": "b:1"}, {"a", "b"}),
        ("dig_tool", {"target": "a"}, set()),
        (
            "host_query_tool",
            {"queries": [{"query": "traceroute", "target": "a"}, {"query": "dig", "target": "b"}]},
            {"a"},
        ),
        ("host_query_tool", {"queries": [1, {"query": "ping_host"}, {"query": "ping_host", "target": 1}]}, set()),
        ("validate_change_plan_tool", {"parameter_plan": {"validation": {"targets": {"ping": ["a"]}}}}, {"a"}),
        (
            "apply_rendered_plan_tool",
            {"rendered_plan": [{"plan": {"validate": {"targets": {"tcp": ["a:1"], "iperf": "b"}}}}, "0" * 64]},
            {"a", "b"},
        ),
        (
            "apply_rendered_plan_tool",
            {"rendered_plan": {"plan": {"changes": {"shaper": {"adapt": {"reflectors": ["a", "b"]}}}}}},
            {"a", "b"},
        ),
        ("render_change_plan_tool", {"plan": {"changes": {"shaper": [{"adapt": 1}]}}}, set()),
    ],
)
def test_where_targets_are(tool: str, arguments: dict[str, Any], found: set[str]) -> None:
    """Targets are found in arguments, lists of questions and plans, whatever else stands there."""
    assert targets(tool, arguments) == found

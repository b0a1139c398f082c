# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The walk through a plan, where it takes a kernel that few machines have; the rest is tested on a kernel."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._lockout.connection import address, flow_of, has_port, within
from ansible_collections.netopt.linux.plugins.module_utils._lockout.walk import lockout

FLOW: dict[str, Any] = {
    "local_port": 22,
    "remote_addr": "192.0.2.9",
    "remote_port": 51234,
    "local_addr": "192.0.2.1",
    "arrives": ["eth0"],
    "leaves": ["eth0"],
    "source": "192.0.2.1",
    "peers": ["192.0.2.9"],
    "tracked": True,
    "in_use": 400,
    "mtu": 1500,
}
NARROW = {"classid": "1:10", "rate_mbit": 0.01, "match": [{"proto": "tcp"}]}
WIDE = {"classid": "1:20", "rate_mbit": 10}


OTHER_PORT = {"local_port": 2222}  # which netem does not spare


def netem(**fields: Any) -> dict[str, Any]:
    """Return a plan of one impairment."""
    return {"netem": fields}


def mq(per_queue: dict[str, Any]) -> dict[str, Any]:
    """Return a plan of a queue, or a tree, for each TX queue."""
    return {"qdisc": {"type": "mq", "per_queue": per_queue}}


CASES = [
    ({}, {}, []),
    (netem(loss_pct=100), OTHER_PORT, ["netem.loss_pct"]),
    (netem(loss_pct=60), OTHER_PORT, ["netem.loss_pct"]),
    (netem(loss_pct=100), {}, []),
    (netem(loss_pct=100), {"under": ["eth0"], "leaves": ["wg0"]}, ["netem.loss_pct"]),
    (netem(loss_pct=5), OTHER_PORT, []),
    (netem(loss_pct=100, direction="ingress"), OTHER_PORT, ["netem.loss_pct"]),
    (netem(loss_pct=100, direction="ingress"), {}, []),
    (netem(loss_pct=100, direction="ingress", match={"dports": ["22"]}), {}, ["netem.loss_pct"]),
    (netem(loss_pct=100, direction="ingress", match={"src": "198.51.100.0/24"}), OTHER_PORT, []),
    (netem(corrupt_pct=100), OTHER_PORT, ["netem.corrupt_pct"]),
    (netem(loss_pct=40, corrupt_pct=30), OTHER_PORT, ["netem.loss_pct"]),
    (netem(delay_ms=100), {}, []),
    (netem(delay_ms=9000, delay_jitter_ms=2000), OTHER_PORT, ["netem.delay_ms"]),
    (netem(delay_ms=4000), {**OTHER_PORT, "confirm_s": 30}, ["netem.delay_ms"]),
    (netem(delay_ms=4000), {"confirm_s": 300}, []),
    (netem(delay_ms=1000, limit=2), OTHER_PORT, ["netem.limit"]),
    (netem(delay_ms=100, limit=1000), {}, []),
    (netem(loss_pct=100), {"leaves": ["eth1"]}, []),
    (netem(loss_pct=100), {**OTHER_PORT, "leaves": ["br0", "eth0"], "arrives": ["br0"]}, ["netem.loss_pct"]),
    (netem(loss_pct=100, match={"proto": "udp"}), OTHER_PORT, []),
    (netem(loss_pct=100, match={"dst": "192.0.2.0/24"}), OTHER_PORT, ["netem.loss_pct"]),
    (netem(loss_pct=100, match={"dst": "192.0.2.0/24"}), {}, []),
    (netem(loss_pct=100, match={"sports": ["22"]}), {}, ["netem.loss_pct"]),
    (netem(loss_pct=100, match={"proto": "udp"}), {"under": ["eth0"], "leaves": ["wg0"]}, ["netem.loss_pct"]),
    (netem(loss_model={"type": "gemodel", "p_pct": 9, "r_pct": 1}), OTHER_PORT, ["netem.loss_model"]),
    (netem(loss_model={"type": "state", "p13_pct": 1}), OTHER_PORT, []),
    (netem(rate_mbit=0.01), OTHER_PORT, ["netem.rate_mbit"]),
    ({**netem(loss_pct=100, classes=["1:20"]), "htb_classes": [WIDE]}, {}, []),
    (
        {**netem(loss_pct=100, classes=["1:20"]), "htb_classes": [{**WIDE, "match": [{"sports": ["22"]}]}]},
        {},
        ["netem.loss_pct"],
    ),
    (mq({"type": "tbf", "params": {"rate_mbit": 0.01}}), {}, ["qdisc.per_queue.params.rate_mbit"]),
    (mq({"type": "htb", "htb_classes": [NARROW]}), {}, ["qdisc.per_queue.htb_classes[0]"]),
    (mq({"type": "htb", "htb_classes": [WIDE]}), {}, []),
    (mq({"type": "fq"}), {}, []),
    ({"connection_tracking": {"max_connections": 400}}, {}, ["connection_tracking.max_connections"]),
    ({"connection_tracking": {"max_connections": 499}}, {}, ["connection_tracking.max_connections"]),
    ({"connection_tracking": {"max_connections": 500}}, {}, []),
    ({"connection_tracking": {"max_connections": 65}}, {"in_use": 2}, ["connection_tracking.max_connections"]),
    ({"connection_tracking": {"max_connections": 66}}, {"in_use": 2}, []),
    (
        {"sysctl": {"net.netfilter.nf_conntrack_max": "8"}},
        {},
        ["sysctl.net.netfilter.nf_conntrack_max"],
    ),
    ({"connection_tracking": {"max_connections": 40}}, {"in_use": 0}, []),
    (
        {"connection_tracking": {"drop_invalid": True}},
        {"tracked": False, "picked_up": False},
        ["connection_tracking.drop_invalid"],
    ),
    ({"connection_tracking": {"drop_invalid": True}}, {"picked_up": False}, []),
    ({"connection_tracking": {"drop_invalid": True}}, {"tracked": False}, []),
    ({"connection_tracking": {"drop_invalid": True}}, {"tracked": None, "picked_up": False}, []),
    ({"nat_rules": [{"type": "dnat", "to_port": "22", "port": "2222"}]}, {"sent_to_port": 2222}, []),
    ({"nat_rules": [{"type": "dnat", "to_port": "22", "port": "22"}]}, {"sent_to_port": 2222}, []),
    ({"nat_rules": [{"type": "dnat", "to_port": "80", "port": "2222"}]}, {"sent_to_port": 2222}, ["nat_rules[0]"]),
    ({"nat_rules": [{"type": "dnat", "to_port": "80", "port": "22"}]}, {"sent_to_port": 2222}, []),
    ({"nat_rules": [{"type": "dnat", "to_addr": "192.0.2.1"}]}, {"sent_to_port": 2222}, ["nat_rules[0]"]),
    ({"qdisc": {"type": "fq", "params": {"maxrate_mbit": 0.01}}}, {}, ["qdisc.params.maxrate_mbit"]),
    ({"qdisc": {"type": "cake", "params": {"bandwidth_mbit": 0.01}}}, {}, ["qdisc.params.bandwidth_mbit"]),
    ({"qdisc": {"type": "fq_codel", "params": {"limit": 1000}}}, {}, []),
    ({"htb_classes": [NARROW, WIDE]}, {}, ["htb_classes[0]"]),
    ({"htb_classes": [{**NARROW, "match": [{"fwmark": 7}]}, WIDE]}, {}, []),
    ({"htb_classes": [{**NARROW, "match": [{"dscp": 18}]}, WIDE]}, {}, ["htb_classes[0]"]),
    ({"htb_classes": [{**NARROW, "match": [{"dports": ["51234"]}]}, WIDE]}, {}, ["htb_classes[0]"]),
    ({"htb_classes": [{**NARROW, "match": [{"dports": ["443"]}]}, WIDE]}, {}, []),
    ({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1}]}, {}, ["connection_limits[0]"]),
    ({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1}]}, {"arrives": ["lo"]}, []),
    ({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1}]}, {"remote_addr": "UNKNOWN"}, []),
    (
        {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 0.01, "match": [{"dports": ["22"]}]}]}},
        {},
        ["ingress.htb_classes[0]"],
    ),
    (
        {"ingress": {"htb_classes": [{"classid": "1:10", "rate_mbit": 0.01, "match": [{"sports": ["22"]}]}]}},
        {},
        [],
    ),
    ({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1, "src": ["10.0.0.0/8"]}]}, {}, []),
    ({"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 1, "except": ["192.0.2.0/24"]}]}, {}, []),
    ({"rate_limits": [{"rate": "1/minute"}]}, {"confirm_s": 30}, ["rate_limits[0]"]),
    ({"rate_limits": [{"rate": "1/minute", "except": ["192.0.2.0/24"]}]}, {"confirm_s": 30}, []),
    ({"rate_limits": [{"rate": "1/minute", "src": ["192.0.2.0/24"]}]}, {"confirm_s": 30}, ["rate_limits[0]"]),
    ({"rate_limits": [{"rate": "1/minute"}]}, {}, []),
]


@pytest.mark.parametrize(("changes", "facts", "expected"), CASES)
def test_lockout(changes: dict[str, Any], facts: dict[str, Any], expected: list[str]) -> None:
    """What would block or starve the session is named by its path, and nothing else is."""
    known = {**FLOW, **facts}
    found = lockout(changes, ("eth0",), known, confirm_s=known.pop("confirm_s", None))
    assert [issue["path"] for issue in found] == [f"changes.{path}" for path in expected]
    for issue in found:
        assert set(issue) == {"id", "path", "message", "severity", "hint"}
        assert "192.0.2.9 port 51234" in issue["message"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("fe80::1%eth0", "fe80::1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("UNKNOWN", "None"), (None, "None")],
)
def test_address(text: str | None, expected: str) -> None:
    """Zones and mapped addresses are read as what they stand for."""
    assert str(address(text)) == expected


def test_no_session_is_no_flow() -> None:
    """Without a session, or with one of two families, there is nothing to walk."""
    assert flow_of(None) is None
    assert flow_of({**FLOW, "local_addr": "2001:db8::1"}) is None


@pytest.mark.parametrize(
    ("port", "ranges", "expected"),
    [(22, [], True), (None, [], True), (22, ["20-30"], True), (22, [443, "22"], True), (22, ["23"], False)],
)
def test_has_port(port: int | None, ranges: list[Any], *, expected: bool) -> None:
    """No range means every port; an unknown port is in no range."""
    assert has_port(port, ranges) is expected
    assert has_port(None, [22]) is False


def test_within_is_of_one_family() -> None:
    """An IPv4 address is in no IPv6 prefix."""
    found = address("192.0.2.1")
    assert found is not None
    assert within(found, None)
    assert within(found, "192.0.2.0/24")
    assert not within(found, "::/0")

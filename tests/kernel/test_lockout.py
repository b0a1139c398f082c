# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the walk says of a plan is what the kernel does with the controller's next connection."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._transaction.refuse_lockout import refuse_lockout
from tests.kernel.lockout_lab import CONTROLLER, ELSEWHERE, HOST, NEIGHBOUR, OTHER, PORT, WITHIN_S, Site, hears, works
from tests.kernel.nft_namespaces import run

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

ROOT = Path(__file__).resolve().parents[2]
LIMIT = {"protocol": "tcp", "port": PORT, "mask": 32}
NARROW = {"classid": "1:10", "rate_mbit": 0.008, "ceil_mbit": 0.008}
WIDE = {"classid": "1:20", "rate_mbit": 100}
SSH = [{"proto": "tcp", "sports": [str(PORT)]}]
TRACKING = """table inet other {
    chain input {
        type filter hook input priority 0
        ct state new counter
    }
}
"""
TBF = {"rate_mbit": 100, "burst_bytes": 5000, "latency_ms": 50}


@dataclass(frozen=True)
class Case:
    """One plan.

    Attributes:
        changes: what it changes on eth0.
        refused: the path that the walk names, ``None`` when the plan may be applied.
        family: of the management connection.
        open: how many connections the controller's site has open, the session that applies the plan included.
        source: where the others of those come from.
        used: how many connections came and went after the change: what is left of a burst.
        cuts: the session in use is what suffers, not a new one.
        tracked: the kernel tracked connections before the session began.
    """

    changes: dict[str, Any]
    refused: str | None = None
    family: int = 4
    open: int = 1
    source: str | None = None
    used: int = 0
    cuts: bool = False
    tracked: bool = False


def limits(**fields: Any) -> dict[str, Any]:
    """Return a plan of one connection limit."""
    return {"connection_limits": [{**LIMIT, **fields}]}


def rates(rate: str, **fields: Any) -> dict[str, Any]:
    """Return a plan of one rate limit."""
    return {"rate_limits": [{"rate": rate, **fields}]}


def nat(**fields: Any) -> dict[str, Any]:
    """Return a plan of one translation."""
    return {"nat_rules": [fields]}


def classes(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a plan of classes."""
    return {"htb_classes": list(entries), **more}


FIRST_LIMIT, FIRST_RATE, FIRST_NAT = "changes.connection_limits[0]", "changes.rate_limits[0]", "changes.nat_rules[0]"
NETWORK = {4: 24, 6: 32}
CASES = {
    "limit of none": Case(limits(limit=0), FIRST_LIMIT),
    "limit of one": Case(limits(limit=1), FIRST_LIMIT),
    "limit of one, dropped": Case(limits(limit=1, action="drop"), FIRST_LIMIT),
    "limit of two": Case(limits(limit=2)),
    "limit of five": Case(limits(limit=5)),
    "limit of five, four open": Case(limits(limit=5), open=4),
    "limit of five, five open": Case(limits(limit=5), FIRST_LIMIT, open=5),
    "limit of two, others of the prefix": Case(limits(limit=2, mask=24), FIRST_LIMIT, open=3, source=NEIGHBOUR[4]),
    "limit of two, others of other addresses": Case(limits(limit=2), open=3, source=NEIGHBOUR[4]),
    "limit of one on another port": Case(limits(limit=1, port=80)),
    "limit of one for udp": Case(limits(limit=1, protocol="udp")),
    "limit of one, IPv6": Case(limits(limit=1), FIRST_LIMIT, family=6),
    "limit of two, IPv6": Case(limits(limit=2), family=6),
    "limit of two, IPv6, others of the prefix": Case(
        limits(limit=2), FIRST_LIMIT, family=6, open=3, source=NEIGHBOUR[6]
    ),
    "second limit is the smaller": Case(
        {"connection_limits": [{**LIMIT, "limit": 9}, {**LIMIT, "limit": 1}]}, "changes.connection_limits[1]"
    ),
    "a rate that refills in time": Case(rates("60/minute", burst=1), used=3),
    "a rate of one an hour, used up": Case(rates("1/hour", burst=2), FIRST_RATE, used=4),
    "a rate of one an hour for each source": Case(rates("1/hour", burst=2, per_source=True), FIRST_RATE, used=4),
    "a rate of one an hour, used up by others": Case(
        rates("1/hour", burst=2, port=PORT), FIRST_RATE, used=4, source=NEIGHBOUR[4]
    ),
    "a rate of one an hour, for each of the others": Case(
        rates("1/hour", burst=2, port=PORT, protocol="tcp"), FIRST_RATE, used=4, source=NEIGHBOUR[4]
    ),
    "a rate of one an hour on another port": Case(rates("1/hour", burst=1, port=80, protocol="tcp"), used=3),
    "a rate of one an hour for udp": Case(rates("1/hour", burst=1, protocol="udp"), used=3),
    "a thousand a second": Case(rates("1000/second", burst=50), used=20),
    "ten packets a second": Case(rates("10/second", per="packets"), FIRST_RATE),
    "ten packets a second on another port": Case(rates("10/second", per="packets", protocol="tcp", port=80)),
    "ten packets a second, established first": Case(
        {**rates("10/second", per="packets"), "connection_tracking": {"accept_established": True}}, FIRST_RATE
    ),
    "ten thousand packets a second": Case(rates("10000/second", per="packets", burst=1000)),
    "known connections not accepted first": Case(
        {**limits(limit=5), "connection_tracking": {"accept_established": False, "drop_invalid": True}}
    ),
    "what is invalid dropped": Case({"connection_tracking": {"drop_invalid": True}}),
    "port sent away": Case(nat(type="dnat", protocol="tcp", port=PORT, to_addr=ELSEWHERE), FIRST_NAT),
    "everything sent away": Case(nat(type="dnat", to_addr=ELSEWHERE), FIRST_NAT),
    "port redirected": Case(nat(type="dnat", protocol="tcp", port=PORT, to_port="2223"), FIRST_NAT),
    "port redirected to itself": Case(nat(type="dnat", protocol="tcp", port=PORT, to_port=str(PORT))),
    "port sent to the address that it has": Case(
        nat(type="dnat", protocol="tcp", port=PORT, to_addr=HOST[4], to_port=str(PORT))
    ),
    "a range that holds the port sent away": Case(
        nat(type="dnat", protocol="tcp", port="2000-3000", to_addr=ELSEWHERE), FIRST_NAT
    ),
    "another port sent away": Case(nat(type="dnat", protocol="tcp", port=80, to_addr=ELSEWHERE)),
    "sent away for others only": Case(
        nat(type="dnat", protocol="tcp", port=PORT, src="198.51.100.0/24", to_addr=ELSEWHERE)
    ),
    "sent away for the controller": Case(
        nat(type="dnat", protocol="tcp", port=PORT, src=f"{CONTROLLER[4]}/32", to_addr=ELSEWHERE), FIRST_NAT
    ),
    "sent away on another interface": Case(
        nat(type="dnat", iface="eth1", port=PORT, protocol="tcp", to_addr=ELSEWHERE)
    ),
    "sent away behind a rule that keeps it": Case(
        {
            "nat_rules": [
                {"type": "dnat", "protocol": "tcp", "port": PORT, "to_port": str(PORT)},
                {"type": "dnat", "to_addr": ELSEWHERE},
            ]
        }
    ),
    "sent away, IPv6": Case(nat(type="dnat", protocol="tcp", port=PORT, to_port="2223"), FIRST_NAT, family=6),
    "sent away, IPv4 only": Case(nat(type="dnat", protocol="tcp", port=PORT, to_addr=ELSEWHERE), family=6),
    "source rewritten, session older than tracking": Case(nat(type="snat", to_addr="192.0.2.7"), FIRST_NAT, cuts=True),
    "source rewritten, session tracked": Case(nat(type="snat", to_addr="192.0.2.7"), cuts=True, tracked=True),
    "source rewritten to itself": Case(nat(type="snat", to_addr=HOST[4]), cuts=True),
    "masqueraded by its own address": Case(nat(type="masquerade"), cuts=True),
    "masqueraded on another interface": Case(nat(type="masquerade", iface="eth1"), cuts=True),
    "source rewritten for others": Case(nat(type="snat", to_addr="192.0.2.7", dst="198.51.100.0/24"), cuts=True),
    "MTU too small for IPv6": Case({"mtu": 1279}, "changes.mtu", family=6),
    "smallest MTU for IPv6": Case({"mtu": 1280}, family=6),
    "small MTU over IPv4": Case({"mtu": 576}),
    "shaped to 8 kbit/s": Case({"shaper": {"egress_mbit": 0.008}}, "changes.shaper.egress_mbit"),
    "shaped to 1 Mbit/s": Case({"shaper": {"egress_mbit": 1}}),
    "shaped to 1 Mbit/s both ways": Case({"shaper": {"egress_mbit": 1, "ingress_mbit": 1}}),
    "requests shaped to 4 kbit/s": Case({"shaper": {"ingress_mbit": 0.004}}, "changes.shaper.ingress_mbit"),
    "tbf of 8 kbit/s": Case(
        {"qdisc": {"type": "tbf", "params": {**TBF, "rate_mbit": 0.008}}}, "changes.qdisc.params.rate_mbit"
    ),
    "tbf of 100 Mbit/s": Case({"qdisc": {"type": "tbf", "params": TBF}}),
    "tbf that drops full packets": Case(
        {"qdisc": {"type": "tbf", "params": {**TBF, "burst_bytes": 1200}}, "offloads": {"tso": False, "gso": False}},
        "changes.qdisc.params.burst_bytes",
    ),
    "bfifo that drops full packets": Case(
        {"qdisc": {"type": "bfifo", "params": {"limit_bytes": 1200}}, "offloads": {"tso": False, "gso": False}},
        "changes.qdisc.params.limit_bytes",
    ),
    "bfifo of 100 kB": Case({"qdisc": {"type": "bfifo", "params": {"limit_bytes": 100000}}}),
    "pfifo of nothing": Case({"qdisc": {"type": "pfifo", "params": {"limit": 0}}}, "changes.qdisc.params.limit"),
    "class by port": Case(classes({**NARROW, "match": SSH}, WIDE), "changes.htb_classes[0]"),
    "class by port, behind a wide one": Case(classes({**WIDE, "match": SSH}, {**NARROW, "match": SSH}), None),
    "class by the controller's network": Case(
        classes(WIDE, {**NARROW, "match": [{"dst": "192.0.2.0/24"}]}), "changes.htb_classes[1]"
    ),
    "class by another network": Case(classes({**NARROW, "match": [{"dst": "198.51.100.0/24"}]}, WIDE)),
    "class by another port": Case(classes({**NARROW, "match": [{"proto": "tcp", "sports": ["443"]}]}, WIDE)),
    "class for udp": Case(classes({**NARROW, "match": [{"proto": "udp"}]}, WIDE)),
    "class by port, IPv6": Case(classes({**NARROW, "match": SSH}, WIDE), "changes.htb_classes[0]", family=6),
    "default class is narrow": Case(classes(NARROW, WIDE, default_class="1:10"), "changes.htb_classes[0]"),
    "default class is wide": Case(classes(NARROW, WIDE, default_class="1:20")),
    "no default class": Case(classes(NARROW, WIDE)),
    "narrow below a wide one": Case(
        classes(WIDE, {**NARROW, "parent": "1:20", "match": SSH}), "changes.htb_classes[1]"
    ),
    "wide below a narrow one": Case(
        classes(
            NARROW,
            {"classid": "1:30", "parent": "1:10", "rate_mbit": 0.008, "ceil_mbit": 100, "match": SSH},
        ),
        "changes.htb_classes[1]",
    ),
    "match of an inner class falls to the default": Case(
        classes({**NARROW, "match": SSH}, {**NARROW, "classid": "1:30", "parent": "1:10"}, WIDE, default_class="1:20")
    ),
    "class by a code point that the plan sets": Case(
        {
            **classes({**NARROW, "match": [{"dscp": 46}]}, WIDE),
            "dscp": [{"match": {"proto": "tcp", "sports": [str(PORT)]}, "dscp": 46}],
        },
        "changes.htb_classes[0]",
    ),
    "class by a code point that the plan sets for others": Case(
        {
            **classes({**NARROW, "match": [{"dscp": 46}]}, WIDE),
            "dscp": [{"match": {"proto": "tcp", "sports": ["443"]}, "dscp": 46}],
        },
    ),
    "class with a leaf that drops full packets": Case(
        {
            **classes({**WIDE, "match": SSH, "leaf": {"type": "bfifo", "params": {"limit_bytes": 1200}}}),
            "offloads": {"tso": False, "gso": False},
        },
        "changes.htb_classes[0].leaf.params.limit_bytes",
    ),
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test opens."""
    with ExitStack() as found:
        yield found


def connects(site: Site, case: Case) -> bool:
    """Return whether the controller gets a new session that works, in time, with the others of its site open.

    Its time begins once those others have had theirs: what they take of it says nothing of the rule.
    """
    for _used in range(case.used):
        with suppress(OSError):
            site.connect(case.source, timeout=0.3).close()
    for _other in range(case.open - 1):
        with suppress(OSError):
            site.connect(case.source, timeout=1)
    with suppress(OSError):
        site.connect(timeout=1)  # the session itself, made again under the rules
    ends = time.monotonic() + WITHIN_S
    while time.monotonic() < ends:
        try:
            session = site.connect(timeout=max(0.01, ends - time.monotonic()))
        except ConnectionRefusedError:
            if case.used == 0:
                return False
            time.sleep(0.1)  # a bucket fills as time goes by, and nothing tells when
        except OSError:
            return False
        else:
            return works(session, ends=ends)
    return False


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_walk_agrees_with_the_kernel(stack: ExitStack, case: Case) -> None:
    """A plan that is refused does keep the next session out, one that may be applied does not."""
    site = Site(stack, case.family)
    if case.tracked:
        with site.host.inside():
            run("nft -f -", stdin=TRACKING)
    session = site.connect()
    assert works(session, ends=time.monotonic() + WITHIN_S)
    others = [site.connect(case.source) for _other in range(case.open - 1)]
    issues = site.walk(case.changes, session)
    assert [issue["path"] for issue in issues[:1]] == ([case.refused] if case.refused else [])
    for issue in issues:
        assert issue["severity"] == "error"
        assert str(CONTROLLER[case.family]) in issue["message"]
        assert f"port {PORT}" in issue["message"]
        assert issue["hint"]
    if case.cuts:
        session.sendall(b"w")
        assert site.asked.wait(WITHIN_S)
    site.load(case.changes)
    if case.cuts:
        site.speak.set()
        ends = time.monotonic() + 2
        survives = hears(session, ends=ends) and works(session, ends=ends)
    else:
        for one in others:
            one.close()
        survives = connects(site, case)
    assert survives is (case.refused is None)


def test_a_change_on_another_interface_is_nobodys_business(stack: ExitStack) -> None:
    """What holds for eth1 does not concern a session that comes by eth0."""
    site = Site(stack)
    session = site.connect()
    changes = {**limits(limit=0), "shaper": {"egress_mbit": 0.008}, **rates("1/day")}
    assert site.walk(changes, session, "eth1") == []
    site.load(changes, "eth1")
    assert works(site.connect(), ends=time.monotonic() + WITHIN_S)


def test_the_way_through_the_host_is_found(stack: ExitStack) -> None:
    """The fact names the interface by which a session comes, also where its address is on another one."""
    site = Site(stack)
    plain = site.facts(site.connect())["management"]
    assert (plain["arrives"], plain["leaves"], plain["mtu"]) == (["eth0"], ["eth0"], 1500)
    assert (plain["peers"], plain["tracked"], plain["source"]) == ([CONTROLLER[4]], False, HOST[4])
    with site.controller.inside():
        run(f"ip route add {OTHER}/32 via {HOST[4]}")
    crooked = site.facts(site.connect(to=OTHER))["management"]
    assert sorted(crooked["arrives"]) == ["eth0", "eth1"]
    assert crooked["peers"] == [CONTROLLER[4]] * 2


def test_a_module_of_one_subsystem_refuses_as_well(stack: ExitStack) -> None:
    """Options that would keep the session out are refused like a plan; options that were not set say nothing."""
    site = Site(stack)
    facts = site.facts(site.connect())
    unset = {"rate_limits": None, "nat_rules": None, "connection_tracking": None}
    with site.host.inside():
        with pytest.raises(NetoptError, match="limit of 1 would refuse") as refused:
            refuse_lockout({**unset, "connection_limits": [{**LIMIT, "limit": 1, "action": None}]}, ("eth0",), facts)
        refuse_lockout({**unset, "connection_limits": [{**LIMIT, "limit": 5, "mask": None}]}, ("eth0",), facts)
        refuse_lockout(unset, ("eth0",), facts)
    assert (refused.value.stage, refused.value.key) == ("plan", "connection_limits[0]")


@pytest.mark.parametrize("between", [["env", "-i"], ["sh", "-c", 'env -i "$@"; true', "sh"]])
def test_the_session_is_known_behind_sudo(between: list[str]) -> None:
    """Where the environment was emptied on the way, as sudo does, an ancestor still knows the session."""
    asked = [sys.executable, "-m", "tests.kernel.ssh_connection_program"]
    words = ["sh", "-c", '"$@"; true', "sh", *between, *asked]
    environment = {**os.environ, "SSH_CONNECTION": "192.0.2.2 51234 192.0.2.1 2222"}
    done = subprocess.run(words, env=environment, capture_output=True, check=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "192.0.2.2 51234 192.0.2.1 2222"


def bridged(site: Site) -> None:
    """Make eth1 a port of a bridge on both sides."""
    for namespace, last in ((site.host, 1), (site.controller, 2)):
        with namespace.inside():
            run("ip link add br0 type bridge")
            run("ip addr flush dev eth1")
            run("ip link set eth1 master br0")
            run(f"ip addr add 198.51.100.{last}/24 dev br0")
            run("ip link set br0 up")


BY_PORT = classes({**NARROW, "match": SSH}, WIDE)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [(BY_PORT, True), (classes({**WIDE, "match": SSH}, NARROW, default_class="1:10"), False), (limits(limit=0), False)],
)
def test_queues_below_a_bridge(stack: ExitStack, changes: dict[str, Any], *, refused: bool) -> None:
    """A session by a bridge passes the queues of its port, and the firewall knows it by the bridge's name alone."""
    site = Site(stack)
    bridged(site)
    with site.controller.inside():
        session = stack.enter_context(socket.socket())
        again = stack.enter_context(socket.socket())
    for one in (session, again):
        one.settimeout(WITHIN_S)
    session.connect((OTHER, PORT))
    found = site.facts(session)["management"]
    assert (found["arrives"], found["leaves"]) == (["br0"], ["br0", "eth1"])
    assert bool(site.walk(changes, session, "eth1")) is refused
    site.load(changes, "eth1")
    again.connect((OTHER, PORT))
    assert works(again, ends=time.monotonic() + WITHIN_S) is not refused


def test_queues_below_a_vlan(stack: ExitStack) -> None:
    """Below a VLAN filters see the packets with their tag, and find their class all the same."""
    site = Site(stack)
    for namespace, last in ((site.host, 1), (site.controller, 2)):
        with namespace.inside():
            try:
                run("ip link add link eth1 name eth1.7 type vlan id 7")
            except AssertionError:
                pytest.skip("this kernel has no VLANs")
            run(f"ip addr add 10.0.0.{last}/24 dev eth1.7")
            run("ip link set eth1.7 up")
    with site.controller.inside():
        session = stack.enter_context(socket.socket())
        again = stack.enter_context(socket.socket())
    session.connect(("10.0.0.1", PORT))
    found = site.facts(session)["management"]
    assert (found["arrives"], found["leaves"]) == (["eth1.7"], ["eth1.7", "eth1"])
    assert site.walk(BY_PORT, session, "eth1")
    site.load(BY_PORT, "eth1")
    again.connect(("10.0.0.1", PORT))
    assert works(again, ends=time.monotonic() + WITHIN_S)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class that each kind of packet meets, with filters as a small plan has them."""

from __future__ import annotations

import itertools
import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.effects.frames import DESTINATION, FRAGMENT, HOP_BY_HOP, ROUTER_ALERT, ROUTING, Frame
from tests.effects.tc_host import IFACE, THERE, Host
from tests.kernel.nft_namespaces import run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

PORT = 7000
MET, REST = "1:10", "1:fffe"
DPORT = {"proto": "udp", "dports": [str(PORT)]}
SPORT = {"sports": ["37892"]}  # 0x9404, what the router alert option begins with
EACH = 10

ROWS: dict[str, tuple[dict[str, Any], Frame, str]] = {
    "a port": (DPORT, Frame(), MET),
    "another port": (DPORT, Frame(dport=1), REST),
    "a port over IPv6": (DPORT, Frame(6), MET),
    "another port over IPv6": (DPORT, Frame(6, dport=1), REST),
    "sctp, where no protocol is named": ({"dports": ["7000"]}, Frame(proto="sctp"), MET),
    "sctp over IPv6, where no protocol is named": ({"dports": ["7000"]}, Frame(6, proto="sctp"), MET),
    "icmp, where no protocol is named": ({"sports": ["40000"]}, Frame(proto="icmp"), REST),
    "IP options": (DPORT, Frame(options=ROUTER_ALERT[4]), MET),
    "all IP options": (DPORT, Frame(options=bytes(40)), MET),
    "IP options that look like a port": (SPORT, Frame(sport=1111, options=ROUTER_ALERT[4]), REST),
    "a port behind IP options": ({"sports": ["1111"]}, Frame(sport=1111, options=ROUTER_ALERT[4]), MET),
    "hop-by-hop options": (DPORT, Frame(6, extension=HOP_BY_HOP), MET),
    "a routing header": (DPORT, Frame(6, extension=ROUTING), MET),
    "destination options": (DPORT, Frame(6, extension=DESTINATION), MET),
    "a protocol behind an extension header": ({"proto": "udp"}, Frame(6, extension=HOP_BY_HOP), MET),
    "another protocol behind an extension header": ({"proto": "tcp"}, Frame(6, extension=HOP_BY_HOP), REST),
    "another port behind an extension header": (DPORT, Frame(6, dport=1, extension=DESTINATION), REST),
    "a first fragment": (DPORT, Frame(), MET),
    "a first fragment over IPv6": (DPORT, Frame(6, extension=FRAGMENT), MET),
    "a later fragment, by a port": (DPORT, Frame(offset=100), REST),
    "a later fragment, by a port, over IPv6": (DPORT, Frame(6, extension=FRAGMENT, offset=100), REST),
    "a later fragment, by an address": ({"dst": f"{THERE[4]}/32"}, Frame(offset=100), MET),
    "a later fragment, by an address, over IPv6": (
        {"dst": f"{THERE[6]}/128"},
        Frame(6, extension=FRAGMENT, offset=100),
        MET,
    ),
    "a later fragment, by a code point": ({"dscp": 46}, Frame(6, extension=FRAGMENT, offset=100, dscp=46), MET),
    "a length, header included": ({"max_length": 84}, Frame(), MET),
    "a greater length": ({"max_length": 83}, Frame(), REST),
    "a length over IPv6": ({"max_length": 104, **DPORT}, Frame(6), MET),
    "a greater length over IPv6": ({"max_length": 103, **DPORT}, Frame(6), REST),
    "a length over IPv6, tagged": ({"max_length": 104}, Frame(6, tags=("802.1Q",)), MET),
    "flags of TCP": ({"tcp_flags": ["ack", "!syn"]}, Frame(proto="tcp", flags=0x18), MET),
    "other flags of TCP": ({"tcp_flags": ["ack", "!syn"]}, Frame(proto="tcp", flags=0x12), REST),
    "flags of TCP over IPv6": ({"tcp_flags": ["syn"], "dports": ["7000"]}, Frame(6, proto="tcp", flags=2), MET),
    "flags of TCP behind IP options": (
        {"tcp_flags": ["syn"]},
        Frame(proto="tcp", flags=2, options=ROUTER_ALERT[4]),
        MET,
    ),
    "flags of TCP in a later fragment": ({"tcp_flags": ["syn"]}, Frame(proto="tcp", flags=2, offset=100), REST),
    "no flags of UDP": ({"tcp_flags": ["!syn"]}, Frame(), REST),
    "a VLAN, by a port": (DPORT, Frame(tags=("802.1Q",)), MET),
    "a VLAN, by a port, over IPv6": (DPORT, Frame(6, tags=("802.1Q",)), MET),
    "a VLAN, by another port": (DPORT, Frame(dport=1, tags=("802.1Q",)), REST),
    "a VLAN, by a source port": ({"sports": ["40000"]}, Frame(tags=("802.1Q",)), MET),
    "a VLAN, by a source": ({"src": "192.0.2.0/24"}, Frame(tags=("802.1Q",)), MET),
    "a VLAN, by a destination": ({"dst": "2001:db8::2/128"}, Frame(6, tags=("802.1Q",)), MET),
    "a VLAN, by a protocol": ({"proto": "icmp"}, Frame(proto="icmp", tags=("802.1Q",)), MET),
    "a VLAN, by a code point": ({"dscp": 46}, Frame(dscp=46, tags=("802.1Q",)), MET),
    "a VLAN, by a range of ports": ({"dports": ["6990-7010"]}, Frame(proto="tcp", tags=("802.1Q",)), MET),
    "a VLAN and IP options": (DPORT, Frame(tags=("802.1Q",), options=ROUTER_ALERT[4]), MET),
    "a VLAN and an extension header": (DPORT, Frame(6, tags=("802.1Q",), extension=HOP_BY_HOP), MET),
    "a VLAN of a provider": (DPORT, Frame(tags=("802.1ad",)), MET),
    "a VLAN in a VLAN": (DPORT, Frame(tags=("802.1ad", "802.1Q")), MET),
}


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a host and close all that was opened in it."""
    with ExitStack() as stack:
        yield Host(stack)


def plan(*matches: dict[str, Any]) -> dict[str, Any]:
    """Return changes with a shaper and one class for each match, 1:10, 1:20 and so on."""
    classes = [
        {"classid": f"1:{number + 1}0", "rate_mbit": 50, "match": [match]} for number, match in enumerate(matches)
    ]
    return {"shaper": {"egress_mbit": 200}, "htb_classes": classes}


def classes_of(host: Host, one: Frame) -> set[str]:
    """Return the classes that a frame falls into when it leaves by the interface, sent several times."""
    before = host.sent()
    with host.here.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
        made.bind((IFACE, 0))
        for _ in range(EACH):
            made.send(one.packed)

    def fell() -> set[str]:
        after = host.sent()
        return {name for name in after if after[name][1] - before[name][1] >= EACH and name != "1:1"}

    return until(fell, 10, "the frames have left")


@pytest.mark.parametrize(("match", "one", "expected"), ROWS.values(), ids=ROWS.keys())
def test_class(host: Host, match: dict[str, Any], one: Frame, expected: str) -> None:
    """A packet falls into the class of a match that it fits, else into that of the rest."""
    host.apply(plan(match))
    assert classes_of(host, one) == {expected}


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(made, id=name)
        for name, made in {
            "plain": Frame(6),
            "tagged": Frame(6, tags=("802.1Q",)),
            "extended": Frame(6, extension=DESTINATION),
            "both": Frame(6, tags=("802.1Q",), extension=HOP_BY_HOP),
        }.items()
    ],
)
def test_the_first_match_counts(host: Host, one: Frame) -> None:
    """Of two matches that a packet fits, the plan's first has it, whatever stands ahead of its ports."""
    by_port, by_address = DPORT, {"dst": f"{THERE[6]}/128"}
    host.apply(plan(by_port, by_address))
    assert classes_of(host, one) == {MET}
    host.apply(plan(by_address, by_port))
    assert classes_of(host, one) == {MET}


def test_the_first_match_counts_in_a_tree(host: Host) -> None:
    """Of two matches that a packet fits, the plan's first has it, though its class is further from the root."""
    inner = {"classid": "1:2", "rate_mbit": 50}
    first = {"classid": MET, "parent": "1:2", "rate_mbit": 50, "match": [DPORT]}
    second = {"classid": "1:20", "rate_mbit": 50, "match": [{"dst": f"{THERE[4]}/32"}]}
    host.apply({"shaper": {"egress_mbit": 200}, "htb_classes": [inner, first, second]})
    assert MET in classes_of(host, Frame())


EVERYWHERE: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "a port": (DPORT, {}, {"dport": 1}),
    "a source port": ({"sports": ["1111"]}, {"sport": 1111}, {}),
    "a range of ports": ({"dports": ["6990-7010"]}, {"proto": "tcp"}, {"proto": "tcp", "dport": 7011}),
    "several ports": ({"proto": "sctp", "dports": ["53", "7000"]}, {"proto": "sctp"}, {}),
    "a protocol": ({"proto": "tcp"}, {"proto": "tcp"}, {"proto": "sctp"}),
    "a code point": ({"dscp": 46}, {"dscp": 46}, {"dscp": 44}),
    "flags": ({"tcp_flags": ["syn", "!ack"]}, {"proto": "tcp", "flags": 2}, {"proto": "tcp", "flags": 18}),
    "a code point and a port": ({"dscp": 46, **DPORT}, {"dscp": 46}, {"dscp": 46, "dport": 1}),
}
TAGGED: dict[str, tuple[str, ...]] = {
    "plain": (),
    "a VLAN": ("802.1Q",),
    "a provider's VLAN": ("802.1ad",),
    "two VLANs": ("802.1ad", "802.1Q"),
}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(("match", "met", "other"), EVERYWHERE.values(), ids=EVERYWHERE.keys())
def test_class_whatever_stands_ahead(
    host: Host, match: dict[str, Any], met: dict[str, Any], other: dict[str, Any], family: int
) -> None:
    """With tags, options and extension headers ahead of it, what fits falls into the class, and nothing else does."""
    host.apply(plan(match))
    ahead: dict[str, Any] = {"options": ROUTER_ALERT[4]} if family == 4 else {"extension": DESTINATION}
    wrong = {
        (name, bool(more), expected): found
        for (name, tags), more in itertools.product(TAGGED.items(), ({}, ahead))
        for fields, expected in ((met, MET), (other, REST))
        if (found := classes_of(host, Frame(family, tags=tags, **more, **fields))) != {expected}
    }
    assert wrong == {}


def test_by_a_macvlan_on_top(host: Host) -> None:
    """What a macvlan on top of the interface sends falls into the class of its port."""
    host.apply(plan(DPORT))
    with host.here.inside():
        run(f"ip link add link {IFACE} name mac0 type macvlan mode bridge")
        run("ip link set mac0 up")
        run("ip addr add 198.51.100.1/24 dev mac0")
        run("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev mac0")
        made = host.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    before = host.sent()
    for _ in range(EACH):
        made.sendto(b"x", ("198.51.100.2", PORT))
    until(lambda: host.sent()[MET][1] - before[MET][1] >= EACH, 10, "the datagrams have left by their class")


def test_many_filters_need_several_tables(host: Host) -> None:
    """A packet finds its class behind more filters than one table holds."""
    match = {"sports": ["1-65534"], "dports": ["1-65534"]}
    host.apply(plan({**match, "proto": "tcp"}, {**match, "proto": "sctp"}, {**match, "proto": "udp"}))
    for family in (4, 6):
        for tags in ((), ("802.1Q",)):
            assert classes_of(host, Frame(family, proto="udp", tags=tags)) == {"1:30"}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class that packets meet where a rule of nftables finds it, since no filter of tc can."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.effects.frames import Frame
from tests.effects.tc_host import FAMILIES, HERE, IFACE, THERE, Host, apply
from tests.kernel import test_nft_traffic
from tests.kernel.nft_namespaces import run
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

USER, MARK = 1000, 0x123
MET, REST = "1:10", "1:fffe"
EACH, PAYLOAD = 10, 100
BY_RULE = {"classid": "1:20", "rate_mbit": 1, "match": [{"uid": 4242}]}  # so that no match becomes a filter
CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "the user": ({"uid": USER}, 4, MET),
    "the user over IPv6": ({"uid": USER, "dports": ["7000"]}, 6, MET),
    "another user": ({"uid": 0}, 4, REST),
    "the priority": ({"skb_priority": 6}, 4, MET),
    "another priority": ({"skb_priority": 5}, 6, REST),
    "bits of the mark": ({"fwmark": "0x3/0xf"}, 4, MET),
    "other bits of the mark": ({"fwmark": "0x4/0xf"}, 4, REST),
    "the length": ({"max_length": 128}, 4, MET),
    "a greater length": ({"max_length": 127}, 4, REST),
    "the length over IPv6": ({"max_length": 148}, 6, MET),
    "a greater length over IPv6": ({"max_length": 147}, 6, REST),
    "flags that UDP has not": ({"tcp_flags": ["!syn"]}, 4, REST),
}


@pytest.fixture
def host() -> Iterator[Host]:
    """Yield a host and close all that was opened in it."""
    with ExitStack() as stack:
        yield Host(stack)


@pytest.mark.parametrize(("match", "family", "expected"), CASES.values(), ids=CASES.keys())
def test_class(host: Host, match: dict[str, Any], family: int, expected: str) -> None:
    """A datagram of a user, with a priority and a mark, falls into the class of a match that it fits."""
    classes = [{"classid": MET, "rate_mbit": 50, "match": [match]}, BY_RULE]
    changes = {"shaper": {"egress_mbit": 200}, "htb_classes": classes}
    host.apply(changes)
    with host.here.inside():
        test_nft_traffic.apply(nft_subsystem.intent(changes, (IFACE,)))
        os.seteuid(USER)  # whose the socket is, the kernel asks when it is made
        try:
            made = host.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
        finally:
            os.seteuid(0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, 6)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, MARK)
    assert class_of(host, lambda: made.sendto(bytes(PAYLOAD), (THERE[family], 7000))) == {expected}


def class_of(host: Host, send: Callable[[], object]) -> set[str]:
    """Return the class by which packets leave that are sent so."""
    before = host.sent()
    for _ in range(EACH):
        send()

    def fell() -> set[str]:
        after = host.sent()
        return {name for name in after if after[name][1] - before[name][1] >= EACH and name != "1:1"}

    return until(fell, 10, "the packets have left")


OTHER = "1:20"
SENT_BY: dict[str, tuple[str, int, str]] = {
    "a class that its priority names": (f"{HERE[4]}/32", 0x10020, MET),
    "a class that its priority names, from another sender": ("192.0.2.77/32", 0x10020, REST),
    "a class that its priority names, and is not there": ("192.0.2.77/32", 0x10030, REST),
    "no class by its priority": (f"{HERE[4]}/32", 6, MET),
}


@pytest.mark.parametrize(("source", "priority", "expected"), SENT_BY.values(), ids=SENT_BY.keys())
def test_class_by_sender(host: Host, source: str, priority: int, expected: str) -> None:
    """Where a match names who sends, that decides, whatever priority a program has given to its socket."""
    changes = by_source(source)
    host.apply(changes)
    with host.here.inside():
        test_nft_traffic.apply(nft_subsystem.intent(changes, (IFACE,)))
        made = host.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, priority)
    assert class_of(host, lambda: made.sendto(bytes(PAYLOAD), (THERE[4], 7000))) == {expected}


@pytest.mark.parametrize(("port", "expected"), [(22, "1:fffd"), (2222, MET)])
def test_answers_of_ssh_beside_netem(host: Host, port: int, expected: str) -> None:
    """Where a match names who sends, the answers of ssh find the class that netem spares, and nothing else does."""
    changes = by_source(f"{HERE[4]}/32")
    host.apply(changes)
    with host.here.inside():  # the class is made by hand: not each kernel has netem
        run(f"tc class add dev {IFACE} parent 1:1 classid 1:fffd htb rate 1mbit")
        test_nft_traffic.apply(nft_subsystem.intent({**changes, "netem": {"delay_ms": 1}}, (IFACE,)))

    def connect() -> None:
        with host.here.inside(), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind((HERE[4], port))
            made.connect_ex((THERE[4], 7000))

    assert class_of(host, connect) == {expected}


@pytest.mark.parametrize(("below", "expected"), [(MET, MET), ("1:30", "1:40")])
def test_a_class_is_brought_along_from_a_macvlan(host: Host, below: str, expected: str) -> None:
    """What a macvlan sends falls into the class of the same number below it, where there is one; of this is warned."""
    found = [{"classid": below, "rate_mbit": 50, "match": [{"dports": ["1"]}]}, {"classid": "1:40", "rate_mbit": 50}]
    host.apply({"shaper": {"egress_mbit": 200}, "htb_classes": found, "default_class": "1:40"})
    changes = by_source("198.51.100.0/24")
    with host.here.inside():
        run(f"ip link add link {IFACE} name mac0 type macvlan mode bridge")
        run("ip link set mac0 up")
        run("ip addr add 198.51.100.9/24 dev mac0")
        run("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev mac0")
        apply(changes, "mac0")
        test_nft_traffic.apply(nft_subsystem.intent(changes, ("mac0",)))
        made = host.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    assert class_of(host, lambda: made.sendto(b"x", ("198.51.100.2", 7000))) == {expected}


@pytest.mark.parametrize("tags", [(), ("802.1Q",)], ids=["plain", "a VLAN"])
def test_what_no_rule_sees_finds_its_class_by_filters(host: Host, tags: tuple[str, ...]) -> None:
    """A frame that goes past nftables, as what a VLAN on top sends, falls into the class of its source all the same."""
    changes = by_source("192.0.2.0/24")
    host.apply(changes)
    with host.here.inside():
        test_nft_traffic.apply(nft_subsystem.intent(changes, (IFACE,)))
        made = host.stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
    made.bind((IFACE, 0))
    assert class_of(host, lambda: made.send(Frame(tags=tags).packed)) == {MET}


def by_source(source: str) -> dict[str, Any]:
    """Return changes with a class for what a source sends, and one for another."""
    found = [{"classid": MET, "rate_mbit": 50, "match": [{"src": source}]}]
    return {
        "shaper": {"egress_mbit": 200},
        "htb_classes": [*found, {"classid": OTHER, "rate_mbit": 1, "match": [{"src": "198.51.100.1/32"}]}],
    }

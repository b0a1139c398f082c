# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class that packets meet where a rule of nftables finds it, since no filter of tc can."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.effects.tc_host import FAMILIES, IFACE, THERE, Host
from tests.kernel import test_nft_traffic
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
    before = host.sent()
    for _ in range(EACH):
        made.sendto(bytes(PAYLOAD), (THERE[family], 7000))

    def fell() -> set[str]:
        after = host.sent()
        return {name for name in after if after[name][1] - before[name][1] >= EACH and name != "1:1"}

    assert until(fell, 10, "the datagrams have left") == {expected}

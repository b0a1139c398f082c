# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class that packets meet as they arrive, where what arrives has classes of its own."""

from __future__ import annotations

import os
import re
import socket
from contextlib import ExitStack
from typing import Any

import pytest

from tests.effects.tc_host import FAMILIES, HERE, IFACE, Host
from tests.kernel.nft_namespaces import run
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

MET, REST = "1:10", "1:fffe"
EACH = 10
CASES: dict[str, tuple[dict[str, Any], int, str]] = {
    "a source port": ({"proto": "udp", "sports": ["5060"]}, 4, MET),
    "a source port over IPv6": ({"proto": "udp", "sports": ["5060"]}, 6, MET),
    "a port of this host": ({"dports": ["7000"]}, 4, MET),
    "another port": ({"dports": ["5060"]}, 6, REST),
    "an address": ({"src": "192.0.2.2/32"}, 4, MET),
    "a length": ({"max_length": 100}, 4, REST),
}


@pytest.mark.parametrize(("match", "family", "expected"), CASES.values(), ids=CASES.keys())
def test_class(match: dict[str, Any], family: int, expected: str) -> None:
    """What a neighbour sends falls into the class of a match that it fits, else into that of the rest, and arrives."""
    with ExitStack() as stack:
        host = Host(stack)
        classes = [{"classid": MET, "rate_mbit": 5, "ceil_mbit": 20, "match": [match]}]
        host.apply({"shaper": {"ingress_mbit": 20}, "ingress": {"htb_classes": classes}})
        with host.here.inside():
            taker = stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
        taker.settimeout(10)
        taker.bind((HERE[family], 7000))
        with host.there.inside():
            sender = stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_DGRAM))
        sender.bind(("", 5060))

        def packets() -> dict[str, int]:
            with host.here.inside():
                text = run(f"tc -s class show dev ifb-{IFACE}")
            found = re.findall(r"^class htb (\S+) .*\n Sent \d+ bytes (\d+) pkt", text, re.MULTILINE)
            return {name: int(count) for name, count in found if name != "1:1"}

        before = packets()
        for _ in range(EACH):
            sender.sendto(bytes(200), (HERE[family], 7000))
        assert [len(taker.recv(999)) for _ in range(EACH)] == [200] * EACH

        def fell() -> set[str]:
            return {name for name, count in packets().items() if count - before[name] >= EACH}

        assert until(fell, 10, "the datagrams have arrived") == {expected}

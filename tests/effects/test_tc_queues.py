# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The class that packets meet below mq, in whichever of the interface's TX queues they leave."""

from __future__ import annotations

import os
import socket
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.effects.frames import HOP_BY_HOP, Frame
from tests.effects.tc_host import IFACE, Host
from tests.kernel.nft_namespaces import run
from tests.waiting import until

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]

QUEUES, FLOWS = 4, 64
MET, REST = "10", "20"
TREE = {
    "type": "htb",
    "htb_classes": [
        {"classid": f"1:{MET}", "rate_mbit": 50, "match": [{"proto": "udp", "dports": ["7000"]}]},
        {"classid": f"1:{REST}", "rate_mbit": 50},
    ],
    "default_class": f"1:{REST}",
}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(Frame(), MET, id="a port"),
        pytest.param(Frame(6), MET, id="a port over IPv6"),
        pytest.param(Frame(tags=("802.1Q",)), MET, id="a port in a VLAN"),
        pytest.param(Frame(6, extension=HOP_BY_HOP), MET, id="a port behind an extension header"),
        pytest.param(Frame(dport=7001), REST, id="another port"),
        pytest.param(Frame(proto="tcp"), REST, id="another protocol"),
    ],
)
def test_class_in_each_queue(one: Frame, expected: str) -> None:
    """Flows spread over the queues, and in each of them fall into the class of a match that they fit."""
    with ExitStack() as stack:
        host = Host(stack)
        with host.here.inside():
            run(f"ip link del {IFACE}")
            run(f"ip link add {IFACE} numtxqueues {QUEUES} type veth peer name lan1")
            for device in (IFACE, "lan1"):
                run(f"ip link set {device} up")
        host.apply({"qdisc": {"type": "mq", "per_queue": TREE}})
        with host.here.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
            made.bind((IFACE, 0))
            for number in range(FLOWS):
                made.send(Frame(**{**vars(one), "sport": 30000 + number}).packed)

        def fell() -> Counter[str]:
            found: Counter[str] = Counter()
            for name, (_bytes, packets) in host.sent().items():
                found[name.partition(":")[2]] += packets
            return found if found[MET] + found[REST] >= FLOWS else Counter()

        counted = until(fell, 10, "the frames have left")
        assert counted[expected] >= FLOWS
        used = [name for name, (_bytes, packets) in host.sent().items() if name.endswith(f":{expected}") and packets]
        assert len(used) > 1 or one.tags, "all flows have left by one queue"  # a raw socket does not look behind tags

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what netem does to packets, as JSON: for a kernel of its own, since netem and VLANs are not in each one."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import ExitStack
from typing import Any

from tests.effects.frames import Frame
from tests.effects.tc_host import HERE, IFACE, THERE, Host
from tests.kernel.nft_namespaces import run

SENT = 20
LOSS = {"netem": {"loss_pct": 100}}
TBF = {"rate_mbit": 50, "burst_bytes": 20000, "latency_ms": 50}
CLASSES = [{"classid": "1:10", "rate_mbit": 20, "match": [{"proto": "udp"}]}]
PLANS: dict[str, dict[str, Any]] = {
    "alone": LOSS,
    "above fq_codel": {**LOSS, "qdisc": {"type": "fq_codel", "params": {}}},
    "below tbf": {**LOSS, "qdisc": {"type": "tbf", "params": TBF}},
    "below a shaper": {**LOSS, "shaper": {"egress_mbit": 50}},
    "in classes": {**LOSS, "shaper": {"egress_mbit": 50}, "htb_classes": CLASSES},
    "in classes without a shaper": {**LOSS, "htb_classes": CLASSES},
}
FRAMES = {
    "ssh": Frame(proto="tcp", sport=22),
    "ssh over IPv6": Frame(6, proto="tcp", sport=22),
    "ssh in a VLAN": Frame(proto="tcp", sport=22, tags=("802.1Q",)),
    "udp": Frame(sport=22),
    "udp over IPv6": Frame(6, sport=22),
    "another port": Frame(proto="tcp", sport=2222),
}


def arrived(host: Host, one: Frame) -> int:
    """Return how many of the frames sent have arrived."""
    with host.there.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as there:
        there.bind(("lan0", 3))
        there.settimeout(1)
        with host.here.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
            made.bind((IFACE, 0))
            for _ in range(SENT):
                made.send(one.packed)
        found = 0
        payload = one.packed[-64:]
        try:
            while found < SENT:
                found += there.recv(2000)[-64:] == payload
        except TimeoutError:
            pass
        return found


def by_vlan(host: Host) -> dict[str, int]:
    """Return the packets of each class after datagrams by a VLAN on top of the interface, by two ports."""
    for place, device, address in ((host.here, IFACE, HERE), (host.there, "lan0", THERE)):
        with place.inside():
            run(f"ip link add link {device} name {device}.10 type vlan id 10")
            run(f"ip addr add {address[4].replace('192.0.2', '198.51.100')}/24 dev {device}.10")
            run(f"ip link set {device}.10 up")
    host.apply({"shaper": {"egress_mbit": 50}, "htb_classes": [{**CLASSES[0], "match": [{"dports": ["7000"]}]}]})
    with host.here.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for _ in range(SENT):
            made.sendto(b"x", ("198.51.100.2", 7000))
    return {name: packets for name, (_count, packets) in host.sent().items()}


def main() -> None:
    """Print it all."""
    found: dict[str, Any] = {"netem": {}}
    for name, changes in PLANS.items():
        with ExitStack() as stack:
            host = Host(stack)
            host.apply(changes)
            found["netem"][name] = {kind: arrived(host, one) for kind, one in FRAMES.items()}
    with ExitStack() as stack:
        found["vlan"] = by_vlan(Host(stack))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints what netem does to packets, as JSON: for a kernel of its own, since netem and VLANs are not in each one."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import sys
import time
from contextlib import ExitStack
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.undumped import recalled
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
SSH = {"proto": "tcp", "sports": ["22"]}
SOME: dict[str, dict[str, Any]] = {
    "udp": {"netem": {**LOSS["netem"], "match": {"proto": "udp"}}},
    "udp over IPv6": {"netem": {**LOSS["netem"], "match": {"proto": "udp", "dst": "2001:db8::/32"}}},
    "tcp": {"netem": {**LOSS["netem"], "match": {"proto": "tcp"}}, "qdisc": {"type": "fq_codel", "params": {}}},
    "ssh by name": {"netem": {**LOSS["netem"], "match": SSH}},
    "a port below tbf": {
        "netem": {**LOSS["netem"], "match": {"sports": ["2000-3000"]}},
        "qdisc": {"type": "tbf", "params": TBF},
    },
    "udp in classes": {"netem": {**LOSS["netem"], "match": {"proto": "udp"}}, "htb_classes": CLASSES},
    "tcp below a shaper": {"netem": {**LOSS["netem"], "match": {"proto": "tcp"}}, "shaper": {"egress_mbit": 50}},
    "udp by its class": {"netem": {**LOSS["netem"], "classes": ["1:10"]}, "htb_classes": CLASSES},
    "tcp by its class": {
        "netem": {**LOSS["netem"], "classes": ["1:10"]},
        "htb_classes": [{**CLASSES[0], "match": [{"proto": "tcp"}]}],
    },
    "ssh by its class": {
        "netem": {**LOSS["netem"], "classes": ["1:10"]},
        "htb_classes": [{**CLASSES[0], "match": [SSH]}],
    },
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
        there.settimeout(0.5)
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


DELAY_MS, JITTER_MS = 200, 50
SPREADS: dict[str, dict[str, Any]] = {
    "uniform": {"distribution": "uniform"},
    "normal": {"distribution": "normal"},
    "pareto": {"distribution": "pareto"},
    "paretonormal": {"distribution": "paretonormal"},
    "normal, recalled": {"distribution": "normal"},
}
DELAYED = 150  # what a socket holds unread
MODELS: dict[str, dict[str, Any]] = {
    "gemodel": {"type": "gemodel", "p_pct": 10, "r_pct": 30},
    "gemodel with losses in both states": {
        "type": "gemodel",
        "p_pct": 10,
        "r_pct": 30,
        "bad_loss_pct": 80,
        "good_loss_pct": 5,
    },
    "state": {"type": "state", "p13_pct": 10, "p31_pct": 40},
    "all states": {"type": "state", "p13_pct": 10, "p31_pct": 40, "p32_pct": 30, "p23_pct": 50, "p14_pct": 5},
}
LOST_OF = 5000
TRIES = 100
RATE_MBIT, RATED = 2, 60


def sockets(host: Host) -> tuple[socket.socket, socket.socket]:
    """Return (one that sends to the neighbour, the neighbour's)."""
    with host.there.inside():
        there = host.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    there.bind((THERE[4], 7000))
    there.settimeout(2)
    with host.here.inside():
        made = host.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    made.connect((THERE[4], 7000))
    return made, there


def delays(host: Host) -> list[float]:
    """Return how long datagrams took, in milliseconds."""
    made, there = sockets(host)
    made.send(b"")  # so that the neighbour's address is known
    there.recv(8)
    for _ in range(DELAYED):
        made.send(struct.pack("d", time.monotonic()))
    return [1000 * (-struct.unpack("d", there.recv(8))[0] + time.monotonic()) for _ in range(DELAYED)]


def remake(host: Host, changes: dict[str, Any]) -> None:
    """Take a snapshot of what changes have made, take it away, and bring it back from the snapshot."""
    with host.here.inside():
        scope = {"ifaces": [IFACE]}
        seen = tc_kernel.observe(scope, Tools())
        intent = tc_subsystem.intent(changes, (IFACE,))
        wanted = in_scratch_namespace(lambda: tc_kernel.resolve(intent, seen, Tools()))
        snapshot = json.loads(json.dumps(recalled(seen, wanted)))
        run(f"tc qdisc del dev {IFACE} root")
        for operation in tc_subsystem.operations(tc_kernel.observe(scope, Tools()), snapshot):
            tc_kernel.perform(operation, Tools())


def lost(host: Host) -> float:
    """Return which share of datagrams netem has dropped, in percent."""
    made, there = sockets(host)
    there.settimeout(0.2)
    for _ in range(TRIES):  # until the neighbour's address is known, which netem loses as it does all else
        made.send(b"x")
        with contextlib.suppress(TimeoutError):
            there.recv(1)
            break
    for _ in range(LOST_OF):
        made.send(b"x")
    with host.here.inside():
        told = json.loads(run(f"tc -s -j qdisc show dev {IFACE}"))
    (netem,) = (one for one in told if one["kind"] == "netem")
    return float(100 * netem["drops"] / (netem["drops"] + netem["packets"]))


def rated(host: Host) -> float:
    """Return in which time datagrams of 1,000 bytes have arrived that were sent at once, in seconds."""
    made, there = sockets(host)
    for _ in range(RATED):
        made.send(bytes(1000 - 42))
    there.recv(1000)
    since = time.monotonic()
    for _ in range(RATED - 1):
        there.recv(1000)
    return time.monotonic() - since


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


def by_bond(host: Host) -> dict[str, int]:
    """Return the packets of each class after datagrams by a bond that the interface is a member of, by two ports."""
    with host.here.inside():
        run("ip link add bond0 type bond mode active-backup")
        run(f"ip link set {IFACE} down")
        run(f"ip link set {IFACE} master bond0")
        run("ip link set bond0 up")
        run("ip addr add 198.51.100.1/24 dev bond0")
        run("ip neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev bond0")
    host.apply({"shaper": {"egress_mbit": 50}, "htb_classes": [{**CLASSES[0], "match": [{"dports": ["7000"]}]}]})
    with host.here.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        for port in (7000, 7001):
            for _ in range(SENT):
                made.sendto(b"x", ("198.51.100.2", port))
    return {name: packets for name, (_count, packets) in host.sent().items()}


def main() -> None:
    """Print it all."""
    found: dict[str, Any] = {"netem": {}}
    for name, changes in PLANS.items():
        with ExitStack() as stack:
            host = Host(stack)
            host.apply(changes)
            found["netem"][name] = {kind: arrived(host, one) for kind, one in FRAMES.items()}
    for name, changes in SOME.items():
        with ExitStack() as stack:
            host = Host(stack)
            host.apply(changes)
            found.setdefault("some", {})[name] = {kind: arrived(host, one) for kind, one in FRAMES.items()}
    for name, spread in SPREADS.items():
        with ExitStack() as stack:
            host = Host(stack)
            changes = {"netem": {"delay_ms": DELAY_MS, "delay_jitter_ms": JITTER_MS, **spread}}
            host.apply(changes)
            if "recalled" in name:
                remake(host, changes)
            found.setdefault("delays", {})[name] = delays(host)
    for name, model in MODELS.items():
        with ExitStack() as stack:
            host = Host(stack)
            host.apply({"netem": {"loss_model": model}})
            found.setdefault("lost", {})[name] = lost(host)
    with ExitStack() as stack:
        host = Host(stack)
        host.apply({"netem": {"rate_mbit": RATE_MBIT}})
        found["rated"] = rated(host)
    with ExitStack() as stack:
        found["vlan"] = by_vlan(Host(stack))
    with ExitStack() as stack:
        found["bond"] = by_bond(Host(stack))
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

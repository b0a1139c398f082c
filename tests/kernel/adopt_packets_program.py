# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes trees at random, sends packets through them, and prints where these wait here and in the plan that is adopted.

Its arguments are the first seed and how many trees there are. What a plan's matches mean is said by
``tests.effects.meaning``, which real packets through real plans bear out elsewhere.
"""

from __future__ import annotations

import json
import random
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from mcp_bridge.adopt.tc import arriving
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tests.effects.frames import TYPES, Frame
from tests.effects.meaning import REST, class_of
from tests.kernel.tc_namespace import IFACE, in_namespace, make_interface, run

if TYPE_CHECKING:
    from collections.abc import Sequence

KINDS = 10  # of packets; the n-th is sent two to the power of n times, so that a sum tells which they were
SETTLED_S = 0.05
PORTS, MARKS = (53, 80, 81, 443), (0, 1, 2, 3, 17)
SOURCES = {4: ("192.0.2.1", "192.0.2.130"), 6: ("2001:db8::1", "2001:db8:1::1")}
WHOLE, HALF = {4: "192.0.2.0/24", 6: "2001:db8::/32"}, {4: "192.0.2.128/25", 6: "2001:db8:1::/48"}
OTHER_ORDER = "A plan asks all matches of a class together"


@dataclass(frozen=True)
class Packet:
    """A packet, with what only its host knows of it."""

    frame: Frame
    mark: int
    priority: int


class Maker:
    """Makes the commands of a tree."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - the same trees each time
        self.lines: list[str] = []
        self._next = 2  # a handle that no qdisc has yet

    def tree(self) -> list[str]:
        """Return the commands of a tree."""
        root = self.random.choice((self._htb, self._htb, self._hfsc, self._prio))
        root("root", 1, depth=0)
        return self.lines

    def _prio(self, place: str, handle: int, *, depth: int) -> None:
        bands = self.random.randint(2, 3)
        priomap = " ".join(str(self.random.randrange(bands)) for _ in range(16))
        self._add(f"qdisc add dev {IFACE} {place} handle {handle:x}: prio bands {bands} priomap {priomap}")
        self._below(handle, [number + 1 for number in range(bands)], depth)
        self._filters(f"{handle:x}:", [f"{handle:x}:{number}" for number in (*range(1, bands + 1), 9)])

    def _htb(self, place: str, handle: int, *, depth: int) -> None:
        leaves = [0x10, 0x20, 0x30][: self.random.randint(2, 3)]
        default = self.random.choice([*leaves, leaves[0], 1, 0x40, 0])
        self._add(f"qdisc add dev {IFACE} {place} handle {handle:x}: htb default {default:x}")
        self._classes(handle, leaves, "htb rate 9gbit", "htb rate 1gbit ceil 9gbit")
        self._below(handle, leaves, depth)

    def _hfsc(self, place: str, handle: int, *, depth: int) -> None:
        leaves = [0x10, 0x20, 0x30][: self.random.randint(2, 3)]
        default = self.random.choice(leaves)
        self._add(f"qdisc add dev {IFACE} {place} handle {handle:x}: hfsc default {default:x}")
        self._classes(handle, leaves, "hfsc ls m2 9gbit ul m2 9gbit", "hfsc sc m2 1gbit")
        self._below(handle, leaves, depth)

    def _classes(self, handle: int, leaves: Sequence[int], top: str, leaf: str) -> None:
        self._add(f"class add dev {IFACE} parent {handle:x}: classid {handle:x}:1 {top}")
        for number in leaves:
            self._add(f"class add dev {IFACE} parent {handle:x}:1 classid {handle:x}:{number:x} {leaf}")
        targets = [f"{handle:x}:{number:x}" for number in (*leaves, *leaves, *leaves, 1, 0x50)] + ["77:10"]
        itself = [f"{handle:x}:"] if top.startswith("htb") else []  # with which an hfsc asks its filters for ever
        self._filters(f"{handle:x}:", [*targets, *itself])
        self._filters(f"{handle:x}:1", targets[: len(leaves)], most=2)

    def _below(self, handle: int, numbers: Sequence[int], depth: int) -> None:
        for number in numbers:
            if depth < 2 and self.random.random() < 0.25:
                own, self._next = self._next, self._next + 1
                self._prio(f"parent {handle:x}:{number:x}", own, depth=depth + 1)

    def _filters(self, parent: str, targets: Sequence[str], most: int = 5) -> None:
        for place in range(1, self.random.randint(0, most) + 1):
            words = self._match()
            target = self.random.choice(targets)
            self._add(f"filter add dev {IFACE} parent {parent} prio {place} {words} classid {target}")

    def _match(self) -> str:
        family = self.random.choice((4, 4, 6))
        protocol, ip = ("ip", "ip") if family == 4 else ("ipv6", "ip6")
        port, mark = self.random.choice(PORTS), self.random.choice(MARKS[1:])
        protocols = self.random.choice(("all", "ip", "ipv6"))
        return self.random.choice(
            (
                f"protocol {protocols} handle {mark} fw",
                f"protocol {protocols} handle {mark & 3}/3 fw",
                f"protocol {protocol} u32 match {ip} dport {port} 0xffff",
                f"protocol {protocol} u32 match {ip} dport {port & 0xFFF0} 0xfff0",
                f"protocol {protocol} u32 match {ip} src {self.random.choice((WHOLE, HALF))[family]}",
                f"protocol {protocols} u32 match mark {mark} 0xffffffff",
                f"protocol {protocols} matchall" if self.random.random() < 0.3 else f"protocol all handle {mark} fw",
            )
        )

    def _add(self, words: str) -> None:
        self.lines.append(f"tc {words}")

    def packets(self) -> list[Packet]:
        """Return packets of several kinds."""
        found = []
        for _ in range(KINDS):
            family = self.random.choice((4, 4, 6))
            frame = Frame(
                family,
                dport=self.random.choice(PORTS),
                src=self.random.choice(SOURCES[family]),
                dst="192.0.2.2" if family == 4 else "2001:db8::2",
            )
            found.append(Packet(frame, self.random.choice(MARKS), self.random.randrange(8)))
        return found


def send(packets: Sequence[Packet]) -> None:
    """Send each kind of packet as often as its number says."""
    for number, each in enumerate(packets):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TYPES[each.frame.family])) as made:
            made.bind((IFACE, TYPES[each.frame.family]))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, each.mark)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, each.priority)
            frame = each.frame.packed
            for _ in range(1 << number):
                made.send(frame)


def show(form: str) -> str:
    """Return what tc shows of the interface, with what was sent."""
    return subprocess.run(["tc", "-s", form, "show", "dev", IFACE], check=True, capture_output=True, text=True).stdout


def waited() -> dict[str, int]:
    """Return how many packets each place without others below it has got."""
    counts = r"^class \S+ (\S+) (?:parent (\S+)|root)[^\n]*\n Sent \d+ bytes (\d+) pkt \(dropped (\d+)"
    classes = re.findall(counts, show("class"), re.MULTILINE)
    place_of = dict(re.findall(r"^qdisc \S+ (\S+): parent (\S+)", show("qdisc"), re.MULTILINE))
    above = {parent for _name, parent, _sent, _dropped in classes}
    above |= {place_of.get(name.partition(":")[0]) for name, *_ in classes}
    return {name: int(sent) + int(dropped) for name, _parent, sent, dropped in classes if name not in above}


def groups(of_each: Sequence[str]) -> list[list[int]]:
    """Return the numbers of the packets that wait together."""
    return sorted([number for number, each in enumerate(of_each) if each == name] for name in set(of_each))


def of_kernel(packets: Sequence[Packet]) -> list[list[int]]:
    """Send packets, and return which of them waited together."""
    before = waited()
    send(packets)
    sent, now = before, waited()
    while sent != now:
        time.sleep(SETTLED_S)
        sent, now = now, waited()
    got = {name: count - before[name] for name, count in now.items()}
    places = []
    for number in range(len(packets)):
        there = [name for name, count in got.items() if count >> number & 1]
        places.append(there[0] if there else "")
    return groups(places)


def of_plan(changes: dict[str, Any], packets: Sequence[Packet]) -> list[list[int]]:
    """Return which packets wait together in a plan."""
    places = []
    for each in packets:
        name = class_of(
            changes.get("htb_classes", ()), each.frame, by_rules=True, mark=each.mark, priority=each.priority
        )
        places.append(changes.get("default_class", "") if name == REST else name)
    return groups(places)


def one(seed: int) -> dict[str, Any]:
    """Return what comes of one tree."""
    maker = Maker(seed)
    make_interface()
    run(f"sysctl -qw net.ipv6.conf.{IFACE}.disable_ipv6=1")
    lines, packets = maker.tree(), maker.packets()
    found: dict[str, Any] = {"seed": seed, "script": lines, "packets": [str(each) for each in packets]}
    run("\n".join(lines))
    found["here"] = of_kernel(packets)
    reading = arriving.read(tc_kernel.observe({"ifaces": [IFACE]}, Tools()), IFACE)
    found["told"] = [f"{each.one.name}: {each.said} {each.reason}" for each in reading.unsaid]
    found["as_here"] = all(each.said and OTHER_ORDER not in each.reason for each in reading.unsaid)
    result = validate({"iface": IFACE, "changes": reading.changes}, load_policy())
    found["issues"] = [str(each) for each in result.issues if each.severity == "error" and reading.changes]
    plan = result.normalized_plan
    found["changes"] = changes = plan.changes.dump() if plan else {}
    found["plan"] = of_plan(changes, packets)
    return found


def main() -> None:
    """Print it, a line for each tree, and all of it in the end."""
    first, count = (int(word) for word in sys.argv[1:])
    found = []
    for seed in range(first, first + count):
        found.append(in_namespace(lambda seed=seed: one(seed)))
        sys.stdout.write(f"{seed}\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps({"trees": found}) + "\n")


if __name__ == "__main__":
    main()

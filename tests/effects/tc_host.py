# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with the interface ``wan0``, on which a plan shapes, and a neighbour that takes what it sends."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from tests.kernel.nft_namespaces import Namespace, run

if TYPE_CHECKING:
    from collections.abc import Iterable

IFACE = "wan0"
HERE = {4: "192.0.2.1", 6: "2001:db8::1"}
THERE = {4: "192.0.2.2", 6: "2001:db8::2"}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
SETTLED_S = 0.6  # after which bursts are used up
MEASURED_S = 2.0
DATAGRAM = 1400


class Host:
    """The host, its neighbour, and what is open between them."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.here, self.there = Namespace(), Namespace()
        for namespace in (self.here, self.there):
            stack.callback(namespace.close)
        self.here.join(self.there, IFACE, "lan0")
        self.here.address(IFACE, f"{HERE[4]}/24", f"{HERE[6]}/64")
        self.there.address("lan0", f"{THERE[4]}/24", f"{THERE[6]}/64")

    def apply(self, changes: dict[str, Any]) -> None:
        """Bring the interface to what normalised changes ask, as a module does it, and prove that it is so."""
        with self.here.inside():
            apply(changes)

    def sent(self) -> dict[str, tuple[int, int]]:
        """Return (the bytes, the packets) that each class has sent."""
        with self.here.inside():
            text = run(f"tc -s class show dev {IFACE}")  # older releases of tc have no JSON of classes
        found = re.findall(r"^class htb (\S+) .*\n Sent (\d+) bytes (\d+) pkt", text, re.MULTILINE)
        return {name: (int(count), int(packets)) for name, count, packets in found}

    def left(self) -> int:
        """Return the bytes that have left by the interface."""
        with self.here.inside():
            return int(json.loads(run(f"ip -s -j link show dev {IFACE}"))[0]["stats64"]["tx"]["bytes"])

    def rates(self, ports: Iterable[int]) -> dict[str, float]:
        """Send to ports all at once what leaves, and return Mbit/s: by class, and as ``all`` of the interface."""
        ended = threading.Event()
        sockets = []
        for port in ports:
            with self.here.inside():
                made = self.stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1000000)
            made.settimeout(0.2)
            made.connect((THERE[4], port))
            sockets.append(made)
        senders = [threading.Thread(target=_flood, args=(made, ended)) for made in sockets]
        try:
            for sender in senders:
                sender.start()
            time.sleep(SETTLED_S)
            before, left, since = self.sent(), self.left(), time.monotonic()
            time.sleep(MEASURED_S)
            after, gone, until = self.sent(), self.left(), time.monotonic()
        finally:
            ended.set()
            for sender in senders:
                sender.join()
        figures = {name: after[name][0] - before[name][0] for name in after} | {"all": gone - left}
        return {name: count * 8 / (until - since) / 1e6 for name, count in figures.items()}


def _flood(made: socket.socket, ended: threading.Event) -> None:
    """Send until told to end; what the queue does not take is lost."""
    while not ended.is_set():
        with suppress(OSError):
            made.send(bytes(DATAGRAM))


def apply(changes: dict[str, Any], iface: str = IFACE) -> None:
    """Bring an interface of the current namespace to what normalised changes ask, and prove that it is so."""
    intent = tc_subsystem.intent(changes, (iface,))
    scope = {"ifaces": [iface]}
    current = tc_kernel.observe(scope, Tools())
    wanted = in_scratch_namespace(lambda: tc_kernel.resolve(intent, current, Tools()))
    for operation in tc_subsystem.operations(current, wanted):
        tc_kernel.perform(operation, Tools())
    assert tc_subsystem.operations(tc_kernel.observe(scope, Tools()), wanted) == []

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A managed host and its controller in namespaces, with a listener that answers as a session over ssh would."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._lockout import session as lockout_session
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.table import TABLE
from ansible_collections.netopt.linux.plugins.module_utils._transaction.preflight import preflight
from ansible_collections.netopt.linux.plugins.module_utils._transaction.rehearse import rehearse
from tests.kernel.intents import intents_of
from tests.kernel.nft_namespaces import Namespace, run

PORT = 2222
HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
CONTROLLER = {4: "192.0.2.2", 6: "2001:db8::2"}
NEIGHBOUR = {4: "192.0.2.3", 6: "2001:db8::3"}
OTHER = "198.51.100.1"  # a second address of the host
ELSEWHERE = "203.0.113.9"  # where nobody answers
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
ROUND_TRIPS = 64
ANSWER_BYTES = 320  # each; all of them take 3 s at 64 kbit/s
FULL_BYTES = 4000  # in one go, so that full packets are sent
WITHIN_S = 4.0
IDS = ("management_blocked", "management_starved")


class Site:
    """A host with its management port open, and a controller.

    Args:
        stack: closes what was opened.
        family: 4 or 6, that of the management connection.
    """

    def __init__(self, stack: ExitStack, family: int = 4) -> None:
        self.stack = stack
        self.asked = threading.Event()  # the host has a request that waits
        self.speak = threading.Event()  # lets it answer that
        self.family = family
        self.host, self.controller = Namespace(), Namespace()
        for namespace in (self.host, self.controller):
            stack.callback(namespace.close)
        self.host.join(self.controller, "eth0", "eth0")
        self.host.join(self.controller, "eth1", "eth1")
        self.host.address("eth0", "192.0.2.1/24", "2001:db8::1/64", "192.0.2.7/24")
        self.host.address("eth1", f"{OTHER}/24")
        self.controller.address("eth0", "192.0.2.2/24", "192.0.2.3/24", "2001:db8::2/64", "2001:db8::3/64")
        self.controller.address("eth1", "198.51.100.2/24")
        with self.host.inside():
            run(f"ip route add {ELSEWHERE}/32 via 198.51.100.2")
            run("sysctl -qw net.ipv4.ip_forward=1")
            listener = stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::" if family == 6 else "0.0.0.0", PORT))  # noqa: S104 - in a namespace without a way out
        listener.listen(64)
        threading.Thread(target=self._serve, args=(listener,), daemon=True).start()
        stack.callback(listener.shutdown, socket.SHUT_RDWR)

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                made, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(made,), daemon=True).start()

    def _answer(self, made: socket.socket) -> None:
        with made, suppress(OSError):
            while asked := made.recv(1):
                if asked == b"w":
                    self.asked.set()
                    self.speak.wait(WITHIN_S)
                made.sendall(b"." * (FULL_BYTES if asked == b"f" else ANSWER_BYTES))

    def connect(self, source: str | None = None, *, to: str | None = None, timeout: float = WITHIN_S) -> socket.socket:
        """Return a connection from the controller, or from another address of its site; one that fails is closed."""
        with self.controller.inside():
            made = self.stack.enter_context(socket.socket(FAMILIES[self.family], socket.SOCK_STREAM))
        made.settimeout(timeout)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.bind((source or CONTROLLER[self.family], 0))
        try:
            made.connect((to or HOST[self.family], PORT))
        except OSError:
            made.close()  # else the kernel goes on asking for it, and takes turns that others wait for
            raise
        return made

    def facts(self, session: socket.socket) -> dict[str, Any]:
        """Return what the host knows of a session, as sshd and the kernel tell it."""
        near, far = session.getsockname(), session.getpeername()
        fact = {"local_port": far[1], "remote_addr": near[0], "remote_port": near[1], "local_addr": far[0]}
        with self.host.inside():
            return {
                "interfaces": gather()["interfaces"],
                "management": lockout_session.path_of(fact),
                "sysctl": {"net.ipv4.ip_forward": "1"},
                "confirm_timeout_s": WITHIN_S,
            }

    def walk(self, changes: Mapping[str, Any], session: socket.socket, iface: str = "eth0") -> list[dict[str, str]]:
        """Return what the walk says of changes."""
        found = preflight(changes, (iface,), self.facts(session), ["netem"])
        return [issue for issue in found if issue["id"] in IDS]

    def load(self, changes: Mapping[str, Any], iface: str = "eth0") -> None:
        """Make the changes on the host as a plan does, whatever the walk says."""
        with self.host.inside():
            intents = intents_of(changes, (iface,))
            rehearsal = rehearse(intents, Tools())
            for name, operations in rehearsal.operations.items():
                for operation in operations:
                    TABLE[name].kernel.perform(operation, Tools())


def hears(session: socket.socket, *, ends: float) -> bool:
    """Return whether an answer comes that was asked for before the change: the host is the first to speak after it."""
    try:
        session.settimeout(max(0.01, ends - time.monotonic()))
        return len(session.recv(ANSWER_BYTES, socket.MSG_WAITALL)) == ANSWER_BYTES
    except OSError:
        return False


def works(session: socket.socket, *, ends: float) -> bool:
    """Return whether a session gets through as much as a change takes, in time."""
    try:
        for wanted, count in ((b".", ROUND_TRIPS), (b"f", 1)):
            for _round in range(count):
                session.settimeout(max(0.01, ends - time.monotonic()))
                session.sendall(wanted)
                left = FULL_BYTES if wanted == b"f" else ANSWER_BYTES
                while left:
                    session.settimeout(max(0.01, ends - time.monotonic()))
                    got = len(session.recv(left))
                    if not got:
                        return False
                    left -= got
    except OSError:
        return False
    return True

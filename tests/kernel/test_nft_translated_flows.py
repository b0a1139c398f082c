# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows that rules had translated meet the rules that are there now, once the former are gone."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._netlink import conntrack
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.kernel.nft_namespaces import Namespace, run

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

PORT, OTHER_PORT = 514, 515
WAIT_S = 2.0
HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
CLIENT = {4: "192.0.2.2", 6: "2001:db8::2"}
INSIDE = {4: "198.51.100.1", 6: "2001:db8:1::1"}
SERVER = {4: "198.51.100.2", 6: "2001:db8:1::2"}
SECOND = {4: "198.51.100.3", 6: "2001:db8:1::3"}
LENGTH = {4: 24, 6: 64}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
FOREIGN = """table inet other {{
    chain prerouting {{
        type nat hook prerouting priority dstnat
        meta nfproto ipv{version} udp dport 515 dnat {family} to {server}
    }}
}}
"""


class Lab:
    """A client, a host that forwards, and a server behind it."""

    def __init__(self, stack: ExitStack, version: int) -> None:
        self.stack = stack
        self.version = version
        self.client, self.host, self.server = Namespace(), Namespace(), Namespace()
        for one in (self.client, self.host, self.server):
            stack.callback(one.close)
            with one.inside():
                run("sysctl -qw net.ipv6.conf.default.accept_dad=0")  # link-local addresses are usable at once
        self.host.join(self.client, "eth0", "eth0")
        self.host.join(self.server, "eth1", "eth0")
        for namespace, device, found in (
            (self.host, "eth0", HOST),
            (self.client, "eth0", CLIENT),
            (self.host, "eth1", INSIDE),
            (self.server, "eth0", SERVER),
            (self.server, "eth0", SECOND),
        ):
            namespace.address(device, f"{found[version]}/{LENGTH[version]}")
        for namespace, via in ((self.client, HOST), (self.server, INSIDE)):
            with namespace.inside():
                run(f"ip -{version} route add default via {via[version]}")
        with self.host.inside():
            run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")

    def bound(self, namespace: Namespace, address: str, port: int) -> socket.socket:
        """Return a UDP socket."""
        with namespace.inside():
            made = self.stack.enter_context(socket.socket(FAMILIES[self.version], socket.SOCK_DGRAM))
        made.settimeout(WAIT_S)
        made.bind((address, port))
        return made

    def foreign(self) -> None:
        """Let somebody else on the host translate a port."""
        family = {4: "ip", 6: "ip6"}[self.version]
        with self.host.inside():
            run("nft -f -", stdin=FOREIGN.format(version=self.version, family=family, server=SERVER[self.version]))

    def lead_to(self, changes: dict[str, Any] | None) -> None:
        """Apply a plan on eth0, or undo what was applied."""
        with self.host.inside():
            current = nft_kernel.observe({}, Tools())
            wanted = nft_subsystem.ABSENT
            if changes is not None:
                intent = nft_subsystem.intent(changes, ("eth0",))
                wanted = in_scratch_namespace(lambda: nft_kernel.resolve(intent, current, Tools()))
            for step in nft_subsystem.operations(current, wanted):
                nft_kernel.perform(step, Tools())

    def flows(self) -> set[Any]:
        """Return what the host tracks."""
        with self.host.inside():
            return set(conntrack.flows(self.version))


@pytest.fixture(params=[4, 6])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """Client, host and server over one IP version."""
    with ExitStack() as stack:
        yield Lab(stack, request.param)


def answered(client: socket.socket, server: socket.socket, text: bytes) -> bool:
    """Return whether a datagram of the client's arrives at a server, and its answer at the client."""
    client.send(text)
    try:
        got, peer = server.recvfrom(100)
        server.sendto(b"answer " + got, peer)
        return client.recv(100) == b"answer " + text
    except OSError:
        return False


def to_server(lab: Lab, target: dict[int, str], **more: Any) -> dict[str, Any]:
    """Return a plan that sends the port to a server."""
    rule = {"type": "dnat", "protocol": "udp", "port": PORT, "to_addr": target[lab.version], **more}
    return {"nat_rules": [rule]}


@pytest.mark.parametrize("others", [False, True], ids=["our NAT alone", "other NAT on the host"])
def test_a_flow_comes_back_to_the_host_after_a_rollback(lab: Lab, *, others: bool) -> None:
    """A sender that is never silent for long reaches the host itself again, and gets answers; other flows stay."""
    if others:
        lab.foreign()
    here = lab.bound(lab.host, HOST[lab.version], PORT)
    there, other = (lab.bound(lab.server, SERVER[lab.version], port) for port in (PORT, OTHER_PORT))
    senders = [lab.bound(lab.client, CLIENT[lab.version], port) for port in (5000, 5001)]
    senders[0].connect((HOST[lab.version], PORT))
    senders[1].connect((HOST[lab.version], OTHER_PORT))
    lab.lead_to(to_server(lab, SERVER))
    assert all(answered(senders[0], there, b"%d" % number) for number in range(3))
    if others:
        assert answered(senders[1], other, b"other")
    before = {entry.sent for entry in lab.flows()}
    lab.lead_to(None)
    assert before - {entry.sent for entry in lab.flows()} == {entry for entry in before if entry.dport == PORT}
    assert all(answered(senders[0], here, b"%d" % number) for number in range(3))
    if others:
        assert answered(senders[1], other, b"other again")


def test_a_flow_follows_the_plan_that_replaces_the_rule(lab: Lab) -> None:
    """A plan that names another target gets the flows that are under way; one that only adds a rule leaves them."""
    first, second = (lab.bound(lab.server, found[lab.version], PORT) for found in (SERVER, SECOND))
    sender = lab.bound(lab.client, CLIENT[lab.version], 5000)
    sender.connect((HOST[lab.version], PORT))
    plan = to_server(lab, SERVER)
    lab.lead_to(plan)
    assert answered(sender, first, b"one")
    (kept,) = lab.flows()
    more = {"type": "dnat", "protocol": "udp", "port": 600, "to_addr": SERVER[lab.version]}
    lab.lead_to({"nat_rules": [more, *plan["nat_rules"]]})
    assert lab.flows() == {kept}
    lab.lead_to(to_server(lab, SECOND))
    assert answered(sender, second, b"two")


def test_redirected_and_masqueraded_flows_go_as_well(lab: Lab) -> None:
    """What was sent to another port of the host, and what left by its address, is as without the rules."""
    plain, moved = (lab.bound(lab.host, HOST[lab.version], port) for port in (PORT, 1514))
    away = lab.bound(lab.server, SERVER[lab.version], OTHER_PORT)
    sender, leaver = (lab.bound(lab.client, CLIENT[lab.version], port) for port in (5000, 5001))
    sender.connect((HOST[lab.version], PORT))
    leaver.connect((SERVER[lab.version], OTHER_PORT))
    masquerade = {
        "type": "masquerade",
        "iface": "eth1",
        "src": f"{CLIENT[lab.version]}/{32 if lab.version == 4 else 128}",
    }
    redirect = {"type": "dnat", "protocol": "udp", "port": PORT, "to_port": "1514"}
    lab.lead_to({"nat_rules": [redirect, masquerade]})
    assert answered(sender, moved, b"one")
    leaver.send(b"two")
    assert away.recvfrom(100)[1][0] == INSIDE[lab.version]
    lab.lead_to(None)
    assert answered(sender, plain, b"three")
    leaver.send(b"four")
    assert away.recvfrom(100)[1][0] == CLIENT[lab.version]


def test_where_the_kernel_does_not_delete_the_report_says_which_and_how(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules are gone all the same, and the warning has the rule and a command for each."""
    there = lab.bound(lab.server, SERVER[lab.version], PORT)
    sender = lab.bound(lab.client, CLIENT[lab.version], 5000)
    sender.connect((HOST[lab.version], PORT))
    lab.lead_to(to_server(lab, SERVER))
    assert answered(sender, there, b"one")
    monkeypatch.setattr(conntrack, "CT_DELETE", 1 << 8 | 99)  # a message that this kernel does not know
    tools = Tools()
    with lab.host.inside():
        (step,) = nft_subsystem.operations(nft_kernel.observe({}, tools), nft_subsystem.ABSENT)
        nft_kernel.perform(step, tools)
        assert run("nft list tables") == ""
    (warning,) = tools.warnings
    command = f"conntrack -D -f ipv{lab.version} -p udp --orig-port-dst {PORT} --dst-nat {SERVER[lab.version]}"
    assert command in warning
    assert command in step.command
    assert f"udp dport {PORT} dnat" in warning

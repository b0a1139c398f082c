# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host under test between a client and a server behind it, all in network namespaces.

    client --- eth0 (host) eth1 --- inner

The plan is for eth0. ``192.0.2.1`` and ``2001:db8::1`` are the host's; ports 8000 to 8299 of it, tcp, udp and sctp, are
published by somebody else's table: they end at port 80 of ``inner``, as a container engine does it.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tests.kernel.nft_namespaces import Namespace, run
from tests.kernel.transaction_host import Host, transaction_host

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLISHED, BEHIND = 8000, 80
MORE_PUBLISHED = range(8001, 8300)
HOST = {4: "192.0.2.1", 6: "2001:db8::1"}
CLIENT = {4: "192.0.2.2", 6: "2001:db8::2"}
INNER = {4: "10.9.0.2", 6: "fd00:9::2"}
GATEWAY = {4: "10.9.0.1", 6: "fd00:9::1"}
OTHERS = f"""
table inet others {{
    chain prerouting {{
        type nat hook prerouting priority dstnat
        ip daddr {HOST[4]} tcp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip to {INNER[4]}:{BEHIND}
        ip daddr {HOST[4]} udp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip to {INNER[4]}:{BEHIND}
        ip6 daddr {HOST[6]} tcp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip6 to [{INNER[6]}]:{BEHIND}
        ip6 daddr {HOST[6]} udp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip6 to [{INNER[6]}]:{BEHIND}
        ip daddr {HOST[4]} sctp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip to {INNER[4]}:{BEHIND}
        ip6 daddr {HOST[6]} sctp dport {PUBLISHED}-{MORE_PUBLISHED[-1]} dnat ip6 to [{INNER[6]}]:{BEHIND}
    }}
    chain forward {{
        type filter hook forward priority filter
        ct state established counter
    }}
}}
"""


class Place(Namespace):
    """A network namespace that is there already."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY)


class Lab:
    """The host, its neighbours, and what is open between them.

    Attributes:
        machine: runs netopt on the host.
        host, client, inner: the namespaces.
        stack: closes what a kind of traffic has opened.
        kept: what rows that share the lab keep for one another.
    """

    def __init__(self, machine: Host, stack: ExitStack, *, rules: bool = True) -> None:
        self.machine = machine
        self.host, self.client, self.inner = Place(f"/proc/{machine.pid}/ns/net"), Namespace(), Namespace()
        for place in (self.host, self.client, self.inner):
            stack.callback(place.close)
        self.stack = stack.enter_context(ExitStack())
        self.kept: dict[str, Any] = {}
        self._held = stack
        with self.host.inside():
            run("ip link del eth0")
            for line in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
                run(f"sysctl -qw {line}")
        self.client.join(self.host, "eth0", "eth0")
        self.host.join(self.inner, "eth1", "eth0")
        self.host.address("eth0", f"{HOST[4]}/24", f"{HOST[6]}/64")
        self.host.address("eth1", f"{GATEWAY[4]}/24", f"{GATEWAY[6]}/64")
        self.client.address("eth0", f"{CLIENT[4]}/24", "192.0.2.3/24", f"{CLIENT[6]}/64", "2001:db8:0:1::2/64")
        self.inner.address("eth0", f"{INNER[4]}/24", f"{INNER[6]}/64")
        for place, gateway in ((self.client, HOST), (self.inner, GATEWAY)):
            with place.inside():
                run(f"ip route add default via {gateway[4]}")
                run(f"ip -6 route add default via {gateway[6]}")
        with self.host.inside():
            run("ip -6 route add 2001:db8:0:1::/64 dev eth0")  # the client's other network
            if rules:
                run("nft -f -", stdin=OTHERS)

    def mac(self, place: str, device: str) -> bytes:
        """Return a device's address of Ethernet."""
        with getattr(self, place).inside():
            (told,) = json.loads(run(f"ip -j link show dev {device}"))
        return bytes.fromhex(told["address"].replace(":", ""))

    def hold(self) -> None:
        """Leave open to the end what traffic has opened up to now."""
        self._held.enter_context(self.stack.pop_all())

    def hush(self) -> None:
        """Close what traffic has opened."""
        self.stack.close()

    def arrange(self, commands: tuple[str, ...]) -> None:
        """Run commands on the host that make it another one than described above."""
        with self.host.inside():
            for command in commands:
                run(command)


@contextmanager
def lab(*, rules: bool = True) -> Iterator[Lab]:
    """Make a lab, and take it down with all that is open in it.

    Args:
        rules: whether somebody else's table is there; not each kernel has rules.
    """
    with transaction_host() as machine, ExitStack() as stack:
        yield Lab(machine, stack, rules=rules)

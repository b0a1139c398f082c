# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The network of a namespace lab: its addresses, its bridge, and the commands that make both."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .state import PREFIX, LabHost

if TYPE_CHECKING:
    from .state import Lab

MAX_HOSTS = 200
BRIDGE = "lan0"
_GATEWAY = 254


def prefixes(name: str) -> tuple[str, str]:
    """Return the lab's IPv4 /24 and IPv6 /64, without the last part.

    They follow from the name, so that two labs never share an address: ssh's control sockets and
    known hosts are kept by address. They exist only inside the lab.
    """
    digest = hashlib.sha256(name.encode()).digest()
    return (
        f"10.{digest[0]}.{digest[1]}",
        f"fd{digest[2]:02x}:{digest[3]:02x}{digest[4]:02x}:{digest[5]:02x}{digest[6]:02x}:",
    )


def hosts_of(name: str, count: int) -> tuple[LabHost, ...]:
    """Return the hosts of a namespace lab with their addresses."""
    ipv4, ipv6 = prefixes(name)
    return tuple(LabHost(f"{PREFIX}{name}-{n}", f"{ipv4}.{n}", 22, f"{ipv6}:{n:x}") for n in range(1, count + 1))


def namespace_batch(lab: Lab) -> list[str]:
    """Return the ``ip -batch`` lines that make the namespaces."""
    return [f"netns add {name}" for name in (lab.lan, *(host.name for host in lab.hosts))]


def bridge_batch(lab: Lab) -> list[str]:
    """Return the ``ip -batch`` lines for the lab's own namespace: the bridge and one port per host."""
    ipv4, ipv6 = prefixes(lab.name)
    lines = [
        "link set lo up",
        f"link add {BRIDGE} type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
        f"address add {ipv4}.{_GATEWAY}/24 dev {BRIDGE}",
        f"address add {ipv6}:{_GATEWAY:x}/64 dev {BRIDGE} nodad",
        f"link set {BRIDGE} up",
    ]
    for number, host in enumerate(lab.hosts, start=1):
        lines += [
            f"link add port{number} type veth peer name eth0 netns {host.name}",
            f"link set port{number} master {BRIDGE} up",
        ]
    return lines


def host_batch(lab: Lab, host: LabHost) -> list[str]:
    """Return the ``ip -batch`` lines for one host: addresses and default routes on eth0."""
    ipv4, ipv6 = prefixes(lab.name)
    return [
        "link set lo up",
        f"address add {host.address}/24 dev eth0",
        f"address add {host.ipv6}/64 dev eth0 nodad",
        "link set eth0 up",
        f"route add default via {ipv4}.{_GATEWAY} dev eth0",
        f"route add ::/0 via {ipv6}:{_GATEWAY:x} dev eth0",
    ]


def hosts_file(lab: Lab, host: LabHost) -> str:
    """Return ``/etc/hosts`` of a host: every host of the lab by name."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback", f"127.0.1.1 {host.name}"]
    lines += [f"{address} {other.name}" for other in lab.hosts for address in (other.address, other.ipv6)]
    return "\n".join(lines) + "\n"

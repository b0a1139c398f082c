#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: connection and rate limits, DSCP marks and address translation in a table of their own."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_nft
short_description: Limit connections, mark traffic and translate addresses with nftables
version_added: 0.1.0
description:
  - Keeps one table, C(inet netopt), in the running kernel. No other table is read for change or written, so the rules
    of firewalld, Docker and Kubernetes stay as they are, counters included.
  - The table is what the options say and nothing else. What an earlier run or a person has put there goes away.
  - The rules are first loaded in a scratch network namespace. What nft or the kernel refuses is reported with the
    option's path before anything is touched. The whole table is then replaced in one transaction.
  - Loopback and established connections pass ahead of every limit. Limits only ever refuse, and what they let
    through goes on to every other table.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: linux
options:
  state:
    description:
      - Whether the table is there with the rules below, or not there at all.
    type: str
    choices: [present, absent]
    default: present
  iface:
    description:
      - The interfaces. Limits apply to what arrives there, marks to what leaves there. V(auto) is that of the
        default route, or all where several default routes are equal. A glob such as V(en*) is all that match.
      - Required when O(state=present), together with at least one of the options below. Options that ask for nothing,
        such as empty lists, take the table away.
    type: list
    elements: str
  connection_limits:
    description:
      - How many connections one source may hold at a time to a port of this host.
      - Several limits hold together, also for the same port. Connections that are there when a limit is set go on,
        and are not counted.
      - Limits of one protocol and one mask together remember 65535 pairs of source and port. A source beyond that is
        not limited.
    type: list
    elements: dict
    suboptions:
      protocol:
        description: The transport protocol.
        type: str
        choices: [tcp, udp, sctp]
        required: true
      port:
        description: The port as the service sees it, after any translation of destinations.
        type: int
      ports:
        description:
          - Ports and ranges whose connections are counted together, in the place of O(connection_limits[].port).
          - Without either, connections to all ports are counted together.
        type: list
        elements: str
      limit:
        description: Connections that a source may hold. The next one is refused.
        type: int
        required: true
      mask:
        description:
          - Bits of an IPv4 address that make up a source.
          - IPv6 takes twice as many. One customer, V(32) here, is a /64 there, and V(24) is a /48.
        type: int
        default: 32
      action:
        description: Whether a connection too many is answered (a reset, or an ICMP error) or ignored.
        type: str
        choices: [reject, drop]
        default: reject
      src:
        description: Only connections from these networks, IPv4 or IPv6.
        type: list
        elements: str
      except:
        description: Not connections from these networks.
        type: list
        elements: str
  rate_limits:
    description:
      - How fast connections may come. What is faster is dropped.
    type: list
    elements: dict
    suboptions:
      rate:
        description: A number and V(second), V(minute), V(hour) or V(day), for example V(1000/second).
        type: str
        required: true
      burst:
        description: How many may come at once before the rate counts. nft's own default is 5, and is taken here too.
        type: int
      protocol:
        description: Only this protocol. All protocols when left out.
        type: str
        choices: [tcp, udp, sctp, icmp, icmpv6]
      port:
        description: Only this port. Without O(rate_limits[].protocol) it means TCP, UDP and SCTP.
        type: int
      ports:
        description: Only these ports and ranges, which share the rate, in the place of O(rate_limits[].port).
        type: list
        elements: str
      per_source:
        description: Whether each source (an IPv4 address, an IPv6 /64) has a rate of its own. Else all share one.
        type: bool
        default: false
      per:
        description:
          - Whether new connections are counted, or packets.
          - Packets of established connections are counted too. IPv6 neighbour discovery is never limited.
        type: str
        choices: [connections, packets]
        default: connections
      icmp_type:
        description:
          - Only messages of this type, by name, such as V(echo-request), or by number.
          - Needs O(rate_limits[].protocol), which is V(icmp) or V(icmpv6). Neighbour discovery is never limited.
        type: str
      src:
        description: Only what comes from these networks, IPv4 or IPv6.
        type: list
        elements: str
      except:
        description: Not what comes from these networks.
        type: list
        elements: str
  connection_tracking:
    description:
      - What happens by the state of a connection. The size and the timeouts of the connection table are kernel
        parameters, see M(netopt.linux.netopt_sysctl).
    type: dict
    suboptions:
      accept_established:
        description:
          - Whether packets of established connections pass ahead of every limit of connections.
          - Left out, they do where there is a limit.
        type: bool
      drop_invalid:
        description: Whether packets that belong to no connection are dropped, for this host or passing through.
        type: bool
        default: false
  dscp:
    description:
      - Which code point packets leave with, those made here and those forwarded. The first entry that matches wins.
      - Addresses are those before a translation of sources and after one of destinations.
    type: list
    elements: dict
    suboptions:
      match:
        description: What has to match, all of it. An empty match takes every packet.
        type: dict
        default: {}
        suboptions:
          proto:
            description: The protocol.
            type: str
            choices: [tcp, udp, sctp, icmp, icmpv6]
          sports:
            description: Source ports, each V(N) or V(N-M). Without a protocol they mean TCP, UDP and SCTP.
            type: list
            elements: str
          dports:
            description: Destination ports, likewise.
            type: list
            elements: str
          src:
            description: A source address or prefix, IPv4 or IPv6.
            type: str
          dst:
            description: A destination address or prefix, of the same IP version.
            type: str
      dscp:
        description: The code point, 0 to 63, or its name, such as V(AF41), V(EF) or V(CS1).
        type: str
        required: true
  nat_rules:
    description:
      - Which addresses are translated for connections to come. Connections that are there stay as they are.
      - These rules come ahead of those of container engines. The host forwards only with C(net.ipv4.ip_forward) or
        C(net.ipv6.conf.all.forwarding) set.
    type: list
    elements: dict
    suboptions:
      type:
        description:
          - V(snat) gives connections that leave the source O(nat_rules[].to_addr), V(masquerade) the address of the
            interface.
          - V(dnat) sends connections that arrive to O(nat_rules[].to_addr). Connections made on this host itself are
            not translated.
          - V(masquerade) is for IPv4, unless O(nat_rules[].src) or O(nat_rules[].dst) is IPv6.
        type: str
        choices: [snat, dnat, masquerade]
        required: true
      iface:
        description: The interface that they leave or arrive by. O(iface) when left out.
        type: str
      protocol:
        description: Only this protocol.
        type: str
        choices: [tcp, udp, sctp]
      port:
        description: Only this destination port.
        type: int
      src:
        description: Only from this address or prefix.
        type: str
      dst:
        description: Only to this address or prefix.
        type: str
      to_addr:
        description: The address to translate to. Its IP version is the rule's.
        type: str
      to_port:
        description: The port to translate to.
        type: int
notes:
  - Forwarded connections are marked and translated, but not limited.
  - The rules do not outlast a restart. M(netopt.linux.netopt_apply) makes them persistent, and watches over them until
    they are confirmed.
seealso:
  - module: netopt.linux.netopt_apply
  - module: netopt.linux.netopt_sysctl
"""

EXAMPLES = r"""
- name: Protect SSH and the web server
  netopt.linux.netopt_nft:
    iface: auto
    connection_limits:
      - protocol: tcp
        port: 22
        limit: 5
      - protocol: tcp
        port: 443
        limit: 100
        mask: 24
    rate_limits:
      - rate: 1000/second
        burst: 50
    connection_tracking:
      drop_invalid: true

- name: Mark voice, and send everything else as best effort
  netopt.linux.netopt_nft:
    iface:
      - eth0
    dscp:
      - match:
          proto: udp
          dports: ["5060", "10000-20000"]
        dscp: EF
      - dscp: 0

- name: Publish an internal web server
  netopt.linux.netopt_nft:
    iface: eth0
    nat_rules:
      - type: dnat
        protocol: tcp
        port: 80
        to_addr: 10.0.0.5
        to_port: 8080
      - type: masquerade
        src: 10.0.0.0/24

- name: Take the table away again
  netopt.linux.netopt_nft:
    state: absent
"""

RETURN = r"""
report:
  description:
    - What was done, in the shape of one host's report of a plan.
  returned: always
  type: dict
  sample:
    status: applied
    changed: true
    diff:
      - subsystem: nft
        key: table inet netopt chain input rule 2
        before: null
        after: ct state established,related accept comment "connection_tracking.accept_established"
    operations:
      - command: nft -f - <<'NFT' ...
        ok: true
    skipped: []
    warnings: []
    checkpoint_id: null
    measurements: null
    error: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import host_interfaces
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._plan.dscp import with_numbers
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._transaction.refuse_lockout import refuse_lockout

PORT_PROTOCOLS = ["tcp", "udp", "sctp"]
CONTENTS = ["connection_limits", "rate_limits", "connection_tracking", "dscp", "nat_rules"]
PROTOCOLS = [*PORT_PROTOCOLS, "icmp", "icmpv6"]
NETWORKS = {"type": "list", "elements": "str"}


def _entries(**options: object) -> dict[str, object]:
    """Return the spec of a list of dicts."""
    return {"type": "list", "elements": "dict", "options": options}


ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "iface": {"type": "list", "elements": "str"},
    "connection_limits": _entries(
        protocol={"type": "str", "choices": PORT_PROTOCOLS, "required": True},
        port={"type": "int"},
        ports={"type": "list", "elements": "str"},
        limit={"type": "int", "required": True},
        mask={"type": "int", "default": 32},
        action={"type": "str", "choices": ["reject", "drop"], "default": "reject"},
        src=NETWORKS,
        **{"except": NETWORKS},
    ),
    "rate_limits": _entries(
        rate={"type": "str", "required": True},
        burst={"type": "int"},
        protocol={"type": "str", "choices": PROTOCOLS},
        port={"type": "int"},
        ports={"type": "list", "elements": "str"},
        per_source={"type": "bool", "default": False},
        per={"type": "str", "choices": ["connections", "packets"], "default": "connections"},
        icmp_type={"type": "str"},
        src=NETWORKS,
        **{"except": NETWORKS},
    ),
    "connection_tracking": {
        "type": "dict",
        "options": {
            "accept_established": {"type": "bool"},
            "drop_invalid": {"type": "bool", "default": False},
        },
    },
    "dscp": _entries(
        match={
            "type": "dict",
            "default": {},
            "options": {
                "proto": {"type": "str", "choices": PROTOCOLS},
                "sports": {"type": "list", "elements": "str"},
                "dports": {"type": "list", "elements": "str"},
                "src": {"type": "str"},
                "dst": {"type": "str"},
            },
        },
        dscp={"type": "str", "required": True},
    ),
    "nat_rules": _entries(
        type={"type": "str", "choices": ["snat", "dnat", "masquerade"], "required": True},
        iface={"type": "str"},
        protocol={"type": "str", "choices": PORT_PROTOCOLS},
        port={"type": "int"},
        src={"type": "str"},
        dst={"type": "str"},
        to_addr={"type": "str"},
        to_port={"type": "int"},
    ),
}


def main() -> None:
    """Make the table what the options say, or take it away."""
    module = AnsibleModule(
        argument_spec=ARGUMENT_SPEC,
        required_if=[("state", "present", ["iface"]), ("state", "present", CONTENTS, True)],
        supports_check_mode=True,
    )
    try:
        if module.params["state"] == "absent":
            intent = nft_subsystem.Intent(absent=True)
        else:
            facts = gather()
            ifaces = host_interfaces(module.params["iface"], facts)
            changes = with_numbers(module.params)
            refuse_lockout(changes, ifaces, facts)
            intent = nft_subsystem.intent(changes, ifaces)
            # Options that ask for nothing describe an empty table, which is none.
            intent = intent or nft_subsystem.Intent(absent=True)
    except NetoptError as error:
        report = HostReport()
        report.fail(FAILED, error)
    else:
        report = run_subsystem(
            nft_subsystem, nft_kernel, intent, tools=Tools(), check=module.check_mode, in_scratch=True
        )
    result = as_result(report, diff_mode=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nft of each release reads what it prints of our rules as the same rules: else there would be no way back."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._nft.subsystem import CLEAR, intent, table_text
from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab

pytestmark = pytest.mark.lab

RATES = [
    {"rate": "10/second", "per": per, "per_source": per_source, "protocol": protocol, "port": port}
    for protocol, per_source, per, port in product(
        ("tcp", "udp", "sctp", "icmp", "icmpv6", None), (False, True), ("connections", "packets"), (None, 80)
    )
    if port is None or protocol not in ("icmp", "icmpv6")
]
CONNECTIONS = [
    {"protocol": protocol, "port": 443, "limit": 10, "mask": mask, "action": action}
    for protocol, mask, action in product(("tcp", "udp", "sctp"), (32, 24), ("reject", "drop"))
]
MATCHES: list[dict[str, Any]] = [
    {},
    {"proto": "udp", "dports": ["5060"]},
    {"proto": "tcp", "sports": ["1-100"]},
    {"src": "10.0.0.0/8"},
    {"dst": "2001:db8::/32", "proto": "udp"},
    {"proto": "icmp"},
    {"proto": "icmp", "dst": "10.0.0.0/8"},
    {"proto": "icmpv6"},
    {"proto": "icmpv6", "src": "2001:db8::/32"},
]
TRANSLATIONS: list[dict[str, Any]] = [
    {"type": "masquerade"},
    {"type": "masquerade", "src": "10.99.0.0/16"},
    {"type": "masquerade", "protocol": "icmp"},
    {"type": "snat", "to_addr": "192.0.2.1", "protocol": "icmp", "src": "10.0.0.0/8"},
    {"type": "snat", "to_addr": "2001:db8::5", "src": "2001:db8::/64"},
    {"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "10.0.0.1", "to_port": "8080"},
    {"type": "dnat", "to_addr": "2001:db8::5"},
    {"type": "dnat", "to_addr": "2001:db8::5", "protocol": "icmpv6", "dst": "2001:db8::1"},
    {"type": "dnat", "protocol": "udp", "port": 53, "to_port": "5353"},
    {"type": "dnat", "to_port": "5353"},
]
MATCHED = [match for match in MATCHES if match for _copy in range(40)]  # so many that they are looked up in maps
TABLES: dict[str, dict[str, Any]] = {
    **{f"rate {number}": {"rate_limits": [rate]} for number, rate in enumerate(RATES)},
    **{f"limit {number}": {"connection_limits": [limit]} for number, limit in enumerate(CONNECTIONS)},
    **{f"mark {number}": {"dscp": [{"match": match, "dscp": 46}]} for number, match in enumerate(MATCHES)},
    **{f"translation {number}": {"nat_rules": [rule]} for number, rule in enumerate(TRANSLATIONS)},
    "tracking": {"connection_tracking": {"drop_invalid": True, "accept_established": True}},
    "classes": {"htb_classes": [{"classid": "1:10", "rate_mbit": 1, "match": MATCHED}]},
}


def test_what_is_printed_is_read_as_the_same(lab: Lab) -> None:
    """Each kind of rule is listed alike after the listing was loaded."""
    texts = {name.replace(" ", "-"): table_text(intent(changes, ("eth0",))) for name, changes in TABLES.items()}
    script = "cd $(mktemp -d)\n" + "".join(
        f"cat >{name}.nft <<'END'\n{CLEAR}{text}END\n"
        f"nft -f {name}.nft && nft -s list table inet netopt >first || echo {name}: not taken\n"
        "{ printf 'table inet netopt\\ndelete table inet netopt\\n'; nft list table inet netopt; } >again.nft\n"
        f"nft -f again.nft || echo {name}: not taken again\n"
        f"nft -s list table inet netopt | diff first - || echo {name}: read otherwise\n"
        for name, text in texts.items()
    )
    done = lifecycle.execute(lab, lab.hosts[0].name, ["unshare", "--net", "sh", "-s"], stdin=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""

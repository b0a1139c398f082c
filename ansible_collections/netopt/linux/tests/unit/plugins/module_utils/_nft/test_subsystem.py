# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules that a plan turns into, and how one state of the table becomes another; no kernel is needed."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._nft import list_parse
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem

SSH = {"protocol": "tcp", "port": 22, "limit": 5}


def rules(changes: dict[str, Any], *ifaces: str) -> list[str]:
    """Return the rules that carry a comment with an entry's path, without the comment."""
    lines = nft_subsystem.transaction(nft_subsystem.intent(changes, ifaces)).splitlines()
    return [line.strip().rpartition(" comment ")[0] for line in lines if "[" in line]


@pytest.mark.parametrize(
    ("changes", "asks"),
    [
        ({}, False),
        ({"sysctl": {"net.ipv4.ip_forward": "1"}, "mtu": 1400}, False),
        ({"connection_limits": [], "dscp": None}, False),
        ({"connection_tracking": {"max_connections": 1000, "tcp_timeout_established": 60}}, False),
        ({"connection_tracking": {"drop_invalid": False, "accept_established": False}}, False),
        ({"connection_tracking": {"drop_invalid": True}}, True),
        ({"connection_tracking": {"accept_established": True}}, True),
        ({"connection_limits": [SSH]}, True),
        ({"rate_limits": [{"rate": "1/day"}]}, True),
        ({"dscp": [{"match": {}, "dscp": 0}]}, True),
        ({"nat_rules": [{"type": "masquerade"}]}, True),
    ],
)
def test_an_intent_is_truthy_where_nft_has_something_to_do(changes: dict[str, Any], *, asks: bool) -> None:
    """Only what nftables does counts, and nothing asked renders to nothing."""
    intent = nft_subsystem.intent(changes, ("eth0",))
    assert asks == bool(intent)
    assert asks == (nft_subsystem.render(intent) != "")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"connection_limits": [SSH]},
            [
                (
                    'iifname "eth0" meta nfproto ipv4 meta l4proto tcp ct original proto-dst 22 ct state new '
                    "add @connlimit_tcp_v4 { ip saddr . ct original proto-dst ct count over 5 } counter "
                    "reject with tcp reset"
                ),
                (
                    'iifname "eth0" meta nfproto ipv6 meta l4proto tcp ct original proto-dst 22 ct state new '
                    "add @connlimit_tcp_v6 { ip6 saddr & ffff:ffff:ffff:ffff:: . ct original proto-dst "
                    "ct count over 5 } counter reject with tcp reset"
                ),
                (
                    'iifname "eth0" meta nfproto ipv4 tcp dport 22 ct state new '
                    "add @connlimit_tcp_v4 { ip saddr . tcp dport ct count over 5 } counter reject with tcp reset"
                ),
                (
                    'iifname "eth0" meta nfproto ipv6 tcp dport 22 ct state new add @connlimit_tcp_v6 '
                    "{ ip6 saddr & ffff:ffff:ffff:ffff:: . tcp dport ct count over 5 } counter reject with tcp reset"
                ),
            ],
        ),
        (
            {"rate_limits": [{"rate": "1000/second", "burst": 50}]},
            [
                (
                    'iifname "eth0" ct state new ct status & confirmed == 0 '
                    "limit rate over 1000/second burst 50 packets counter drop"
                )
            ]
            * 2,
        ),
        (
            {"rate_limits": [{"rate": "9/hour", "protocol": "icmpv6", "per_source": True, "per": "packets"}]},
            [
                (
                    'iifname "eth0" meta l4proto icmpv6 meta nfproto ipv6 update @ratelimit_icmpv6_v6 '
                    "{ ip6 saddr & ffff:ffff:ffff:ffff:: limit rate over 9/hour burst 5 packets } counter drop"
                )
            ]
            * 2,
        ),
        (
            {"rate_limits": [{"rate": "9/second", "port": 53, "per": "packets"}]},
            [
                f'iifname "eth0" {words} limit rate over 9/second burst 5 packets counter drop'
                for words in (
                    "meta l4proto tcp ct original proto-dst 53",
                    "meta l4proto udp ct original proto-dst 53",
                    "meta l4proto sctp ct original proto-dst 53",
                    "meta l4proto { tcp, udp, sctp } th dport 53",
                )
            ],
        ),
        (
            {"dscp": [{"match": {"sports": ["80", "90-99"], "dst": "10.0.0.1/32"}, "dscp": 46}]},
            [
                (
                    'oifname "eth0" meta nfproto ipv4 ip daddr 10.0.0.1 meta l4proto { tcp, udp, sctp } '
                    "th sport { 80, 90-99 } ip dscp set 46 accept"
                )
            ],
        ),
        (
            {"dscp": [{"match": {"proto": "udp", "dports": ["5-9", "7-12", "13"]}, "dscp": 1}]},
            [
                'oifname "eth0" meta nfproto ipv4 udp dport 5-13 ip dscp set 1 accept',
                'oifname "eth0" meta nfproto ipv6 udp dport 5-13 ip6 dscp set 1 accept',
            ],
        ),
        ({"nat_rules": [{"type": "masquerade"}]}, ['oifname "eth0" meta nfproto ipv4 masquerade']),
        (
            {"nat_rules": [{"type": "snat", "src": "fd00::/64", "to_addr": "2001:db8::1", "protocol": "tcp"}]},
            ['oifname "eth0" meta nfproto ipv6 ip6 saddr fd00::/64 meta l4proto tcp snat ip6 to 2001:db8::1'],
        ),
        (
            {
                "nat_rules": [
                    {"type": "dnat", "iface": "wan", "protocol": "tcp", "port": 80, "to_addr": "fd00::1", "to_port": 81}
                ]
            },
            ['iifname "wan" meta nfproto ipv6 tcp dport 80 dnat ip6 to [fd00::1]:81'],
        ),
    ],
)
def test_an_entry_becomes_rules(changes: dict[str, Any], expected: list[str]) -> None:
    """Each entry is said for the IP versions that it can apply to, on the plan's interface."""
    assert expected == rules(changes, "eth0")


@pytest.mark.parametrize(
    ("mask", "ipv4", "ipv6"),
    [
        (32, "ip saddr", "ffff:ffff:ffff:ffff::"),
        (24, "ip saddr & 255.255.255.0", "ffff:ffff:ffff::"),
        (16, "ip saddr & 255.255.0.0", "ffff:ffff::"),
        (0, "ip saddr & 0.0.0.0", "::"),
    ],
)
def test_ipv6_counts_by_twice_the_bits(mask: int, ipv4: str, ipv6: str) -> None:
    """The source prefix of an IPv4 mask and its IPv6 equivalent."""
    found = rules({"connection_limits": [{**SSH, "mask": mask}]}, "eth0")
    ports = ("ct original proto-dst", "tcp dport")
    keys = [f"{{ {source} . {port} ct" for port in ports for source in (ipv4, f"ip6 saddr & {ipv6}")]
    assert all(key in rule for key, rule in zip(keys, found))


def test_accepted_traffic_stands_ahead_of_limits() -> None:
    """Loopback, established connections and the middle of old ones come first, whatever the plan's order."""
    text = nft_subsystem.transaction(
        nft_subsystem.intent({"rate_limits": [{"rate": "1/second"}], "connection_limits": [SSH]}, ("eth0", "eth1"))
    )
    order = ['iif "lo" accept', "established,related accept", "!= syn accept", "ct count over", "limit rate over"]
    for chain in (text[text.index("chain input {") :], order[0] + text):
        assert sorted(order, key=chain.index) == order
    assert 'iifname { "eth0", "eth1" }' in text


@pytest.mark.parametrize(
    ("rate", "burst", "timeout"),
    [("10/second", 5, "60s"), ("10/hour", 5, "1800s"), ("7/hour", 5, "2572s"), ("1/day", 4000, "31536000s")],
)
def test_a_source_is_remembered_until_its_burst_is_full(rate: str, burst: int, timeout: str) -> None:
    """Forgetting it sooner would hand it a fresh burst; a year is the most."""
    text = nft_subsystem.render(
        nft_subsystem.intent({"rate_limits": [{"rate": rate, "burst": burst, "per_source": True}]}, ("eth0",))
    )
    assert f"timeout {timeout}\n" in text


@pytest.mark.parametrize(
    ("changes", "iface", "key"),
    [
        ({"dscp": [{"match": {"src": "10.0.0.0/8", "dst": "fd00::/8"}, "dscp": 0}]}, "eth0", "dscp[0].match"),
        ({"dscp": [{"match": {"proto": "icmp", "src": "fd00::/8"}, "dscp": 0}]}, "eth0", "dscp[0].match"),
        ({"dscp": [{"match": {"proto": "icmp", "dports": ["1"]}, "dscp": 0}]}, "eth0", "dscp[0].match"),
        ({"dscp": [{"match": {"dports": ["9-1"]}, "dscp": 0}]}, "eth0", "dscp[0].match"),
        ({"dscp": [{"match": {"dst": "nowhere"}, "dscp": 0}]}, "eth0", "dscp[0].match.dst"),
        ({"connection_limits": [SSH, {**SSH, "mask": 33}]}, "eth0", "connection_limits[1].mask"),
        ({"connection_limits": [{**SSH, "limit": 2**32}]}, "eth0", "connection_limits[0].limit"),
        ({"connection_limits": [{**SSH, "port": "1-9"}]}, "eth0", "connection_limits[0].port"),
        ({"connection_limits": [SSH]}, 'e"0', "iface"),
        ({"connection_limits": [SSH]}, "eth*", "iface"),
        ({"rate_limits": [{"rate": "fast"}]}, "eth0", "rate_limits[0].rate"),
        ({"rate_limits": [{"rate": "0/second"}]}, "eth0", "rate_limits[0].rate"),
        ({"rate_limits": [{"rate": "1/second", "burst": 2**32}]}, "eth0", "rate_limits[0].burst"),
        ({"nat_rules": [{"type": "snat"}]}, "eth0", "nat_rules[0]"),
        ({"nat_rules": [{"type": "dnat"}]}, "eth0", "nat_rules[0]"),
        ({"nat_rules": [{"type": "masquerade", "to_addr": "10.0.0.1"}]}, "eth0", "nat_rules[0]"),
        ({"nat_rules": [{"type": "snat", "src": "10.0.0.0/8", "to_addr": "::1"}]}, "eth0", "nat_rules[0]"),
        ({"nat_rules": [{"type": "snat", "to_addr": "10.0.0.0/8"}]}, "eth0", "nat_rules[0].to_addr"),
    ],
)
def test_what_cannot_be_said_is_refused_by_path(changes: dict[str, Any], iface: str, key: str) -> None:
    """An entry that no rule can express is an error of the plan that names it."""
    with pytest.raises(NetoptError) as caught:
        nft_subsystem.render(nft_subsystem.intent(changes, (iface,)))
    assert ("plan", key) == (caught.value.stage, caught.value.key)


def test_every_line_knows_its_entry() -> None:
    """The lines of a transaction, counted as nft counts them, lead back to the plan."""
    intent = nft_subsystem.intent({"connection_limits": [SSH], "dscp": [{"match": {}, "dscp": 0}]}, ("eth0",))
    for number, line in enumerate(nft_subsystem.transaction(intent).splitlines(), start=1):
        path, text = nft_subsystem.path_of_line(intent, number)
        if "[" in line.rpartition("comment")[2]:
            assert (f'comment "{path}"', line.strip()) == (line[-len(path) - 10 :], text)
    assert nft_subsystem.path_of_line(intent, 999) == ("table inet netopt", "")


OLD = """table inet netopt {
\tset seen {
\t\ttype ipv4_addr
\t\tflags dynamic,timeout
\t\telements = { 10.0.0.1,
\t\t\t\t10.0.0.2 }
\t}

\tset known {
\t\ttype ipv4_addr
\t\telements = { 10.0.0.1,
\t\t\t\t10.0.0.2 }
\t}

\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t\ttcp dport { 1, 2,
\t\t\t\t3 } accept comment "an { unbalanced brace"
\t\treject
\t\ttcp dport 5 jump {
\t\t\tudp dport 6 reject
\t\t}
\t}
}
"""


def test_a_listing_is_split_into_rules() -> None:
    """Wrapped sets are joined, nested chains keep their lines, and braces in comments do not count."""
    found = list_parse.parts(list_parse.comparable(OLD))
    assert found["set seen"] == ["type ipv4_addr", "flags dynamic,timeout"]
    assert found["set known"] == ["type ipv4_addr", "elements = { 10.0.0.1, 10.0.0.2 }"]
    assert found["chain input"] == [
        "type filter hook input priority filter; policy accept;",
        'tcp dport { 1, 2, 3 } accept comment "an { unbalanced brace"',
        "reject",
        "tcp dport 5 jump {",
        "udp dport 6 reject",
        "}",
    ]


def test_a_bare_reject_is_spelled_out_before_loading() -> None:
    """A bare one would be read back as the refusal of one IP version."""
    lines = [line.strip() for line in list_parse.loadable(OLD).splitlines()]
    assert "reject with icmpx type port-unreachable" in lines
    assert "udp dport 6 reject with icmpx type port-unreachable" in lines


def _state(text: str) -> dict[str, Any]:
    """Return the state of a kernel that lists ``text``."""
    return {"present": bool(text), "listing": list_parse.comparable(text), "text": list_parse.loadable(text)}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, []),
        (OLD.replace("10.0.0.2 }\n\t}\n\n\tset known", "10.9.9.9 }\n\t}\n\n\tset known"), []),
        (OLD.replace("\t\treject\n", ""), [("chain input rule 2", "reject", None)]),
        (OLD.replace("\t\treject\n", "\t\tdrop\n\t\treject\n"), [("chain input rule 2", None, "drop")]),
        (OLD.replace("\t\treject\n", "\t\tdrop\n"), [("chain input rule 2", "reject", "drop")]),
        (
            OLD.replace("priority filter", "priority 7"),
            [
                (
                    "chain input hook",
                    "type filter hook input priority filter; policy accept;",
                    "type filter hook input priority 7; policy accept;",
                )
            ],
        ),
    ],
)
def test_a_diff_names_the_rule(new: str, expected: list[tuple[str, str | None, str | None]]) -> None:
    """What differs is told by chain and number; what rules remember is no difference. Operations agree."""
    changes = nft_subsystem.diff(_state(OLD), _state(new))
    assert [(f"table inet netopt {key}", *values) for key, *values in expected] == [
        (change.key, change.before, change.after) for change in changes
    ]
    assert len(nft_subsystem.operations(_state(OLD), _state(new))) == (1 if expected else 0)


@pytest.mark.parametrize(
    ("current", "wanted", "payloads"),
    [
        ("", "", []),
        (OLD, "", [nft_subsystem.CLEAR]),
        ("", OLD, [nft_subsystem.CLEAR + list_parse.loadable(OLD)]),
        ("", "table inet netopt {\n}\n", [nft_subsystem.CLEAR + "table inet netopt {\n}\n"]),
    ],
)
def test_one_transaction_leads_from_a_state_to_another(current: str, wanted: str, payloads: list[str]) -> None:
    """The whole table is replaced or deleted, and a diff shows wherever there is a step."""
    steps = nft_subsystem.operations(_state(current), _state(wanted))
    assert payloads == [step.payload.text for step in steps]
    assert bool(payloads) == bool(nft_subsystem.diff(_state(current), _state(wanted)))

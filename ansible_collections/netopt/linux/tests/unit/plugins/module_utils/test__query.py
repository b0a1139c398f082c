# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions to hosts: arguments are checked before anything runs, output becomes data."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils import _query
from ansible_collections.netopt.linux.plugins.module_utils._allowlist import ALLOWLIST, refuse
from ansible_collections.netopt.linux.plugins.module_utils._errors import NetoptError

PING = "3 packets transmitted, 2 received, 33.3% packet loss, time 2ms\nrtt min/avg/max/mdev = 0.1/0.2/0.3/0.04 ms"
SAMPLE = {
    "iface": "eth0",
    "target": "192.0.2.1",
    "record": "MX",
    "keys": ["net.ipv4.tcp_rmem"],
    "count": 3,
    "duration_s": 1,
}


@pytest.mark.parametrize("name", sorted(_query.QUERIES))
@pytest.mark.parametrize("optional", [True, False])
def test_every_command_is_on_the_allowlist(name: str, optional: bool) -> None:  # noqa: FBT001 - both ways
    """With and without its optional arguments, each question runs only what the allowlist permits."""
    parameters = _query.QUERIES[name].parameters or {}
    given = {key: SAMPLE[key] for key, parameter in parameters.items() if optional or parameter.required}
    values = _query.arguments(name, given)
    for template in _query.QUERIES[name].commands.values():
        command = _query.argv(template, values)
        assert refuse(command, ALLOWLIST) is None, command
        assert not [word for word in command if "{" in word]


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("rm", {}, "There is no query 'rm'"),
        ("ip_info", {"target": "x"}, "takes no target"),
        ("eth_info", {}, "needs iface"),
        ("eth_info", {"iface": "-s"}, "iface is '-s'"),
        ("eth_info", {"iface": "a" * 16}, "iface is"),
        ("eth_info", {"iface": "eth0; reboot"}, "iface is"),
        ("ping_host", {"target": "-f"}, "target is '-f'"),
        ("ping_host", {"target": "$(id)"}, "target is"),
        ("ping_host", {"target": "a", "count": 21}, "count is 21"),
        ("ping_host", {"target": "a", "count": True}, "count is True"),
        ("dig", {"target": "a", "record": "+short"}, "record is '\\+short'"),
        ("dig", {"target": "@evil"}, "target is"),
        ("sysctl_get", {"keys": []}, "keys is"),
        ("sysctl_get", {"keys": ["net.../../../etc/passwd"]}, "keys is"),
        ("sysctl_get", {"keys": "net.core.somaxconn"}, "keys is"),
        ("bandwidth_sample", {"duration_s": 0}, "duration_s is 0"),
    ],
)
def test_wrong_arguments(name: str, given: dict[str, Any], message: str) -> None:
    """A wrong argument is refused with a hint, and never becomes a word of a command."""
    with pytest.raises(NetoptError, match=message) as caught:
        _query.arguments(name, given)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("output", "text", "expected"),
    [
        ("json", "", []),
        ("json", '[{"ifname":"lo"}]', [{"ifname": "lo"}]),
        ("words", "192.0.2.1 fd00::1 \n", ["192.0.2.1", "fd00::1"]),
        ("lines", "a \n\n b\n", ["a", " b"]),
        (
            "pairs",
            "Settings for eth0:\n\tSpeed: 10000Mb/s\n\tPort: 2\n\tModes: a\n\t       b\n",
            {"Speed": "10000Mb/s", "Port": 2, "Modes": "a b"},
        ),
        (
            "pairs",
            "Ring parameters for eth0:\nPre-set maximums:\nRX:\t\t4096\nCurrent hardware settings:\nRX:\t\t256\n",
            {"Pre-set maximums: RX": 4096, "Current hardware settings: RX": 256},
        ),
        (
            "nmcli_devices",
            "eth0:ethernet:connected:Wired\\: one\n",
            [{"device": "eth0", "type": "ethernet", "state": "connected", "connection": "Wired: one"}],
        ),
        (
            "ping",
            PING,
            {
                "lines": [
                    "3 packets transmitted, 2 received, 33.3% packet loss, time 2ms",
                    "rtt min/avg/max/mdev = 0.1/0.2/0.3/0.04 ms",
                ],
                "sent": 3,
                "received": 2,
                "loss_pct": 33.3,
                "min_ms": 0.1,
                "avg_ms": 0.2,
                "max_ms": 0.3,
                "mdev_ms": 0.04,
            },
        ),
        (
            "socket_summary",
            "Total: 9\nTCP:   4 (estab 1, closed 2, timewait 3)\n\nTransport Total  IP  IPv6\nUDP\t  5   3   2\n",
            {
                "tcp_states": {"estab": 1, "closed": 2, "timewait": 3},
                "transports": {"udp": {"total": 5, "ip": 3, "ipv6": 2}},
                "total": 9,
            },
        ),
    ],
)
def test_output_becomes_data(output: str, text: str, expected: Any) -> None:
    """What the tools print is read as they print it."""
    assert _query.parse(output, text) == expected


def test_files_become_data() -> None:
    """What the kernel and the resolver keep in files is read column by column."""
    assert _query.resolv_conf("# x\nnameserver 192.0.2.53\nsearch a b\noptions ndots:2\n") == {
        "nameservers": ["192.0.2.53"],
        "search": ["a", "b"],
        "options": ["ndots:2"],
    }
    assert _query.softnet("0000000a 00000001 00000002 " + "0 " * 9 + "00000003\n") == [
        {"cpu": 3, "processed": 10, "dropped": 1, "time_squeeze": 2}
    ]
    assert _query.conntrack_counters("entries drop\n0000000f 00000001\n0000000f 00000002\n") == {
        "entries": 15,
        "drop": 3,
    }
    before = _query.interface_bytes("h\nh\neth0: 1000 0 0 0 0 0 0 0 2000 0\n")
    after = _query.interface_bytes("h\nh\neth0: 251000 0 0 0 0 0 0 0 502000 0\n")
    assert _query.bandwidth(before, after, seconds=2) == {"eth0": {"rx_mbit": 1.0, "tx_mbit": 2.0}}

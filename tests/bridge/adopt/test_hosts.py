# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one host holds as a plan: by the host's own default, by a card's, and what neither can tell."""

from __future__ import annotations

import pytest

from mcp_bridge.adopt.hosts import _alike, _share, checked, from_host
from mcp_bridge.adopt.text import as_yaml
from mcp_bridge.policy import load_policy

POLICY = load_policy()
FIN, BUDGET, CONGESTION = "net.ipv4.tcp_fin_timeout", "net.core.netdev_budget", "net.ipv4.tcp_congestion_control"


@pytest.mark.parametrize(
    ("key", "value", "default", "adopted"),
    [
        (FIN, "23", "60", True),
        (FIN, "0x3c", "60", False),
        (BUDGET, "600", None, True),
        (BUDGET, "300", None, False),
        ("net.ipv4.conf.all.rp_filter", "2", None, True),
        ("net.ipv4.conf.all.rp_filter", "0", None, False),
        ("net.ipv4.conf.eth0/100.rp_filter", "2", "0", True),
        ("net.netfilter.nf_conntrack_max", "5", None, False),
        ("net.core.no_such_key", "5", None, False),
    ],
)
def test_adopted_where_it_is_not_the_default(key: str, value: str, default: str | None, *, adopted: bool) -> None:
    """The host's own comes first, then the card's; where there is neither, the key is left alone."""
    plans, left_out = from_host({key: (value, default, None)}, {}, POLICY, iface="auto", name=None)
    found = [each.plan["changes"]["sysctl"] for each in plans]
    assert found == ([{key: value}] if adopted else [])
    assert left_out == []


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("net.core.no_such_key", "5", "No card of the policy covers this key"),
        ("net.ipv4.tcp_fin_timeout", "999999", "exceeds maximum allowed"),
        ("net.ipv4.tcp_fastopen_key", "1-2-3-4", "It holds a secret"),
    ],
)
def test_left_out_with_its_reason(key: str, value: str, reason: str) -> None:
    """What no plan says is told with the default that it differs from."""
    plans, (line,) = from_host({key: (value, "7", None)}, {}, POLICY, iface="auto", name=None)
    assert plans == []
    assert reason in line.reason
    assert (str(line.place), line.text) == ("by default 7", f"{key} = {value}")


def test_a_plan_says_what_the_default_is() -> None:
    """Beside each setting stands what the kernel has without it, and who has set it where that is known."""
    values = {FIN: ("23", "60", None), BUDGET: ("600", None, "in /etc/sysctl.d/60-web.conf")}
    ((adopted,), _left_out) = from_host(values, {}, POLICY, iface="eth0", name="found")
    assert as_yaml(adopted) == (
        'name: "found"\niface: "eth0"\nchanges:\n  sysctl:\n'
        f"    {BUDGET}: 600  # by default 300; set in /etc/sysctl.d/60-web.conf\n    {FIN}: 23  # by default 60\n"
    )


@pytest.mark.parametrize(
    ("whose", "others", "told"),
    [
        (
            "by TuneD (/etc/tuned/a/tuned.conf)",
            "by TuneD (/etc/tuned/a/tuned.conf)",
            "; set by TuneD (/etc/tuned/a/tuned.conf)",
        ),
        ("in /etc/sysctl.d/a.conf", "in /etc/sysctl.d/b.conf", "; set in different places"),
        ("in /etc/sysctl.d/a.conf", None, "; set in different places"),
    ],
)
def test_equal_plans_of_hosts_set_by_others(whose: str, others: str | None, told: str) -> None:
    """Hosts with equal plans are told together, and by whom a value was set only where that is the same."""
    one, other = (from_host({FIN: ("23", "60", who)}, {}, POLICY, iface="auto", name=None) for who in (whose, others))
    assert _alike(one, other)
    _share(one[0], other[0])
    assert [str(place) for each in one[0] for place in each.places.values()] == [f"by default 60{told}"]
    assert not _alike(one, from_host({FIN: ("24", "60", whose)}, {}, POLICY, iface="auto", name=None))


@pytest.mark.parametrize("answer", [None, [], {FIN: 3}, {FIN: ["1"]}, {FIN: [1, "2"]}, {FIN: ["1", "2", 3]}])
def test_a_host_may_send_anything(answer: object) -> None:
    """What is no key with a value and a default counts for nothing."""
    assert checked(answer) == {}

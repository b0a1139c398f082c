# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of how the tools' views before a change and after its rollback are compared."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._subsystems.tool_views import SHOWN, differences

QDISC, CLASS, FILTER = (f"tc -d {form} show dev eth0" for form in ("qdisc", "class", "filter"))
HTB = "qdisc htb 1: dev eth0 root refcnt 9 r2q 10 default 0x1 direct_packets_stat 4 ver 3.17 direct_qlen 1000"
MARK = "filter protocol ip pref 1 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 flowid 1:1 (rule hit 7 success 2)"
NFT = "nft -s list table inet netopt"


@pytest.mark.parametrize(
    ("command", "before", "after"),
    [
        (QDISC, [HTB], [HTB.replace("refcnt 9", "refcnt 2").replace("stat 4", "stat 5")]),
        (QDISC, ["qdisc sfb 2: root seed 17", "qdisc a 1:"], ["qdisc a 1:", "qdisc sfb 2: root seed 8"]),
        (CLASS, ["class htb 1:1 root rate 1Mbit"], ["class htb 1:1 root rate 1Mbit", "class fq_codel :a parent none"]),
        (FILTER, [MARK], [MARK.replace(" (rule hit 7 success 2)", "")]),
        (
            FILTER,
            ["filter basic action order 1: gact action pass index 3 ref 1 bind 1 used_hw_stats disabled"],
            ["filter basic action order 1: gact action pass index 9 ref 2 bind 1"],
        ),
        (
            "tc -d chain show dev eth0 ingress",
            ["chain parent ffff: chain 7"],
            ["chain parent ffff: chain 7", "chain parent ffff: chain 0"],
        ),
        (NFT, ["chain a: ip daddr 192.0.2.1 expires 3s drop"], ["chain a: ip daddr 192.0.2.1 expires 1s drop"]),
    ],
)
def test_what_moves_by_itself_is_no_difference(command: str, before: list[str], after: list[str]) -> None:
    """Counters, what is drawn by lot, the kernel's own numbers, and what comes by itself."""
    assert differences({command: before}, {command: after}) == []


@pytest.mark.parametrize(
    ("command", "before", "after", "gone", "new"),
    [
        (QDISC, [HTB], [], HTB.replace(" refcnt 9", "").replace(" direct_packets_stat 4", ""), None),
        (QDISC, ["qdisc a 1: limit 9p"], ["qdisc a 1: limit 8p"], "qdisc a 1: limit 9p", "qdisc a 1: limit 8p"),
        (FILTER, ["filter a", "filter a"], ["filter a"], "filter a", None),
        ("tc -d chain show dev eth0 ingress", ["chain parent ffff: chain 7"], [], "chain parent ffff: chain 7", None),
        (NFT, ["a", "b", "c"], ["b", "a", "c"], "a\nb", "b\na"),
        ("sysctl -n net.ipv4.tcp_rmem", ["1 2 3"], ["1 2 4"], "1 2 3", "1 2 4"),
    ],
)
def test_what_differs_is_told(command: str, before: list[str], after: list[str], gone: str, new: str | None) -> None:
    """An error at the stage ``verify`` names the command and the lines of both sides."""
    (error,) = differences({command: before, QDISC + "2": ["a"]}, {command: after, QDISC + "2": ["a"]})
    assert (error.stage, error.key, error.wanted, error.after) == ("verify", command, gone, new)
    assert f"After the rollback `{command}` prints other than before the change: without {gone[:1]}" in error.message


def test_a_command_that_one_side_lacks_is_not_compared() -> None:
    """An interface that has gone since is nobody's failure."""
    assert differences({"ethtool -k eth0.5": ["gro: on"]}, {"ethtool -k eth1": ["gro: off"]}) == []


def test_long_differences_are_shortened() -> None:
    """An error stays readable, however much differs."""
    (error,) = differences({QDISC: [f"qdisc {number} {'x' * 999}" for number in range(SHOWN + 3)]}, {QDISC: []})
    assert error.wanted is not None
    assert error.wanted.endswith("\nand 3 more lines")
    assert len(error.wanted) < 3000


def test_filters_that_point_at_a_device_that_is_gone_do_not_count() -> None:
    """No kernel takes such a filter back, so a rollback leaves it and its table out; other filters count."""
    command = "tc -d filter show dev eth0 ingress"
    head = "filter protocol all pref 1 u32 chain 0"
    gone = f"{head} fh 800::800 order 2048 key ht 800 bkt 0 action order 1: mirred (Egress Redirect to device *) stolen"
    other = "filter protocol ip pref 2 flower chain 0 handle 0x1"
    before = {command: [head, f"{head} fh 800: ht divisor 1", gone, other]}
    assert differences(before, {command: [other]}) == []
    (error,) = differences(before, {command: []})
    assert error.wanted == other

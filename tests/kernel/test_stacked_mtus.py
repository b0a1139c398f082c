# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTUs of several plans, where the kernel changes one interface's with another's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import permutations

import pytest

from tests.kernel.plans_host import apply, drift, plan, remove, report_of, two_interfaces
from tests.kernel.transaction_host import IFACE, Host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with two interfaces and a place to rehearse in."""
    with two_interfaces() as made:
        yield made


def test_an_mtu_below_another_plans_mtu(host: Host) -> None:
    """The kernel lowers what stands on an interface with it; so it would take another plan's MTU away: refused."""
    host.shell("ip link add top0 link wan0 type macvlan")
    before = host.view()
    assert apply(host, plan({"mtu": 1400}, "top0", name="top")) == "applied"
    for check in (True, False):
        below = report_of(host, plan({"mtu": 1300}, "wan0", name="base"), check=check)
        assert below["error"]["message"] == (
            "changes.mtu of top0: plan top wants 1400, and plan base 1300 for wan0 below it"
        )
    assert drift(host) == []
    assert apply(host, plan({"mtu": 1400}, "wan0", name="base"), plan({"mtu": 1300}, "top0", name="top")) == "applied"
    assert drift(host) == []
    remove(host, "base", "top")
    assert host.view() == before


STACK = {"low": ({"mtu": 1400}, "wan0"), "one": ({"mtu": 1300}, "top0"), "two": ({"mtu": 1350}, "top1")}
ORDERS = [*permutations(STACK)]


@pytest.mark.parametrize("gone", ORDERS, ids="-".join)
def test_mtus_that_follow_one_another(host: Host, gone: tuple[str, ...]) -> None:
    """However three plans on one stack come and go, what stays holds, and in the end all is as in the beginning."""
    host.shell("for n in 0 1 2; do ip link add top$n link wan0 type macvlan && ip link set top$n up; done")
    host.shell("ip -6 addr add 2001:db8::1/64 dev top1; ip -6 route add 2001:db8:1::/64 dev top1 mtu 1450")
    host.shell("ip -6 route add 2001:db8:2::/64 dev top1 mtu lock 1450; echo 1440 >/proc/sys/net/ipv6/conf/top1/mtu")
    before = host.view()
    for name in ORDERS[ORDERS.index(gone) - 1]:
        assert apply(host, plan(*STACK[name], name=name)) == "applied"
    left = dict(STACK)
    for name in gone:
        assert remove(host, name) == "applied"
        del left[name]
        assert drift(host) == []
        for changes, iface in left.values():
            assert f"mtu {changes['mtu']} " in host.shell(f"ip link show {iface}")
    assert host.view() == before


def test_a_plan_stays_above_what_is_given_back(host: Host) -> None:
    """A plan that had room above a former smaller MTU is not lowered silently when that one comes back."""
    host.shell("ip link set wan0 mtu 1300; ip link add top0 link wan0 type macvlan")
    before = host.view()
    apply(host, plan({"mtu": 1500}, "wan0", name="low"))
    apply(host, plan({"mtu": 1400}, "top0", name="high"))
    error = host.ask(remove=["low"])["error"]
    assert "wan0 would get its former MTU 1300 back, and a plan wants 1400 for top0" in error["message"]
    assert drift(host) == []
    assert remove(host, "low", "high") == "applied"
    assert host.view() == before


@pytest.mark.parametrize("mtu", [1400, 1600])
def test_mtus_of_ipv6_come_back(host: Host, mtu: int) -> None:
    """A rollback brings back the MTU that IPv6 had of its own on an interface and on its routes."""
    host.shell(f"ip -6 addr add 2001:db8::1/64 dev {IFACE}; echo 1440 >/proc/sys/net/ipv6/conf/{IFACE}/mtu")
    for number, metric in enumerate(("mtu 1450", "mtu lock 1450", "mtu 1300")):
        host.shell(f"ip -6 route add 2001:db8:{number + 1}::/64 dev {IFACE} {metric}")
    before = host.view()
    apply(host, plan({"mtu": mtu}), checkpoint_id="one")
    assert host.view() != before
    assert host.checkpoint("restored", id="one")["report"]["error"] is None
    assert host.view() == before

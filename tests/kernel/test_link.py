# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""MTU and offloads on a kernel: what a change does, and that undoing it leaves no trace."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._link import kernel as link_kernel
from ansible_collections.netopt.linux.plugins.module_utils._link import subsystem as link_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from tests.commands import sh
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root")

DEVICES = """
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip link add v0 address 02:00:00:00:00:01 type veth peer name v1 address 02:00:00:00:00:02
ip link add br0 address 02:00:00:00:00:03 type bridge
ip link set v0 master br0; ip link set v0 up; ip link set v1 up; ip link set br0 up
"""
IPV6 = """
ip -6 addr add fd00::1/64 dev v1 nodad
ip -6 addr add fd00::2/64 dev v1 nodad noprefixroute
ip -6 addr add fd01::1 peer fd01::2/128 dev v1 nodad valid_lft 1000 preferred_lft 500
ip -6 route add fd05::/64 via fd00::9 dev v1 metric 77 mtu 1300
ip -6 route add fd06::/64 via fd00::9 dev v1 table 55
ip -6 route add default via fd00::8 dev v1 initcwnd 20 rto_min 40ms congctl reno
ip -6 route add fd07::/64 nexthop via fd00::3 dev v1 nexthop via fd00::4 dev v1 weight 3
ip -6 route add fd08::/64 dev v1 src fd00::1 pref high
ip -6 neigh add fd00::9 lladdr 02:00:00:00:00:09 nud permanent dev v1
sysctl -qw net.ipv6.conf.v1.accept_ra=0 net.ipv6.neigh.v1.mcast_solicit=5
"""
# all that can be seen of the interfaces; lifetimes and the bridge's timers count, and an address that came back is
# checked for duplicates
SHOW = """
ethtool -k v0; ethtool -k v1; ethtool -k br0; ip -d link | sed -E 's/timer +[0-9.]+/timer/g'
ip -6 addr show | sed -e 's/valid_lft.*//' -e 's/ tentative//'
ip -6 -d route show table all | sed 's/expires [0-9]*sec/expires/' | sort; ip -6 neigh show nud permanent
grep -r . /proc/sys/net/ipv6/conf/v1 /proc/sys/net/ipv6/neigh/v1 2>/dev/null
"""


def visible_once_quiet() -> str:
    """Return what can be seen once the bridge has noticed its port and no address is checked for duplicates."""

    def there() -> bool:
        addresses = sh("ip -6 addr show")
        return "fe80::ff:fe00:3/64" in addresses and "tentative" not in addresses

    until(there, 30, lambda: sh("ip -6 addr show"))
    return subprocess.run(["bash", "-c", SHOW], capture_output=True, check=False, text=True).stdout


def inside(function: Callable[[], Any], prepare: str = "") -> Any:
    """Return ``function()`` as computed in a namespace with a veth pair, one end of it in a bridge."""

    def prepared() -> Any:
        sh(DEVICES + prepare)
        return function()

    return in_scratch_namespace(prepared)


CASES = [
    ("v0", {"mtu": 1400}, ""),
    ("v1", {"mtu": 9000, "offloads": {"gro": True}}, ""),
    ("v1", {"mtu": 1200}, IPV6),
    ("v1", {"mtu": 1200}, IPV6 + "sysctl -qw net.ipv6.conf.v1.addr_gen_mode=1; ip -6 addr flush dev v1 scope link"),
    ("v1", {"offloads": {"tx": False}}, ""),
    ("v1", {"offloads": {"tso": False, "gso": False, "sg": False, "rx": False}}, ""),
    ("v1", {"offloads": {"tso": True, "gro": True}}, "ethtool -K v1 tso off"),
    ("v1", {"offloads": {"rx_gro_list": True, "txvlan": False}}, ""),
    ("v1", {"offloads": {"tx-udp-segmentation": False, "gro-list": True, "rx-gro": True}}, ""),
]


@pytest.mark.parametrize(("iface", "changes", "prepare"), CASES)
def test_change_repeat_and_undo(iface: str, changes: dict[str, Any], prepare: str) -> None:
    """A change holds, a second run finds nothing to do, and undoing it leaves everything as it was."""

    def run() -> Any:
        tools = Tools()
        intent = link_subsystem.intent(changes, (iface,))
        scope = link_subsystem.scope(intent)
        before, snapshot = visible_once_quiet(), link_kernel.observe(scope, tools)
        first = run_subsystem(link_subsystem, link_kernel, intent, tools=tools, check=False).as_dict()
        second = run_subsystem(link_subsystem, link_kernel, intent, tools=tools, check=False).as_dict()
        for step in link_subsystem.operations(link_kernel.observe(scope, tools), snapshot):
            link_kernel.perform(step, tools)
        return (
            first,
            second,
            before,
            visible_once_quiet(),
            link_subsystem.operations(link_kernel.observe(scope, tools), snapshot),
        )

    first, second, before, after, left = inside(run, prepare)
    assert (first["status"], first["error"]) == ("applied", None)
    assert (second["status"], second["diff"]) == ("unchanged", [])
    assert after == before
    assert left == []


@pytest.mark.parametrize(("iface", "changes", "prepare"), CASES)
def test_the_rendered_commands_do_the_same(iface: str, changes: dict[str, Any], prepare: str) -> None:
    """The text run by hand, twice, gives the same state as the module."""
    intent = link_subsystem.intent(changes, (iface,))

    def by_hand() -> str:
        for _ in range(2):
            for lines in link_subsystem.render(intent):
                for line in lines:
                    sh(line)
        return visible_once_quiet()

    def by_module() -> str:
        report = run_subsystem(link_subsystem, link_kernel, intent, tools=Tools(), check=False)
        assert report.error is None
        return visible_once_quiet()

    assert inside(by_hand, prepare) == inside(by_module, prepare)


@pytest.mark.parametrize(
    ("iface", "changes", "stage", "message"),
    [
        ("v1", {"offloads": {"lro": True}}, "rehearse", "fixed off"),
        ("v1", {"offloads": {"rxhash": True}}, "rehearse", "fixed off"),
        ("v1", {"offloads": {"nosuch": True}}, "rehearse", "no feature"),
        ("v1", {"mtu": 70000}, "rehearse", "from 68 to 65535"),
        ("nosuch", {"mtu": 1400}, "observe", "does not exist"),
    ],
)
def test_refusals_come_before_anything_is_touched(
    iface: str, changes: dict[str, Any], stage: str, message: str
) -> None:
    """The error says what the device does not do, and nothing was changed."""

    def run() -> Any:
        before = visible_once_quiet()
        intent = link_subsystem.intent({"mtu": 1300, **changes}, (iface,))
        report = run_subsystem(link_subsystem, link_kernel, intent, tools=Tools(), check=False)
        return report.as_dict(), before == visible_once_quiet()

    report, untouched = inside(run)
    assert untouched
    assert (report["status"], report["error"]["stage"]) == ("failed", stage)
    assert message in report["error"]["message"]


def test_a_feature_that_needs_another_is_an_error_and_undone() -> None:
    """TSO stays off while checksums are: the request is taken back."""

    def run() -> Any:
        sh("ethtool -K v1 tx off gso off >/dev/null; ethtool -K v1 tx-udp-segmentation off")
        before = visible_once_quiet()
        intent = link_subsystem.intent({"offloads": {"tx-udp-segmentation": True}}, ("v1",))
        report = run_subsystem(link_subsystem, link_kernel, intent, tools=Tools(), check=False)
        return report.as_dict(), before == visible_once_quiet()

    report, restored = inside(run)
    assert restored
    assert (report["status"], report["changed"]) == ("rolled_back", False)
    assert "tx-udp-segmentation" in report["error"]["key"]


def test_a_failure_halfway_undoes_the_rest() -> None:
    """When the offloads fail after the MTU was set, the MTU and all of IPv6 are as before."""

    def run() -> Any:
        class Breaking:
            observe, resolve = staticmethod(link_kernel.observe), staticmethod(link_kernel.resolve)

            @staticmethod
            def perform(step: Any, tools: Tools) -> None:
                if step.payload["do"] == "features":
                    raise NetoptError("broken on purpose", stage="apply", key=step.key)
                link_kernel.perform(step, tools)

        before = visible_once_quiet()
        intent = link_subsystem.intent({"mtu": 1200, "offloads": {"gro": True}}, ("v1",))
        report = run_subsystem(link_subsystem, Breaking, intent, tools=Tools(), check=False)  # type: ignore[arg-type]
        return report.as_dict(), before, visible_once_quiet()

    report, before, after = inside(run, IPV6)
    assert after == before
    assert (report["status"], report["error"]["message"]) == ("rolled_back", "broken on purpose")

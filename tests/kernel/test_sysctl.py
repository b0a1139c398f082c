# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctl keys on a kernel: what a change does to all of ``/proc/sys/net``, and that undoing it leaves no trace."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import kernel as sysctl_kernel
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import subsystem as sysctl_subsystem
from tests.commands import sh
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root")

DEVICES = "ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up"


def everything() -> dict[str, str]:
    """Return every readable key of this namespace, read without the code under test."""
    found = {}
    for path in Path("/proc/sys/net").rglob("*"):
        try:
            found[str(path)] = path.read_text(encoding="utf-8")
        except OSError:
            continue
    return found


def inside(function: Callable[[], Any]) -> Any:
    """Return ``function()`` as computed in a namespace with two interfaces."""

    def prepared() -> Any:
        sh(DEVICES)
        return function()

    return in_scratch_namespace(prepared)


CASES = [
    {"net.ipv4.ip_forward": "1"},
    {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.accept_redirects": "1", "net.ipv4.conf.v0.forwarding": "0"},
    {"net.ipv4.conf.default.rp_filter": "1", "net.ipv4.conf.v1.rp_filter": "2"},
    {"net.ipv6.conf.all.forwarding": "1", "net.ipv6.conf.v0.forwarding": "0"},
    {"net.ipv6.conf.all.ignore_routes_with_linkdown": "1"},
    {"net.ipv4.tcp_rmem": "4096  65536\t4194304", "net.ipv4.tcp_fastopen": "0x403", "net.core.somaxconn": "1000"},
    {"net.ipv4.ip_local_reserved_ports": "8080,9000-9001,9002"},
    {"net.ipv4.tcp_congestion_control": "reno"},
    {"net.ipv4.conf.{iface}.rp_filter": "1", "net.ipv6.conf.{iface}.accept_ra": "0"},
    {"net.ipv4.neigh.v0.base_reachable_time": "40", "net.ipv4.neigh.v1.unres_qlen": "50"},
    {"net.ipv6.neigh.v0.retrans_time_ms": "2000", "net.ipv6.route.gc_min_interval": "1"},
    {"net.ipv6.conf.default.disable_ipv6": "1", "net.ipv6.conf.lo.disable_ipv6": "1"},
    {"net.ipv4.ping_group_range": "0 100"},
]


@pytest.mark.parametrize("values", CASES)
def test_change_repeat_and_undo(values: dict[str, str]) -> None:
    """A change holds, a second run finds nothing to do, and undoing it leaves every key as it was."""

    def run() -> Any:
        tools = Tools()
        intent = sysctl_subsystem.intent({"sysctl": values}, ("v0",))
        scope = sysctl_subsystem.scope(intent)
        sh("sysctl -qw net.ipv4.conf.v0.rp_filter=2 net.ipv4.conf.v1.forwarding=1")
        before, snapshot = everything(), sysctl_kernel.observe(scope, tools)
        first = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=tools, check=False).as_dict()
        second = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=tools, check=False).as_dict()
        for step in sysctl_subsystem.operations(sysctl_kernel.observe(scope, tools), snapshot):
            sysctl_kernel.perform(step, tools)
        after = everything()
        return first, second, [key for key in {**before, **after} if before.get(key) != after.get(key)]

    first, second, left = inside(run)
    assert (first["status"], first["error"]) == ("applied", None)
    assert (second["status"], second["changed"]) == ("unchanged", False)
    assert left == []


CLONE_NEWIPC = 0x08000000


def test_keys_below_another_tree() -> None:
    """Keys below kernel are set, found unchanged and put back like those below net; here those of an IPC namespace."""
    values = {"kernel.msgmax": "16384", "kernel.sem": "300 32000 100 128"}

    def run() -> Any:
        assert ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWIPC) == 0
        tools = Tools()
        intent = sysctl_subsystem.intent({"sysctl": values})
        scope = sysctl_subsystem.scope(intent)
        snapshot = sysctl_kernel.observe(scope, tools)
        first = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=tools, check=False).as_dict()
        held = sysctl_kernel.observe(scope, tools)["values"]
        second = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=tools, check=False).as_dict()
        for step in sysctl_subsystem.operations(sysctl_kernel.observe(scope, tools), snapshot):
            sysctl_kernel.perform(step, tools)
        restored = sysctl_kernel.observe(scope, tools)["values"] == snapshot["values"]
        return first["status"], held, second["status"], restored

    assert inside(run) == ["applied", values, "unchanged", True]


@pytest.mark.parametrize("values", CASES)
def test_the_rendered_commands_do_the_same(values: dict[str, str]) -> None:
    """The text run by hand, twice, gives the same keys as the module."""
    intent = sysctl_subsystem.intent({"sysctl": values}, ("v0",))

    def by_hand() -> dict[str, str]:
        for _ in range(2):
            for line in sysctl_subsystem.render(intent):
                sh(line)
        return everything()

    def by_module() -> dict[str, str]:
        report = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False)
        assert report.error is None
        return everything()

    assert inside(by_hand) == inside(by_module)


@pytest.mark.parametrize(
    ("key", "value", "message", "after"),
    [
        ("net.core.rmem_max", "1048576", "read-only", None),
        ("net.core.netdev_budget", "600", "has no", "absent"),
        ("net.ipv4.no_such_key", "1", "has no", "absent"),
        ("net.ipv4.conf.nosuch.rp_filter", "1", "has no", "absent"),
        ("net.ipv4.tcp_retries1", "999", "refused", None),
        ("net.ipv4.tcp_rmem", "four", "refused", None),
        ("net.ipv4.tcp_congestion_control", "nosuch", "may not be chosen", None),
        ("net.ipv6.conf.all.disable_ipv6", "1", "takes the address 2001:db8::1/64 from v0", None),
    ],
)
def test_refusals_come_before_anything_is_touched(key: str, value: str, message: str, after: str | None) -> None:
    """The error names the key, and no other key of the plan was written."""

    def run() -> Any:
        sh("ip addr add 2001:db8::1/64 dev v0 nodad")
        before = everything()
        intent = sysctl_subsystem.intent({"sysctl": {"net.ipv4.tcp_fin_timeout": "7", key: value}})
        report = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False)
        return report.as_dict(), before == everything()

    report, untouched = inside(run)
    assert untouched
    assert report["status"] == "failed"
    assert report["error"]["stage"] == "rehearse"
    assert report["error"]["key"] == key
    assert message in report["error"]["message"]
    assert after is None or report["error"]["after"] == after


def test_a_failure_halfway_undoes_the_rest() -> None:
    """When the second key fails, the first and all that it reset are as before."""

    def run() -> Any:
        class Breaking:
            observe, resolve = staticmethod(sysctl_kernel.observe), staticmethod(sysctl_kernel.resolve)

            @staticmethod
            def perform(step: Any, tools: Tools) -> None:
                if step.payload["value"] == "7":
                    raise NetoptError("broken on purpose", stage="apply", key=step.key)
                sysctl_kernel.perform(step, tools)

        before = everything()
        intent = sysctl_subsystem.intent({"sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_fin_timeout": "7"}})
        report = run_subsystem(sysctl_subsystem, Breaking, intent, tools=Tools(), check=False)  # type: ignore[arg-type]
        return report.as_dict(), before == everything()

    report, restored = inside(run)
    assert restored
    assert (report["status"], report["changed"], report["error"]["key"]) == (
        "rolled_back",
        False,
        "net.ipv4.tcp_fin_timeout",
    )


def test_a_change_made_by_hand_is_seen_and_mended() -> None:
    """What is compared is the kernel's state."""

    def run() -> Any:
        intent = sysctl_subsystem.intent({"sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_fin_timeout": "7"}})
        run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False)
        sh("sysctl -qw net.ipv4.tcp_fin_timeout=9")
        check = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=True).as_dict()
        mend = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False).as_dict()
        return check, mend, sh("sysctl -n net.ipv4.tcp_fin_timeout").strip()

    check, mend, value = inside(run)
    change = {"subsystem": "sysctl", "key": "net.ipv4.tcp_fin_timeout", "before": "9", "after": "7"}
    assert (check["status"], check["diff"]) == ("would_change", [change])
    assert [step["command"] for step in mend["operations"]] == ["sysctl -w net.ipv4.tcp_fin_timeout=7"]
    assert value == "7"


def test_interfaces_with_dots_in_their_names() -> None:
    """Every spelling reaches the key of ``a.b``."""

    def run() -> Any:
        sh("ip link add a.b type veth peer name c.d")
        values = []
        for value, key in enumerate(
            ["net.ipv4.conf.a/b.tag", "net/ipv4/conf/a.b/tag", "net.ipv4.conf.a.b.tag"], start=5
        ):
            intent = sysctl_subsystem.intent({"sysctl": {key: value}})
            assert (
                run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False).status == "applied"
            )
            sh_value = Path("/proc/sys/net/ipv4/conf/a.b/tag").read_text(encoding="utf-8").strip()
            values.append(sh_value)
            for line in sysctl_subsystem.render(intent):
                sh(line)
        return values

    assert inside(run) == ["5", "6", "7"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"ipfrag_low_thresh": "5000000", "ipfrag_high_thresh": "6000000"},
        {"ipfrag_low_thresh": "100000", "ipfrag_high_thresh": "200000"},
        {"ip_unprivileged_port_start": "40000", "ip_local_port_range": "40000 50000"},
        {"ip_unprivileged_port_start": "80", "ip_local_port_range": "500 50000"},
    ],
)
def test_keys_that_may_not_pass_one_another(wanted: dict[str, str]) -> None:
    """Both are written in the order that their values ask for, on the way there and on the way back."""
    values = {f"net.ipv4.{name}": value for name, value in wanted.items()}

    def run() -> Any:
        before = everything()
        intent = sysctl_subsystem.intent({"sysctl": values})
        snapshot = sysctl_kernel.observe(sysctl_subsystem.scope(intent), Tools())
        report = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False)
        now = sysctl_kernel.observe(sysctl_subsystem.scope(intent), Tools())
        for step in sysctl_subsystem.operations(now, snapshot):
            sysctl_kernel.perform(step, Tools())
        return report.as_dict(), before == everything()

    report, restored = inside(run)
    assert (report["status"], report["error"]) == ("applied", None)
    assert restored


def _is_sure(iface: str) -> bool:
    """Tell whether an interface has its link-local address, and nobody else answers for it."""
    shown = sh(f"ip -6 addr show dev {iface}")
    return "fe80::" in shown and "tentative" not in shown


def test_ipv6_is_turned_off_where_it_comes_back() -> None:
    """Link-local addresses alone are given back by the kernel, with their routes, once IPv6 is on again."""

    def addresses() -> str:
        for name in ("v0", "v1"):
            until(lambda name=name: _is_sure(name), 10, f"the link-local address of {name}")
        shown = sh("ip -6 -o addr show") + sh("ip -6 route show table all")
        return "\n".join(sorted(re.sub(r"^\d+: ", "", line) for line in shown.splitlines()))

    def run() -> Any:
        before = addresses()
        intent = sysctl_subsystem.intent({"sysctl": {"net.ipv6.conf.all.disable_ipv6": "1"}})
        scope = sysctl_subsystem.scope(intent)
        snapshot = sysctl_kernel.observe(scope, Tools())
        report = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=False)
        off = sh("ip -6 addr show")
        for step in sysctl_subsystem.operations(sysctl_kernel.observe(scope, Tools()), snapshot):
            sysctl_kernel.perform(step, Tools())
        return report.as_dict()["status"], off, before, addresses()

    status, off, before, after = inside(run)
    assert (status, off) == ("applied", "")
    assert "fe80::" in before
    assert after == before

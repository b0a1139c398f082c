# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctl keys on a kernel: what a change does to all of ``/proc/sys/net``, and that undoing it leaves no trace."""

from __future__ import annotations

import os
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
]


@pytest.mark.parametrize("values", CASES)
def test_change_repeat_and_undo(values: dict[str, str]) -> None:
    """A change holds, a second run finds nothing to do, and undoing it leaves every key as it was."""

    def run() -> Any:
        tools = Tools()
        intent = sysctl_subsystem.intent({"sysctl": values})
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


@pytest.mark.parametrize("values", CASES)
def test_the_rendered_commands_do_the_same(values: dict[str, str]) -> None:
    """The text run by hand, twice, gives the same keys as the module."""
    intent = sysctl_subsystem.intent({"sysctl": values})

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
        ("net.ipv6.conf.all.disable_ipv6", "1", "removes every IPv6 address", None),
    ],
)
def test_refusals_come_before_anything_is_touched(key: str, value: str, message: str, after: str | None) -> None:
    """The error names the key, and no other key of the plan was written."""

    def run() -> Any:
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

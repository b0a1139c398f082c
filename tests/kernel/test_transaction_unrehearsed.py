# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose kernel lets nobody make a network namespace: plans are checked, made, read back, and undone exactly."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent as tc_intent
from ansible_collections.netopt.linux.plugins.module_utils._transaction.without_namespace import is_available, needed
from tests.kernel.test_transaction import PLANS, sysctl
from tests.kernel.test_transaction_faults import BEFORE, CHANGES
from tests.kernel.transaction_host import APPLY, IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

UNTRIED = "No network namespace can be made here (No space left on device)"
NEEDS_NONE = ("sysctl", "mtu and offloads")


@pytest.fixture
def host() -> Iterator[Host]:
    """A host that somebody has configured by hand, and that may make no namespace."""
    with transaction_host(may_make_namespaces=False) as made:
        assert "No space left" in made.shell("unshare --net true")
        made.shell(BEFORE)
        yield made


@pytest.mark.parametrize("name", PLANS)
def test_made_once_then_unchanged_then_undone(host: Host, name: str) -> None:
    """The report says that nothing was rehearsed; a second run changes nothing, even with its cache lost."""
    changes, before = PLANS[name], host.view()
    predicted = host.apply(changes, check=True)
    assert predicted["status"] == "would_change", predicted["error"]
    assert host.view() == before

    applied = host.apply(changes, checkpoint_id="one")
    assert applied["status"] == "applied", applied["error"]
    told = [warning for warning in applied["warnings"] if UNTRIED in warning]
    assert bool(told) is (name not in NEEDS_NONE)
    assert all("That a rollback leads back to the present state was not proven" in warning for warning in told)
    after = host.view()
    assert after != before
    assert host.checkpoint("verified")["drift"] == []

    assert host.apply(changes)["status"] == "unchanged"
    host.shell("rm /run/netopt/unchanged.json")
    again = host.apply(changes)
    assert (again["status"], again["changed"], again["checkpoint_id"], again["diff"]) == ("unchanged", False, None, [])
    assert list(host.statuses()) == ["one"]
    assert host.guards() == []

    undone = host.checkpoint("restored", id="one")["report"]
    assert undone["status"] == "rolled_back", undone["error"]
    assert not any("somebody else" in warning for warning in undone["warnings"])
    assert host.view() == before


def test_drift_is_mended_and_conflicts_are_named(host: Host) -> None:
    """What was read back counts as what the change set: drift is told, mended, and named when rolling back."""
    host.apply(PLANS["htb"], checkpoint_id="one")
    after = host.view()
    host.shell("tc class change dev eth0 classid 1:10 htb rate 7mbit")
    assert [one["subsystem"] for one in host.checkpoint("verified")["drift"]] == ["tc"]
    mended = host.apply(PLANS["htb"], checkpoint_id="two")
    assert mended["status"] == "applied", mended["error"]
    assert host.view() == after
    host.shell("tc class change dev eth0 classid 1:10 htb rate 8mbit")
    told = host.checkpoint("restored", id="two")["report"]
    assert any("somebody else" in warning for warning in told["warnings"]), told


def test_what_the_kernel_refuses_is_undone(host: Host) -> None:
    """Without a rehearsal a refusal comes while the plan is made: all of it is undone, and the report says which."""
    before = host.view()
    report = host.apply({**sysctl(tcp_fin_timeout=15), "qdisc": {"type": "sfq", "params": {}}})
    assert report["status"] in {"rolled_back", "failed"}
    assert "sfq" in json.dumps(report["error"])
    assert report["error"]["stage"] == ("apply" if report["status"] == "rolled_back" else "rehearse")
    assert host.view() == before


def test_what_nft_refuses_is_not_begun(host: Host) -> None:
    """Rules that nft or the kernel refuses are found by the checks, before anything is touched."""
    before = host.view()
    wrapper = (
        "#!/bin/sh\n"
        'case "$*" in "-c -f -") echo "/dev/stdin:4:1-9: Error: made to refuse" >&2; exit 1;; esac\n'
        'exec /run/netopt/nft.real "$@"\n'
    )
    host.run("sh", "-c", "cat >/run/netopt/nft.wrapper; chmod 755 /run/netopt/nft.wrapper", stdin=wrapper)
    host.shell(
        "cd /run/netopt; path=$(readlink -f /usr/sbin/nft); touch nft.real; mount --bind $path nft.real;"
        " mount --bind nft.wrapper $path"
    )
    report = host.apply(PLANS["limits and marks"])
    assert (report["status"], report["error"]["stage"], report["operations"]) == ("failed", "rehearse", [])
    assert "made to refuse" in report["error"]["message"]
    assert host.view() == before


@pytest.mark.parametrize(
    "fault", [*(pytest.param(name, marks=pytest.mark.long) for name in ("SIGKILL", "SIGTERM")), "error"]
)
def test_fault_undone(host: Host, fault: str) -> None:
    """Whatever ends the change at any of its operations, the host is as before."""
    before = host.view()
    whole = host.apply(CHANGES, checkpoint_id="whole")
    assert whole["status"] == "applied", whole["error"]
    host.checkpoint("restored", id="whole")
    assert host.view() == before
    host.shell("rm /run/netopt/unchanged.json")
    for at in range(len(whole["operations"])):
        identity = f"{fault}-{at}"
        report = host.apply(CHANGES, at=at, fault=fault, checkpoint_id=identity)
        assert report == {} or report["status"] == "rolled_back", report
        host.wait_for(identity, "rolled_back")
        assert host.view() == before, at


def test_unconfirmed_is_undone_and_confirmed_stays(host: Host) -> None:
    """The guard undoes what nobody confirms, as after a rehearsal."""
    before = host.view()
    assert host.apply(CHANGES, confirm_timeout_s=1, checkpoint_id="late")["status"] == "applied"
    host.wait_for("late", "rolled_back")
    assert host.view() == before
    assert host.apply(CHANGES, confirm_timeout_s=60, checkpoint_id="kept")["status"] == "applied"
    assert host.checkpoint("confirmed", id="kept")["report"]["status"] == "applied"


def test_root_without_cap_sys_admin_rehearses_in_a_user_namespace() -> None:
    """Where only CAP_SYS_ADMIN is missing the rehearsal takes place as ever, in a user namespace."""
    with transaction_host() as made:
        bounded = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"]
        changes = {"nat_rules": [{"type": "masquerade"}], **sysctl(ip_forward=1), **PLANS["shaper both ways"]}
        asked = {"plan": {"iface": IFACE, "changes": changes}}
        report = json.loads(made.run(*bounded, *APPLY, stdin=json.dumps(asked)))
        assert (report["status"], report["warnings"]) == ("applied", []), report
        assert made.apply(changes)["status"] == "unchanged"


LISTS = {"modules.builtin": "kernel/net/sched/sch_htb.ko\n", "modules.dep": "kernel/net/sched/sch-cake.ko.xz: a.ko\n"}


@pytest.mark.parametrize(
    ("module", "expected"), [("sch_htb", True), ("sch_cake", True), ("sch_nonesuch", False), ("sch_pfifo", True)]
)
def test_module_of_the_kernel_is_known_or_not(tmp_path: Path, module: str, *, expected: bool) -> None:
    """A module is found among those built in and those that can be loaded; without the lists nobody knows."""
    for name, text in LISTS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert is_available(module, folder=str(tmp_path)) is expected
    assert is_available("sch_nonesuch", folder=str(tmp_path / "no such folder")) is None


@pytest.mark.parametrize("changes", PLANS.values(), ids=PLANS.keys())
def test_modules_that_a_plan_needs_are_such_as_there_are(changes: dict[str, Any]) -> None:
    """What is looked for among the kernel's modules has the names of modules."""
    intent = tc_intent(changes, (IFACE,))
    found = {module for module, _what in needed(intent)}
    assert found <= {"sch_htb", "sch_tbf", "sch_pfifo", "sch_ingress", "cls_u32", "ifb"}, found
    assert bool(found) is bool(intent)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks from end to end on one host, with a local connection: what an operator runs, as it is run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.transaction_host import IFACE, ROOT, Host, transaction_host

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root"),
]

PYTHON = {"ansible_python_interpreter": sys.executable}
PLAN = {
    "iface": IFACE,
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": 15},
        "qdisc": {"type": "htb", "params": {"default": "1:10"}},
        "htb_classes": [{"classid": "1:10", "rate_mbit": 50}],
    },
}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with one interface."""
    with transaction_host() as made:
        yield made


def play(host: Host, name: str, *options: str, **variables: Any) -> dict[str, Any]:
    """Run one of the collection's playbooks and return the result of the last task before the summary."""
    playbook = f"netopt.linux.{name}"
    text = host.run(
        "env",
        f"ANSIBLE_COLLECTIONS_PATH={ROOT}",
        "ANSIBLE_LOCALHOST_WARNING=0",
        "ANSIBLE_CALLBACK_RESULT_FORMAT=json",
        str(Path(sys.executable).with_name("ansible-playbook")),
        playbook,
        *("-i", "host,", "-c", "local", "-v", "-e", json.dumps({**variables, **PYTHON}), *options),
        check=False,
    )
    # what people read at the end is printed over several lines
    results = [line.partition("=> ")[2] for line in text.splitlines() if "=> {" in line and line.endswith("}")]
    assert results, text
    found: dict[str, Any] = json.loads(results[-1])
    return found


@pytest.mark.long
def test_apply_confirm_and_roll_back(host: Host) -> None:
    """A plan is checked, applied, confirmed over a new connection, found unchanged, and rolled back by its name."""
    before = host.view()
    confirmed = play(host, "apply", netopt_plan=PLAN, netopt_checkpoint_id="fleet", netopt_confirm_timeout_s=60)
    assert confirmed["report"]["status"] == "applied"
    assert host.statuses() == {"fleet": "confirmed"}
    again = play(host, "apply", netopt_plan=PLAN)
    assert (again["report"]["status"], again["changed"]) == ("unchanged", False)
    assert list(host.statuses()) == ["fleet"]
    undone = play(host, "rollback", netopt_checkpoint_id="fleet")
    assert undone["report"]["status"] == "rolled_back"
    assert host.view() == before


def test_refused_before_any_host(host: Host) -> None:
    """A plan beyond the policy's limits fails with all its issues, and the host does not hear of it."""
    plan = {"iface": IFACE, "changes": {"sysctl": {"net.core.rmem_max": "999999999999"}, "mtu": 1}}
    refused = play(host, "apply", netopt_plan=plan)
    messages = {issue["path"]: issue["message"] for issue in refused["issues"]}
    assert messages["changes.sysctl.net.core.rmem_max"] == "Value exceeds maximum allowed: 2147483647"
    assert "changes.mtu" in messages
    assert host.statuses() == {}


@pytest.mark.parametrize("check", [[], ["--check"]], ids=["change", "check mode"])
def test_the_module_by_itself_refuses_what_is_no_plan(host: Host, check: list[str]) -> None:
    """Without the policy too, a misspelt port is no rule for all ports: the module names it and touches nothing."""
    before = host.view()
    plan = {"iface": IFACE, "changes": {"rate_limits": [{"rate": "10/second", "protocol": "tcp", "prot": 443}]}}
    options = {"plan": plan, "confirm_timeout_s": 0, "check_policy": False}
    refused = host.run(
        "env",
        f"ANSIBLE_COLLECTIONS_PATH={ROOT}",
        "ANSIBLE_LOCALHOST_WARNING=0",
        str(Path(sys.executable).with_name("ansible")),
        *("host", "-i", "host,", "-c", "local", "-e", json.dumps(PYTHON), *check),
        *("-m", "netopt.linux.netopt_apply", "-a", json.dumps(options)),
        check=False,
    )
    assert "changes.rate_limits[0].prot is no key of a plan" in refused
    assert "Did you mean port or protocol" in refused
    assert host.view() == before
    assert host.statuses() == {}

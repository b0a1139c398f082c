# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A person at a terminal is asked before hosts are changed, in the words of the question over MCP; a script is not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect
import pytest

from mcp_bridge.consent.consent_text import about_apply
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from mcp_bridge.runs.apply_options import ApplyOptions

PLAN: dict[str, Any] = {
    "iface": "eth0",
    "changes": {
        "sysctl": {"net.ipv4.tcp_fin_timeout": 23},
        "connection_limits": [{"protocol": "tcp", "port": port, "limit": 1_000_000} for port in range(1, 41)],
        "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 443, "to_addr": "203.0.113.66"}],
        "mtu": 1400,
    },
    "rationale": ["\x1b[2JNothing to see"],
}
NOBODY = "nobody.invalid"
PATIENCE_S = 60


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with a plan, and an inventory with two plans for hosts that do not exist."""
    (tmp_path / "plan.json").write_text(json.dumps(PLAN), encoding="utf-8")
    inventory = {
        "web": {"hosts": {f"a.{NOBODY}": {"netopt_plan": PLAN}, f"b.{NOBODY}": {"netopt_plan": {**PLAN, "iface": "x"}}}}
    }
    (tmp_path / "inventory.json").write_text(json.dumps(inventory), encoding="utf-8")
    return tmp_path


def words(here: Path, *rest: str) -> tuple[list[str], Mapping[str, str]]:
    """Return the command and its environment."""
    environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(here), "NETOPT_STATE_DIR": str(here / "state")}
    return [sys.executable, "-m", "mcp_bridge", *rest, "-i", str(here / "inventory.json")], {
        **environment,
        "PYTHONPATH": str(Path(__file__).resolve().parents[3]),
        "ANSIBLE_HOST_KEY_CHECKING": "no",
    }


def on_a_terminal(here: Path, *rest: str, answer: str | None) -> tuple[int, str]:
    """Run a command on a terminal, answer its question, and return its exit status and all that was shown."""
    command, environment = words(here, *rest)
    child = pexpect.spawn(
        command[0],
        command[1:],
        env={**environment, "TERM": "dumb"},
        encoding="utf-8",
        timeout=PATIENCE_S,
        dimensions=(60, 500),
        cwd=str(here),
    )
    shown = ""
    if answer is not None:
        child.expect_exact("Do it? [y/N] ")
        shown = child.before
        child.sendline(answer)
    child.expect(pexpect.EOF)
    shown += child.before
    child.close()
    return child.exitstatus, shown.replace("\r\n", "\n")


def noted(here: Path) -> list[str]:
    """Return what the audit log says of questions."""
    lines = (here / "state" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    return [entry["outcome"] for entry in map(json.loads, lines) if entry["action"] == "consent"]


def test_no_changes_nothing(here: Path) -> None:
    """All of the plan is shown, what can hurt first; without y nothing is done, and the log has the question."""
    status, shown = on_a_terminal(here, "apply", "plan.json", answer="")
    rendered = check(PLAN, load_policy()).rendered
    lines = about_apply([rendered], f"2 hosts (a.{NOBODY}, b.{NOBODY})", ApplyOptions(), confirm_s=120)
    assert "\n".join(lines) in shown
    assert "\x1b" not in shown
    assert "Nothing was changed" in shown
    assert (status, noted(here)) == (1, ["declined"])
    assert not list((here / "state" / "runs").glob("*"))


def test_yes_goes_on(here: Path) -> None:
    """With y the hosts are reached for."""
    status, shown = on_a_terminal(here, "apply", "plan.json", answer="y")
    assert "unreachable" in shown
    assert (status, noted(here)) == (1, ["confirmed"])


def test_each_hosts_own_plan(here: Path) -> None:
    """Where each host has its own plan, the question says which, whole."""
    status, shown = on_a_terminal(here, "apply", "--from-inventory", answer="n")
    assert "each as its own plan says?" in shown
    for host in ("a", "b"):
        assert f"On 1 host ({host}.{NOBODY}):" in shown
    assert shown.count("to_addr=203.0.113.66") == 2
    assert (status, noted(here)) == (1, ["declined"])


@pytest.mark.parametrize(
    "rest",
    [
        ("rollback", "20261122T120000Z-3fa9c1"),
        pytest.param(("checkpoints", "--delete", "20261122T120000Z-3fa9c1"), marks=pytest.mark.long),
        pytest.param(("remove", "x"), marks=pytest.mark.long),
    ],
)
def test_what_else_is_asked_about(here: Path, rest: tuple[str, ...]) -> None:
    """Rolling back, forgetting a checkpoint and taking a plan away are asked about as well."""
    status, shown = on_a_terminal(here, *rest, answer="n")
    assert f"2 hosts (a.{NOBODY}, b.{NOBODY})?" in shown
    assert (status, noted(here)) == (1, ["declined"])


@pytest.mark.parametrize("option", ["--yes", "--check"])
def test_who_is_not_asked_on_a_terminal(here: Path, option: str) -> None:
    """With --yes, and where nothing is changed, there is no question."""
    _status, shown = on_a_terminal(here, "apply", "plan.json", option, answer=None)
    assert "unreachable" in shown
    assert "Do it?" not in shown
    assert noted(here) == []


def test_a_script_is_not_asked(here: Path) -> None:
    """Without a terminal a command does what it says, as it always did."""
    command, environment = words(here, "apply", str(here / "plan.json"))
    done = subprocess.run(
        command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )
    assert "unreachable" in done.stdout
    assert "Do it?" not in done.stdout + done.stderr
    assert noted(here) == []

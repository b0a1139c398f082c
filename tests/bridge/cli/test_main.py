# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command line: exit statuses, readable refusals, and the whole way on real hosts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge import COLLECTIONS_ROOT
from mcp_bridge.cli import main
from mcp_bridge.lab.state import Lab
from tests.waiting import until

GOOD = {"iface": "eth0", "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": 23}}}
TOO_LARGE = {"iface": "eth0", "changes": {"sysctl": {"net.core.rmem_max": "999999999999"}}}


class Netopt:
    """Runs ``netopt`` as a process of its own, with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(COLLECTIONS_ROOT),
            "NETOPT_STATE_DIR": str(folder / "state"),
        }

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "mcp_bridge", *words],
            input=stdin,
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
            cwd=self.folder,
            env={**self.environment, **environment},
        )

    def json(self, *words: str, status: int = 0) -> dict[str, Any]:
        """Run one command with --json and return what it printed."""
        done = self(*words, "--json")
        assert done.returncode == status, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@pytest.fixture
def netopt(tmp_path: Path) -> Netopt:
    """The command, and plans to give it."""
    (tmp_path / "good.json").write_text(json.dumps(GOOD), encoding="utf-8")
    (tmp_path / "good.yml").write_text("iface: eth0\nchanges: {sysctl: {net.ipv4.tcp_fin_timeout: 23}}\n")
    (tmp_path / "too-large.json").write_text(json.dumps(TOO_LARGE), encoding="utf-8")
    (tmp_path / "broken.json").write_text('{"iface": ', encoding="utf-8")
    (tmp_path / "broken.yml").write_text("iface: [eth0\nchanges: x", encoding="utf-8")
    (tmp_path / "list.yml").write_text("- 1\n", encoding="utf-8")
    (tmp_path / "variables.yml").write_text("netopt_plans: [{iface: eth0, changes: {mtu: 1400}}]\n", encoding="utf-8")
    (tmp_path / "own" / "config_cards").mkdir(parents=True)
    (tmp_path / "own" / "config_cards" / "sysctl.own.yaml").write_text("id: sysctl.own\n", encoding="utf-8")
    (tmp_path / "latin.json").write_bytes(b'{"iface": "\xe9"}')
    return Netopt(tmp_path)


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("", 2, "usage: netopt"),
        ("--help", 0, "some hosts could not be rolled back"),
        ("frobnicate", 2, "invalid choice"),
        ("validate", 2, "Give exactly one of PLAN and --from-inventory"),
        ("validate good.json", 0, "The plan is valid."),
        ("validate good.yml", 0, "The plan is valid."),
        (
            "validate too-large.json",
            1,
            "error: changes.sysctl.net.core.rmem_max: Value exceeds maximum allowed: 2147483647",
        ),
        ("validate missing.json", 2, "missing.json cannot be read: No such file or directory"),
        ("validate .", 2, "cannot be read: Is a directory"),
        ("validate broken.json", 2, "broken.json is not JSON"),
        ("validate broken.yml", 2, "broken.yml:2:"),
        ("validate list.yml", 2, "holds a list where an object is wanted"),
        ("validate variables.yml", 2, "variables.yml holds netopt_plans: variables of an inventory, and no plan"),
        ("validate latin.json", 2, "is not UTF-8 at byte 11"),
        ("render too-large.json", 1, "Value exceeds maximum allowed: 2147483647"),
        ("apply", 2, "Give exactly one of PLAN"),
        ("apply good.json --profile server", 2, "Give exactly one of PLAN"),
        ("apply good.json --iface eth0", 2, "--iface goes with --profile"),
        ("apply good.json --up 20 --down 100", 2, "--up and --down go with --profile"),
        ("apply --profile gaming --up 20", 2, "Give both --up MBIT and --down MBIT"),
        ("apply --profile gaming --up 20 --down 500000 -i here,", 1, "link.down_mbit: Value exceeds"),
        ("plan --from-inventory --up 20 --down 100", 2, "--up and --down go with PROFILE"),
        ("measure --bloat -i here,", 2, "Add --iperf HOST"),
        ("measure --ping a --before earlier.json -i here,", 2, "Add --bloat --iperf HOST"),
        ("measure --bloat --iperf a --before good.json -i here,", 2, "good.json holds no measurements"),
        ("apply good.json --confirm-timeout soon", 2, "not a whole number: 'soon'"),
        ("apply good.json --confirm-timeout 3", 1, "Allowed: 5 to 86400 s"),
        ("apply --rendered good.json", 2, "is not a rendered plan"),
        ("apply --profile nope -i here,", 1, "There is no such profile"),
        ("apply too-large.json -i here,", 1, "Value exceeds maximum allowed"),
        ("apply good.json -i missing.ini", 1, "There is no inventory missing.ini"),
        ("apply good.json -i here, -l nowhere", 1, "Known hosts: here."),
        ("apply good.json -i here, -l @/etc/passwd", 1, "Not a host pattern"),
        ("rollback ../../etc", 2, "not a checkpoint id"),
        ("remove", 2, "required: NAME"),
        ("remove ../etc -i here,", 2, "not the name of a plan: '../etc'"),
        ("remove web --confirm-timeout 3 -i here,", 1, "Allowed: 5 to 86400 s"),
        ("remove web -i here, -l nowhere", 1, "Known hosts: here."),
        ("plans Web -i here,", 2, "not the name of a plan: 'Web'"),
        ("plans -i here, -l nowhere", 1, "Known hosts: here."),
        ("serve --http nowhere", 2, "not HOST:PORT"),
        ("policy", 2, "required: COMMAND"),
        ("policy check", 0, "is good"),
        ("policy check nowhere", 1, "There is no such policy directory"),
        ("policy check own", 1, "sysctl.own.yaml:1: name: Field required"),
        ("policy check own", 1, "The policy is refused: 5 faults."),
        ("policy check own --json", 1, '"path": "risk"'),
        ("policy card vm.swappiness", 0, "id: sysctl.vm_swappiness"),
        ("policy card net/ipv4/tcp_rmem", 0, "sysctl.tcp_rmem covers the key already"),
        ("policy card vm.drop_caches", 2, "writing it is an action"),
        ("policy card nothing", 2, "is not the name of a sysctl key"),
    ],
)
def test_status_and_words(
    netopt: Netopt,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: str,
    status: int,
    text: str,
) -> None:
    """Each wrong call has its status and says what is wrong, without a traceback; in this process, which is quicker."""
    monkeypatch.chdir(netopt.folder)
    for name in ("PYTHONPATH", "NETOPT_STATE_DIR"):
        monkeypatch.setenv(name, netopt.environment[name])
    returned = main(words.split())
    said = " ".join("".join(capsys.readouterr()).split())
    assert returned == status, said
    assert text in said
    assert "Traceback" not in said
    assert "internal error" not in said


def test_status_is_that_of_the_process(netopt: Netopt) -> None:
    """What the function returns, and says, is what the process ends with, and says."""
    done = netopt("validate", "too-large.json")
    assert (done.returncode, done.stdout.count("Value exceeds maximum allowed: 2147483647")) == (1, 1), done.stderr
    assert netopt("validate").returncode == 2


@pytest.mark.parametrize("variable", ["NETOPT_FORKS", "NETOPT_RUN_TIMEOUT_S", "NETOPT_READ_ONLY"])
def test_unusable_environment(netopt: Netopt, variable: str) -> None:
    """A variable that cannot be used is named."""
    done = netopt("validate", "good.json", **{variable: "many"})
    assert (done.returncode, variable in done.stderr) == (1, True)


def test_standard_input(netopt: Netopt) -> None:
    """A plan comes from standard input as well."""
    assert netopt("validate", "-", stdin=json.dumps(GOOD)).returncode == 0
    assert netopt("validate", "-", stdin="").returncode == 2


def test_json_refusal(netopt: Netopt) -> None:
    """With --json a refusal is JSON too, with every issue."""
    found = netopt.json("render", "too-large.json", status=1)
    assert [issue["path"] for issue in found["issues"]] == ["changes.sysctl.net.core.rmem_max"]


def test_broken_policy(netopt: Netopt) -> None:
    """A policy that cannot be read is one line."""
    done = netopt("validate", "good.json", NETOPT_POLICY_DIR=str(netopt.folder / "nowhere"))
    assert (done.returncode, "There is no such policy directory" in done.stderr) == (1, True)


def test_script_is_bash(netopt: Netopt) -> None:
    """What render prints for people is a script that bash can read."""
    plan = {**GOOD, "changes": {**GOOD["changes"], "qdisc": {"type": "sfq"}, "rate_limits": [{"rate": "10/second"}]}}  # type: ignore[dict-item]
    done = netopt("render", "-", stdin=json.dumps(plan))
    assert "sysctl -w net.ipv4.tcp_fin_timeout=23" in done.stdout.splitlines()
    assert subprocess.run(["bash", "-n"], input=done.stdout, text=True, check=False).returncode == 0


@pytest.mark.long
def test_whole_way_on_real_hosts(netopt: Netopt, lab: Lab) -> None:
    """Apply what was rendered, list it, roll it back: the statuses, the exit statuses and the words for people."""
    inventory = ("-i", str(lab.inventory))
    rendered = netopt.json("render", "good.json")
    (netopt.folder / "rendered.json").write_text(json.dumps(rendered), encoding="utf-8")
    checked = netopt("apply", "good.json", *inventory, "--check", "--diff")
    assert (checked.returncode, checked.stdout.count("would_change")) == (0, 2)
    assert "sysctl net.ipv4.tcp_fin_timeout: 60 -> 23" in checked.stdout
    report = netopt.json("apply", "--rendered", "rendered.json", *inventory, "--label", "from the test")
    assert (report["applied"], statuses(report), report["plan_digest"]) == (True, {"applied"}, rendered["digest"])
    checkpoint = report["checkpoint_id"]
    listed = netopt("checkpoints", *inventory)
    assert checkpoint in listed.stdout
    assert "from the test" in listed.stdout
    assert statuses(netopt.json("apply", "good.json", *inventory)) == {"unchanged"}
    back = netopt("rollback", checkpoint, *inventory, "-l", lab.hosts[0].name)
    assert (back.returncode, back.stdout.count("rolled_back")) == (0, 1)
    assert statuses(netopt.json("rollback", checkpoint, *inventory, "-l", lab.hosts[1].name)) == {"rolled_back"}
    nothing = netopt("rollback", "no-such-checkpoint", *inventory)
    assert (nothing.returncode, "No host has the checkpoint" in nothing.stdout) == (1, True)


@pytest.mark.long
def test_unconfirmed_change_and_its_confirmation(netopt: Netopt, lab: Lab) -> None:
    """A change with a time limit waits, is confirmed, and can then be rolled back like any other."""
    inventory = ("-i", str(lab.inventory), "-l", lab.hosts[0].name)
    report = netopt.json("apply", "good.json", *inventory, "--confirm-timeout", "600")
    assert statuses(report) == {"applied"}
    checkpoint = report["checkpoint_id"]
    assert any(f"netopt confirm {checkpoint}" in note for note in report["notes"])
    assert hosts_of(netopt, inventory, checkpoint) == {"applied"}
    assert netopt("confirm", checkpoint, *inventory).returncode == 0
    assert hosts_of(netopt, inventory, checkpoint) == {"confirmed"}
    assert netopt("rollback", checkpoint, *inventory).returncode == 0


def heed_interrupts() -> None:
    """Undo what a shell does to the programs that it runs in the background: SIGINT is nothing to them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(netopt: Netopt, number: signal.Signals, *words: str) -> tuple[int, str, str]:
    """Run a command, send it a signal once its run has begun, and return its status and what it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_bridge", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=netopt.folder,
        env=netopt.environment,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - this test has no threads
    )
    runs = netopt.folder / "state" / "runs"
    before = set(runs.glob("*/artifacts/*/stdout"))
    until(
        lambda: set(runs.glob("*/artifacts/*/stdout")) - before or process.poll() is not None, 120, "a run that began"
    )
    process.send_signal(number)
    output, errors = process.communicate(timeout=120)
    return process.returncode, output, errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_ends_with_a_report(netopt: Netopt, lab: Lab, number: signal.Signals) -> None:
    """Ctrl-C ends ansible-playbook and all its workers, and there is a report still."""
    words = ("apply", "good.json", "-i", str(lab.inventory), "--check", "--json")
    status, output, errors = interrupted(netopt, number, *words)
    report = json.loads(output)
    assert status == 1, errors
    assert any("ended early" in note for note in report["notes"])
    assert len(report["hosts"]) == 2


@pytest.mark.parametrize("word", ["plans", "verify"])
def test_an_interrupted_question_is_no_answer(netopt: Netopt, lab: Lab, word: str) -> None:
    """A script cannot take it for one that says that nothing is in force, or that nothing differs."""
    status, output, errors = interrupted(netopt, signal.SIGINT, word, "-i", str(lab.inventory))
    assert status == 1, output
    assert (output + errors).count("The run ended before this host's turn") + errors.count("before it knew") >= 1


def hosts_of(netopt: Netopt, inventory: tuple[str, ...], checkpoint: str) -> set[str]:
    """Return the statuses of a checkpoint on the hosts that keep it."""
    listed = netopt.json("checkpoints", *inventory)["checkpoints"]
    return {status for entry in listed if entry["checkpoint_id"] == checkpoint for status in entry["hosts"].values()}


def statuses(report: dict[str, Any]) -> set[str]:
    """Return the statuses of a report's hosts."""
    return {host["status"] for host in report["hosts"].values()}


def test_only_a_process_of_its_own_changes_how_python_collects() -> None:
    """The command netopt has Python look for garbage seldom; a program that calls it has what it had."""
    words = [sys.executable, "-m", "tests.bridge.cli.collector_program"]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=COLLECTIONS_ROOT)
    usual, called, alone = json.loads(done.stdout.splitlines()[-1])
    assert usual == called < alone

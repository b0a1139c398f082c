# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What goes wrong on a host is one clear line for that host; it is left as it was, and the others carry on."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.kernel_view import Host
from mcp_bridge.lab.keys import make_key
from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Answer, Fleet, finish, on_console, program, ready
from tests.waiting import until

pytestmark = pytest.mark.lab

FIN = "net.ipv4.tcp_fin_timeout"
GOOD: dict[str, Any] = {
    "sysctl": {FIN: 19},
    "shaper": {"egress_mbit": 800},
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}],
    "mtu": 1450,
}
VICTIM = 2
VICTIMS = (2, 3)  # where two are in trouble, each in its own
CLOSED = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_ssh_common_args": "-F none"}


@pytest.fixture
def fleet(lab: Lab, tmp_path: Path) -> Iterator[Fleet]:
    """The lab's hosts, and a netopt of the test's own."""
    fleet = ready(lab, tmp_path)
    for number in (1, 2, 3):
        console(fleet, number, "rm -rf /var/lib/netopt/checkpoints/*")
    yield fleet
    confirmed = 'grep -l \'"status":"confirmed"\' /var/lib/netopt/checkpoints/*/header.json || true'
    if not any(console(fleet, number, confirmed) for number in (1, 2, 3)):
        return
    for one in reversed(fleet.netopt("checkpoints", "--json").report["checkpoints"]):
        if "confirmed" in one["hosts"].values():  # a test failed: the next one finds the hosts as they were
            fleet.netopt("rollback", one["checkpoint_id"])


@dataclass(frozen=True)
class Expected:
    """What the report says of the host in trouble.

    Attributes:
        status: the outcome.
        stage: where it happened.
        key: a word of the setting.
        wanted: a word of what was wanted.
        found: a word of what was found.
        hint: a word of the advice.
    """

    status: str
    stage: str
    key: str
    wanted: str
    found: str
    hint: str

    def check(self, fleet: Fleet, answer: Answer, number: int) -> None:
        """Hold the report, and the line that a person reads, against this."""
        report = answer.report
        host = report["hosts"][fleet.name(number)]
        error = host["error"]
        assert (host["status"], error["stage"]) == (self.status, self.stage), error
        for name, word in (("key", self.key), ("wanted", self.wanted), ("after", self.found), ("hint", self.hint)):
            assert word.lower() in (error[name] or "").lower(), (name, word, error)
        lines = [line for line in report["errors"] if line.startswith(f"{fleet.name(number)}: ")]
        assert len(lines) == 1, report["errors"]
        assert "\n" not in lines[0]
        assert len(lines[0]) < 900
        for word in (self.status, self.stage, self.key, self.found, "Hint: "):
            assert word.lower() in lines[0].lower(), (word, lines[0])


def console(fleet: Fleet, number: int, script: str) -> str:
    """Run a line on a host's console, beside sshd."""
    return on_console(fleet.lab, str(number), "sh", "-c", script)


@contextmanager
def masked(fleet: Fleet, number: int, *programs: str) -> Iterator[None]:
    """Take programs away from a host for a while."""
    paths = console(fleet, number, f"for p in {' '.join(programs)}; do ls /usr/*bin/$p; done").split()
    console(fleet, number, "; ".join(f"mv {path} {path}.away" for path in paths))
    try:
        yield
    finally:
        console(fleet, number, "; ".join(f"mv {path}.away {path}" for path in paths))


@contextmanager
def contested(host: Host, key: str, value: str) -> Iterator[None]:
    """Let another process on the host write a sysctl key without a pause."""
    path = "/proc/sys/" + key.replace(".", "/")
    command = shlex.join(["python3", "-c", program("contest_program.py"), path, value])
    with subprocess.Popen([*host.ssh, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "writing"
        yield
        other.communicate(timeout=30)


Trouble = Callable[[Fleet, int, ExitStack], Mapping[str, Any]]


def unreachable_address(_fleet: Fleet, _number: int, _stack: ExitStack) -> Mapping[str, Any]:
    """An address that nobody has, by way of the lab's proxy."""
    return {"ansible_host": "10.0.0.0"}


def closed_port(_fleet: Fleet, _number: int, _stack: ExitStack) -> Mapping[str, Any]:
    """A port on which nobody listens, without a proxy."""
    return CLOSED


def wrong_key(fleet: Fleet, _number: int, _stack: ExitStack) -> Mapping[str, Any]:
    """A key that the host does not know."""
    make_key(fleet.folder / "wrong", comment="wrong")
    config = fleet.folder / "ssh_config"
    own = fleet.lab.ssh_config.read_text(encoding="utf-8")
    lines = [line for line in own.splitlines() if "IdentityFile" not in line]
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {
        "ansible_ssh_private_key_file": str(fleet.folder / "wrong"),
        "ansible_ssh_common_args": f"-F {config}",
        "ansible_ssh_args": "-o ControlMaster=no",  # a connection that is shared has been let in before
    }


def no_python(_fleet: Fleet, _number: int, _stack: ExitStack) -> Mapping[str, Any]:
    """An interpreter that is not there."""
    return {"ansible_python_interpreter": "/opt/missing/python3"}


def no_tc(fleet: Fleet, number: int, stack: ExitStack) -> Mapping[str, Any]:
    """A host without iproute2's tc."""
    stack.enter_context(masked(fleet, number, "tc"))
    return {}


def no_nft(fleet: Fleet, number: int, stack: ExitStack) -> Mapping[str, Any]:
    """A host without nftables."""
    stack.enter_context(masked(fleet, number, "nft"))
    return {}


def fought_over(fleet: Fleet, number: int, stack: ExitStack) -> Mapping[str, Any]:
    """A host on which somebody else keeps writing one of the plan's settings."""
    stack.enter_context(contested(fleet.host(number), FIN, "60"))
    return {}


def other_change(fleet: Fleet, number: int, stack: ExitStack) -> Mapping[str, Any]:
    """A host on which another change is under way."""
    other = subprocess.Popen(
        [*fleet.host(number).ssh, shlex.join(["python3", "-c", program("lock_program.py")])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    stack.callback(other.communicate, timeout=30)
    assert other.stdout is not None
    assert other.stdout.readline().strip() == "held"
    return {}


TROUBLES: dict[str, tuple[Trouble, Expected]] = {
    "nobody at that address": (
        unreachable_address,
        Expected("unreachable", "connect", "ssh proxy", "proxy", "", "ansible_host"),
    ),
    "nothing at that port": (
        closed_port,
        Expected("unreachable", "connect", "ssh port", "ssh server", "refused", "ansible_port"),
    ),
    "a wrong key": (
        wrong_key,
        Expected("unreachable", "connect", "ssh login", "key", "permission denied", "authorized_keys"),
    ),
    "no Python": (
        no_python,
        Expected("failed", "connect", "python", "3.8", "/opt/missing/python3", "ansible_python_interpreter"),
    ),
    "no tc": (no_tc, Expected("failed", "", "tc", "tc", "not found", "iproute2")),
    "no nft": (no_nft, Expected("failed", "", "nft", "nft", "not found", "nftables")),
    "a setting that somebody else writes": (
        fought_over,
        Expected("rolled_back", "verify", FIN, "19", "60", "something else"),
    ),
    "another change": (other_change, Expected("failed", "checkpoint", "/run/netopt/lock", "", "process", "wait")),
}


PAIRS = [
    pytest.param(names, id=" and ".join(names), marks=() if names[0] == "a wrong key" else pytest.mark.long)
    for names in zip(list(TROUBLES)[::2], list(TROUBLES)[1::2], strict=True)
]


@pytest.mark.parametrize("names", PAIRS)
def test_hosts_in_trouble(fleet: Fleet, names: tuple[str, str]) -> None:
    """Each host says what is wrong with it in one line and is as before; the one without trouble holds the plan."""
    before = fleet.views()
    victims = dict(zip(VICTIMS, names, strict=True))
    with ExitStack() as stack:
        variables = {f"h{number}": TROUBLES[name][0](fleet, number, stack) for number, name in victims.items()}
        answer = fleet.apply(GOOD, inventory=fleet.inventory(**variables))
    assert answer.status == 1, answer.said
    report = answer.report
    for number, name in victims.items():
        expected = TROUBLES[name][1]
        if not expected.stage:
            expected = replace(expected, stage=report["hosts"][fleet.name(number)]["error"]["stage"])
        expected.check(fleet, answer, number)
    assert report["hosts"][fleet.name(1)]["status"] == "applied"
    assert len(report["errors"]) == len(victims)
    assert fleet.differences({fleet.name(number): before[fleet.name(number)] for number in victims}) == []

    undone = fleet.netopt("rollback", report["checkpoint_id"], "--json")
    assert undone.status == 0, undone.report["errors"]
    assert fleet.differences(before) == []


EVERYWHERE: dict[str, tuple[dict[str, Any], str, Expected]] = {
    "a qdisc that this kernel lacks": (
        {**GOOD, "shaper": {}, "qdisc": {"type": "fq"}},
        "eth0",
        Expected("failed", "rehearse", "qdisc fq", "fq", "unknown", "choose another qdisc"),
    ),
    "a key that is read-only here": (
        {**GOOD, "sysctl": {FIN: 19, "net.core.rmem_max": 16777216}},
        "eth0",
        Expected("failed", "rehearse", "net.core.rmem_max", "16777216", "", "initial network namespace"),
    ),
    "an interface that is not there": (
        GOOD,
        "nope0",
        Expected("failed", "facts", "iface", "nope0", "eth0", "auto"),
    ),
    "an offload that is fixed": (
        {**GOOD, "offloads": {"lro": True}},
        "eth0",
        Expected("failed", "rehearse", "eth0 large-receive-offload", "on", "off", ""),
    ),
    "a congestion control that namespaces may not choose": (
        {**GOOD, "sysctl": {FIN: 19, "net.ipv4.tcp_congestion_control": "cubic"}},
        "eth0",
        Expected("failed", "rehearse", "net.ipv4.tcp_congestion_control", "cubic", "", ""),
    ),
}


@pytest.mark.parametrize(
    ("changes", "iface", "expected"),
    [
        pytest.param(*case, id=name, marks=() if name == "a qdisc that this kernel lacks" else pytest.mark.long)
        for name, case in EVERYWHERE.items()
    ],
)
def test_a_plan_that_no_host_can_hold(fleet: Fleet, changes: dict[str, Any], iface: str, expected: Expected) -> None:
    """Every host says what it cannot do, in check mode and in earnest, and none is touched."""
    before = fleet.views()
    changes = {name: value for name, value in changes.items() if value}
    for words in (("--check",), ()):
        answer = fleet.apply(changes, *words, iface=iface)
        assert answer.status == 1, answer.said
        for number in (1, 2, 3):
            expected.check(fleet, answer, number)
        assert answer.report["checkpoint_id"] is None
    assert fleet.differences(before) == []
    assert [console(fleet, number, "ls /var/lib/netopt/checkpoints || true") for number in (1, 2, 3)] == [""] * 3


@pytest.mark.long
def test_two_limits_at_once(fleet: Fleet) -> None:
    """Several limits in one plan all hold, also for one port."""
    before = fleet.views()
    answer = fleet.apply(
        {
            "connection_limits": [
                {"protocol": "tcp", "port": 80, "limit": 100},
                {"protocol": "tcp", "port": 443, "limit": 50, "mask": 24},
                {"protocol": "tcp", "port": 443, "limit": 10},
            ],
            "rate_limits": [{"rate": "100/second"}, {"rate": "5/minute", "protocol": "tcp", "port": 25}],
        }
    )
    assert answer.statuses == {"applied"}, answer.report["errors"]
    rules = fleet.host(1).run("nft", "list", "table", "inet", "netopt")
    for words in ("ct count over 100", "ct count over 50", "ct count over 10 ", "over 100/second", "over 5/minute"):
        assert words in rules
    assert fleet.netopt("rollback", answer.report["checkpoint_id"]).status == 0
    assert fleet.differences(before) == []


def test_what_a_person_reads(fleet: Fleet) -> None:
    """The table names the host in trouble, and one line below it says all there is to say."""
    inventory = fleet.inventory(**{f"h{VICTIM}": CLOSED})
    answer = fleet.netopt("apply", fleet.plan({"sysctl": {FIN: 18}}), "--check", inventory=inventory)
    assert answer.status == 1
    lines = [line for line in answer.text.splitlines() if line.startswith(f"{fleet.name(VICTIM)}: ")]
    assert len(lines) == 1
    for word in ("unreachable at connect", "Nothing listens on the host's SSH port", "wanted", "found", "Hint: "):
        assert word in lines[0]
    assert any(line.split()[:2] == [fleet.name(1), "would_change"] for line in answer.text.splitlines())


@pytest.mark.long
def test_two_applies_at_once(fleet: Fleet) -> None:
    """Of two changes at a time, each host takes one whole and refuses the other by name."""
    before = fleet.views()
    first, second = (Fleet(fleet.lab, fleet.folder / name) for name in ("first", "second"))
    for one in (first, second):
        one.folder.mkdir()
    changes = [{**GOOD, "sysctl": {FIN: 31}}, {**GOOD, "sysctl": {FIN: 32}, "mtu": 1440}]
    started = [
        one.start("apply", one.plan(change), "--json") for one, change in zip((first, second), changes, strict=True)
    ]
    answers = [finish(process).report for process in started]
    for host in fleet.hosts:
        outcomes = [answer["hosts"][host.name] for answer in answers]
        assert {outcome["status"] for outcome in outcomes} <= {"applied", "failed"}, outcomes
        for outcome in outcomes:
            if outcome["error"]:
                assert outcome["error"]["stage"] == "checkpoint"
                assert re.search("Another change is under way|still waits to be confirmed", outcome["error"]["message"])
        last = [answer for outcome, answer in zip(outcomes, answers, strict=True) if outcome["status"] == "applied"]
        assert last
        pair = (host.run("sysctl", "-n", FIN).strip(), "mtu 1450" in host.run("ip", "link", "show", "eth0"))
        assert pair in {("31", True), ("32", False)}
    for answer in answers:
        if answer["checkpoint_id"]:
            fleet.netopt("rollback", answer["checkpoint_id"])
    assert fleet.differences(before) == []


SLOW = {
    "htb_classes": [{"classid": f"1:{number:x}", "rate_mbit": 1} for number in range(16, 76)],
    "default_class": "1:10",
}


def wait_until_changing(fleet: Fleet, number: int) -> None:
    """Wait until a host has begun to change."""

    def checkpoints() -> str:
        return lifecycle.execute(fleet.lab, str(number), ["ls", "/var/lib/netopt/checkpoints"]).stdout.strip()

    until(checkpoints, 60, "a change begins", every_s=0)


# Python is what the module runs in, its shell is what ssh waits for. The guard is a fork of it at first, and is left:
# all are chosen before one is killed, since the guard becomes another program as soon as the module is gone
KILL = (
    "found=; for pid in $(pgrep -f '{}'); do grep -qx netopt-guard /proc/$pid/comm || found=\"$found $pid\"; done; "
    "kill -KILL $found || true"
)
KILLS = {
    "the module": KILL.format("^/usr/bin/python3 -c"),
    "the module and its shell": KILL.format("[r]emote_main"),
    "sshd": "kill -KILL $(cat /run/sshd.pid); " + KILL.format("^/usr/bin/python3 -c"),
}


@pytest.mark.long
@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS.keys())
def test_killed_halfway(fleet: Fleet, kill: str) -> None:
    """When the module or the connection dies, the host restores itself, and the report says what is known of that."""
    before = fleet.views()
    process = fleet.start("apply", fleet.plan({**GOOD, **SLOW, "sysctl": {FIN: 33}}), "--json")
    wait_until_changing(fleet, VICTIM)
    lifecycle.execute(fleet.lab, str(VICTIM), ["sh", "-c", kill])
    answer = finish(process)
    host = answer.report["hosts"][fleet.name(VICTIM)]
    assert [answer.report["hosts"][fleet.name(number)]["status"] for number in (1, 3)] == ["applied", "applied"]
    if host["status"] != "applied":  # else it was done before it was killed
        assert host["status"] in {"failed", "rolled_back", "unreachable"}, host
        assert "checkpoint" in host["error"]["hint"], host["error"]
        assert answer.status == 1
        assert len(answer.report["errors"]) == 1
        name = fleet.name(VICTIM)
        until(lambda: fleet.views()[name] == before[name], 60, "the host restores itself", every_s=0.5)
    assert answer.report["checkpoint_id"]
    assert fleet.netopt("rollback", answer.report["checkpoint_id"]).status == 0
    assert fleet.differences(before) == []

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way from the host's table ``inet netopt`` to the wanted one and back is gone in the scratch namespace first."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Completed, Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import netlink as nft_netlink
from ansible_collections.netopt.linux.plugins.module_utils._nft import round_trip
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from tests.kernel.nft_namespaces import Namespace, run
from tests.kernel.old_nft import instead_of_ours, old_nft

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MODULE = [sys.executable, "-m", "ansible_collections.netopt.linux.plugins.modules.netopt_nft"]
RATES: dict[str, Any] = {"rate_limits": [{"rate": "10/second", "protocol": "tcp", "port": 80}]}
LIMITS: dict[str, Any] = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]}
BY_HAND = """table inet netopt {
	chain input {
		type filter hook input priority 5; policy accept;
		udp dport 9 reject
	}
}
"""
BEHIND = "table ip behind {\n\tchain input {\n\t\tcounter packets 3 bytes 4\n\t}\n}\n"


@pytest.fixture
def namespace() -> Iterator[None]:
    """Be in a namespace of one's own for a test."""
    made = Namespace()
    try:
        with made.inside():
            yield
    finally:
        made.close()


class Counting(Tools):
    """Tools that remember what they ran."""

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[tuple[list[str], str]] = []

    def run(self, argv: Any, *, stage: str, stdin: str | None = None, check: bool = True) -> Completed:
        """Run one tool and remember it."""
        self.ran.append((list(argv), stdin or ""))
        return super().run(argv, stage=stage, stdin=stdin, check=check)


def rehearsed(changes: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], list[Any]]:
    """Return the state now, the state that changes lead to, and what was run in the scratch namespace."""
    current = nft_kernel.observe({}, Tools())

    def inside() -> Any:
        tools = Counting()
        return [nft_kernel.resolve(nft_subsystem.intent(changes, ("eth0",)), current, tools), tools.ran]

    wanted, ran = in_scratch_namespace(inside)
    return current, wanted, ran


def perform(current: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Lead the kernel from a state to another."""
    for step in nft_subsystem.operations(current, wanted):
        nft_kernel.perform(step, Tools())


def make_chain(name: str) -> None:
    """Make a chain by a message to the kernel: with a name that nft prints and cannot read."""
    body = nft_netlink.NFGENMSG + rt.text(nft_netlink.CHAIN_TABLE, "netopt") + rt.text(nft_netlink.CHAIN_NAME, name)
    frame = b"\0\0" + (10).to_bytes(2, "big")  # of a batch: for nftables
    flags = rt.NLM_F_REQUEST
    sent = rt.message(16, flags, 1, frame)
    sent += rt.message(nft_netlink.NEWCHAIN, flags | rt.NLM_F_CREATE | rt.NLM_F_ACK, 2, body)
    sent += rt.message(17, flags, 3, frame)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nft_netlink.NETLINK_NETFILTER) as kernel:
        kernel.bind((0, 0))
        kernel.send(sent)
        (answer,) = rt.messages(kernel.recv(4096))
    assert rt.error_of(answer)[0] == 0


@pytest.mark.usefixtures("namespace")
def test_the_very_texts_are_tried() -> None:
    """What is loaded on the host, there and back, is letter by letter what the rehearsal has loaded."""
    run("nft -f -", stdin=BY_HAND)
    before = run("nft list ruleset")
    current, wanted, ran = rehearsed(LIMITS)
    tried = [stdin for argv, stdin in ran if argv == ["nft", "-f", "-"]]
    (there,) = nft_subsystem.operations(current, wanted)
    perform(current, wanted)
    (back,) = nft_subsystem.operations(nft_kernel.observe({}, Tools()), current)
    assert [there.payload.text, back.payload.text] == tried[-2:]
    nft_kernel.perform(back, Tools())
    assert before == run("nft list ruleset")


@pytest.mark.usefixtures("namespace")
def test_a_host_without_the_table_pays_nothing_more() -> None:
    """Two runs of nft for a first table, made and read, as where nothing changes: the rollback deletes it whole."""
    current, wanted, ran = rehearsed(LIMITS)
    assert [argv[1] for argv, _stdin in ran] == ["-f", "-s"]
    perform(current, wanted)
    _current, again, ran = rehearsed(LIMITS)
    assert (again["listing"], [argv[1] for argv, _stdin in ran]) == (wanted["listing"], ["-f", "-s"])


@pytest.mark.usefixtures("namespace")
def test_a_table_that_could_not_come_back_is_refused_by_name() -> None:
    """A chain whose name nft cannot read would be lost by a rollback, so the change is not begun."""
    run("nft -f -", stdin=BY_HAND)
    make_chain("accept")
    before = run("nft list ruleset")
    with pytest.raises(NetoptError) as caught:
        rehearsed(LIMITS)
    assert (caught.value.stage, caught.value.key) == ("rehearse", "table inet netopt chain accept")
    assert round_trip.PRESENT in caught.value.message
    assert caught.value.wanted == "chain accept {"
    assert before == run("nft list ruleset")


@pytest.mark.usefixtures("namespace")
def test_rules_on_interfaces_of_the_host_are_rehearsed_and_come_back() -> None:
    """What holds an interface's number is made in the scratch namespace as well."""
    run("ip link add eth7 type veth peer name eth8")
    run(
        "nft -f -",
        stdin='table inet netopt {\n\tchain early {\n\t\ttype filter hook ingress device "eth8" priority 0;\n\t}\n'
        '\tchain input {\n\t\ttype filter hook input priority 5;\n\t\tiif "eth7" counter accept\n\t}\n}\n',
    )
    before = run("nft list ruleset")
    current, wanted, _ran = rehearsed(RATES)
    perform(current, wanted)
    assert "eth8" not in run("nft list ruleset")
    perform(nft_kernel.observe({}, Tools()), current)
    assert before == run("nft list ruleset")


def classes(first: int, count: int) -> dict[str, Any]:
    """Return a plan of so many classes, each for one address, that packets find them by a map."""
    return {
        "htb_classes": [
            {
                "classid": f"1:{16 + number:x}",
                "rate_mbit": 1,
                "match": [{"dst": f"10.0.{number // 256}.{number % 256}/32"}],
            }
            for number in range(first, first + count)
        ]
    }


@pytest.mark.usefixtures("namespace")
def test_of_a_large_map_a_sample_goes_the_way() -> None:
    """Two thousand elements, of which half change: the rehearsal loads few of them, the host all, and gets all back."""
    perform(*rehearsed(classes(0, 2000))[:2])
    before = run("nft list ruleset")
    current, wanted, ran = rehearsed(classes(1000, 2000))
    assert max(stdin.count(" : 1:") for _argv, stdin in ran) <= 3 * round_trip.SAMPLE
    assert [stdin.split()[0] for argv, stdin in ran if argv == ["nft", "-f", "-"]] == [
        "table",
        "table",
        "delete",
        "delete",
    ]
    perform(current, wanted)
    seen = nft_kernel.observe({}, Tools())
    assert seen["listing"] == wanted["listing"]
    assert seen["listing"].count(" : 1:") == 2000
    perform(seen, current)
    assert before == run("nft list ruleset")


@pytest.mark.usefixtures("namespace")
def test_without_a_namespace_all_is_made_and_others_stay() -> None:
    """Made on the host itself, a map has all of its elements, and maps of other interfaces are there still."""
    for iface, first in (("eth1", 5000), ("eth0", 0)):
        intent = nft_subsystem.intent(classes(first, 500), (iface,))
        nft_kernel.force(intent, nft_kernel.observe({}, Tools()), Tools())
    found = run("nft list table inet netopt")
    assert found.count(" : 1:") == 1000
    assert [found.count(f"chain classify_{iface}") for iface in ("eth0", "eth1")] == [1, 1]


@pytest.mark.usefixtures("namespace")
def test_the_table_keeps_its_place_among_others() -> None:
    """A table in front of another one is in front of it after the change and after the restore."""
    run("nft -f -", stdin=BY_HAND + BEHIND)
    before = run("nft list ruleset")
    current, wanted, _ran = rehearsed(LIMITS)
    perform(current, wanted)
    assert run("nft list tables") == "table inet netopt\ntable ip behind\n"
    perform(nft_kernel.observe({}, Tools()), current)
    assert before == run("nft list ruleset")


@pytest.fixture(scope="module")
def older() -> Path:
    """The nft of Debian 11; fetched where there is a network, outside of a test's namespace."""
    return old_nft()


def apply_with(program: Path, **options: Any) -> dict[str, Any]:
    """Return the report of netopt_nft with another nft."""
    done = subprocess.run(
        instead_of_ours(program, MODULE),
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"iface": ["lo"], **options}}),
        capture_output=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)["report"]
    return report


@pytest.mark.parametrize("behind", ["", BEHIND])
@pytest.mark.usefixtures("namespace")
def test_a_second_plan_with_nft_0_9_8(older: Path, behind: str) -> None:
    """Debian 11: a limit of connections after one of rates, and rates again, with and without a table behind ours."""
    reports = [apply_with(older, **RATES)]
    if behind:
        run("nft -f -", stdin=behind)
    reports += [apply_with(older, **plan) for plan in (LIMITS, LIMITS, RATES)]
    assert [report["status"] for report in reports] == ["applied", "applied", "unchanged", "applied"]
    assert run("nft list table ip behind") == behind if behind else run("nft list tables") == "table inet netopt\n"


@pytest.mark.usefixtures("namespace")
def test_a_table_made_by_hand_comes_back_with_nft_0_9_8(older: Path, tmp_path: Path) -> None:
    """Debian 11: the bare reject that it prints is a table that it loads, with a plan in between."""
    run("nft -f -", stdin=BY_HAND)
    before = run("nft --debug=netlink list ruleset")
    code = tmp_path / "there_and_back.py"
    code.write_text(
        "from tests.kernel.test_nft_round_trip import LIMITS, nft_kernel, perform, rehearsed, Tools\n"
        "current, wanted, _ran = rehearsed(LIMITS)\n"
        "perform(current, wanted)\n"
        "perform(nft_kernel.observe({}, Tools()), current)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    argv = instead_of_ours(older, [sys.executable, str(code)])
    done = subprocess.run(argv, capture_output=True, check=False, cwd=ROOT, env=environment, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert before == run("nft --debug=netlink list ruleset")


@pytest.mark.usefixtures("namespace")
def test_a_crash_of_nft_is_called_one(tmp_path: Path) -> None:
    """An nft that is ended by a signal is told with the signal, before anything is touched."""
    program = tmp_path / "nft"
    program.write_text(
        "#!/bin/sh\ncase $1 in -f) kill -SEGV $$ ;; esac\necho 'Error: No such file or directory' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    report = apply_with(program, **LIMITS)
    assert report["status"] == "failed"
    assert "nft crashed (SIGSEGV)" in report["error"]["message"]

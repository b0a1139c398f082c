# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adjuster at work: real pings, a real queue, and a kernel whose shaper it moves."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._adjuster.law import NOT_OURS
from tests.kernel.transaction_host import IFACE
from tests.kernel.uplink_lab import REFLECTOR, Uplink, uplink

BASE = 8000
SHAPED: dict[str, Any] = {"shaper": {"egress_mbit": 8}}
ADAPTING: dict[str, Any] = {
    "qdisc": {"type": "fq_codel", "params": {}},  # not in every kernel; the load here leaves none of its own to wait
    "shaper": {
        "egress_mbit": 8,
        "adapt": {"reflectors": [REFLECTOR], "egress_min_mbit": 2, "egress_max_mbit": 16, "interval_ms": 200},
    },
}
CLASS = ["tc", "class", "change", "dev", IFACE, "parent", "1:", "classid", "1:1", "htb"]


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Uplink]:
    """A host behind an uplink, with a shaper of 8 Mbit/s that a plan has set."""
    with uplink(tmp_path) as made:
        report = made.host.apply(SHAPED)
        assert report["status"] == "applied", report["error"]
        yield made


def drift(line: Uplink) -> list[str]:
    """Return what is not as the plans in force say."""
    return [one["key"] for one in line.host.checkpoint("verified")["drift"]]


def test_the_rate_follows_the_uplink(line: Uplink) -> None:
    """Under load it goes up to the most while there is room, below an uplink that got slower, up again, and home."""
    with line.adjuster(ADAPTING):
        with line.load():
            line.wait_for_rate(16000, 16000)
            line.carries("4mbit")
            line.wait_for_rate(2000, 4000)
            line.carries("40mbit")
            line.wait_for_rate(8100, 16000)
        line.wait_for_rate(BASE, BASE)


def test_what_is_moved_is_not_drift(line: Uplink) -> None:
    """Verify, check mode and the same plan again take a moved rate for the plan's, for as long as the adjuster lives.

    Once that is killed, the rate that it left is drift, until its unit sets the plan's own again.
    """
    with line.adjuster(ADAPTING) as adjuster, line.load():
        line.wait_for_rate(BASE + 1000, 16000)
        assert drift(line) == []
        assert line.host.apply(SHAPED, check=True)["status"] == "unchanged"
        assert line.host.apply(SHAPED)["status"] == "unchanged"
        assert line.kbit() > BASE
        line.wait_for_rate(16000, 16000)
        adjuster.send_signal(signal.SIGKILL)
        adjuster.wait()
        assert drift(line) == [f"{IFACE} class 1:1"]
        line.host.run(*line.program("--settle", str(line.settings(ADAPTING))))
        assert (drift(line), line.kbit(), line.notice()) == ([], BASE, "")


def test_what_somebody_else_sets_is_drift(line: Uplink) -> None:
    """A rate outside the plan's bounds is drift though an adjuster lives, and so is anything else of the class."""
    with line.adjuster(ADAPTING) as adjuster:
        adjuster.send_signal(signal.SIGSTOP)
        line.host.run(*CLASS, "rate", "17mbit", "ceil", "17mbit")
        assert drift(line) == [f"{IFACE} class 1:1"]


def test_told_to_stop_it_leaves_the_rate_of_the_plan(line: Uplink) -> None:
    """After SIGTERM all reads as before it came, and nobody is said to move anything."""
    before = line.host.view()
    with line.adjuster(ADAPTING) as adjuster:
        with line.load():
            line.wait_for_rate(BASE + 1000, 16000)
            adjuster.send_signal(signal.SIGTERM)
            assert adjuster.wait(20) == 0
        assert (line.host.view(), line.notice()) == (before, "")
        assert adjuster.stdout is not None
        assert f"egress {BASE} -> " in adjuster.stdout.readline()


@pytest.mark.parametrize(
    "words",
    [[*CLASS, "rate", "3333kbit", "ceil", "3333kbit"], ["tc", "qdisc", "del", "dev", IFACE, "root"]],
    ids=["another rate", "gone"],
)
def test_it_ends_where_the_shaper_is_not_as_it_was_left(line: Uplink, words: list[str]) -> None:
    """What somebody else has set within the bounds, or taken away, is not touched: not by it, not by its unit's end."""
    with line.adjuster(ADAPTING) as adjuster:
        line.host.run(*words)
        left = line.host.view()
        assert adjuster.wait(20) == NOT_OURS
        line.host.run("env", f"EXIT_STATUS={NOT_OURS}", *line.program("--settle", str(line.settings(ADAPTING))))
        assert (line.host.view(), line.notice()) == (left, "")


def test_a_rollback_is_exact_wherever_the_rate_stands(line: Uplink) -> None:
    """A change on top of a moved rate, and its way back, and that of the shaper itself, restore what was there."""
    shaped = line.host.view()
    with line.adjuster(ADAPTING) as adjuster, line.load():
        line.wait_for_rate(BASE + 1000, 16000)
        more = line.host.apply({"shaper": {"egress_mbit": 8, "ingress_mbit": 50}})
        assert more["status"] == "applied", more["error"]
        line.wait_for_rate(BASE + 1000, 16000)
        assert drift(line) == []
        line.host.checkpoint("restored", id=more["checkpoint_id"])
        assert line.host.statuses()[more["checkpoint_id"]] == "rolled_back"
        assert adjuster.poll() is None  # it goes on
        line.wait_for_rate(BASE + 1000, 16000)
        adjuster.send_signal(signal.SIGTERM)
        assert adjuster.wait(20) == 0
    assert line.host.view() == shaped


def test_the_plan_is_rolled_back_while_it_adjusts(line: Uplink) -> None:
    """What was before the plan is there again, proven by the tools' own words; the adjuster finds nothing and ends."""
    (identity,) = line.host.statuses()
    with line.adjuster(ADAPTING) as adjuster, line.load():
        line.wait_for_rate(BASE + 1000, 16000)
        line.host.checkpoint("restored", id=identity)
        assert line.host.statuses() == {identity: "rolled_back"}
        assert adjuster.wait(20) == NOT_OURS
        assert "htb" not in line.host.shell(f"tc qdisc show dev {IFACE}")


def test_without_answers_it_goes_home(line: Uplink) -> None:
    """Where no reflector answers any more, the rate goes back to the plan's own, and stays there."""
    with line.adjuster(ADAPTING), line.load():
        line.wait_for_rate(BASE + 2000, 16000)
        line.cut()
        line.wait_for_rate(BASE, BASE)


def test_it_stands_still_while_netopt_is_at_work(line: Uplink) -> None:
    """While the lock of moves is held nothing is moved; afterwards it goes on."""
    with line.adjuster(ADAPTING), line.load():
        holder = line.host.popen(["flock", "/run/netopt/adapt/moves.lock", "sh", "-c", "echo held; sleep 2; echo over"])
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        held = line.kbit()
        assert holder.stdout.readline() == "over\n"
        assert line.kbit() in range(held, held + 1000)  # the one that is read may be the first after the lock
        holder.communicate()
        line.wait_for_rate(16000, 16000)


def test_a_host_without_systemd_is_refused(line: Uplink) -> None:
    """Where no systemd runs the host, nothing is touched, and the message says why."""
    before = line.host.view()
    report = line.host.apply(ADAPTING)
    assert (report["status"], report["error"]["stage"]) == ("failed", "plan")
    assert "systemd" in report["error"]["message"]
    assert line.host.view() == before


PING = """
import json, select, sys, time
sys.path.insert(0, sys.argv[1])
from netopt_adjuster.pings import Pings
both = [Pings("eth0", sys.argv[2:]) for _each in range(2)]
heard = [set(), set()]
others = 0
ends = time.monotonic() + 10
while time.monotonic() < ends and any(len(each) < len(sys.argv[2:]) for each in heard):
    for one, known in zip(both, heard):
        one.send()
        for ready in select.select(list(one.sockets.values()), [], [], 0.2)[0]:
            answer = one.receive(ready)
            known.update([answer[0]] if answer else [])
            others += answer is None
print(json.dumps([*map(sorted, heard), others > 0]))
"""


def test_pings_know_their_own_answers(line: Uplink) -> None:
    """Reflectors are asked over IPv4 and IPv6, and the answers to somebody else's requests do not count."""
    line.answers("2001:db8::2")
    asked = [REFLECTOR, "2001:db8::2"]
    said = json.loads(line.host.run("python3", "-c", PING, *line.program()[-1:], *asked))
    assert said == [asked, asked, True]


def test_the_notice_says_what_is_moved(line: Uplink) -> None:
    """A running adjuster says its settings, by which netopt knows it again."""
    with line.adjuster(ADAPTING):
        told = json.loads(line.notice())
    assert told["settings"] == json.loads(line.settings(ADAPTING).read_text())
    assert set(told["base"]) == {"egress"}

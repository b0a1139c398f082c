# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a host holds and whatever the plan, what is applied and rolled back leaves the host as it was.

``NETOPT_EXAMPLES`` says how many examples are tried in namespaces, ``NETOPT_VM_EXAMPLES`` on a virtual machine;
``make properties`` tries many.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from mcp_bridge.lab import lifecycle
from tests.faults.conftest import SAID
from tests.faults.full_kernel_strategies import STATES as FULL_STATES
from tests.faults.plan_strategies import COMMON_CHANGES, FULL_CHANGES
from tests.faults.roundtrip import roundtrip
from tests.faults.state_strategies import STATES
from tests.labs import brought_up

EXAMPLES = int(os.environ.get("NETOPT_EXAMPLES", "24"))
VM_EXAMPLES = int(os.environ.get("NETOPT_VM_EXAMPLES", "2"))
ENOUGH = 20  # examples of which most have to be possible; of a few, chance may have most refused
TOP = Path(__file__).parents[2]
SENT = (
    "ansible_collections/netopt/linux/plugins/module_utils",
    *(f"tests/faults/{name}.py" for name in ("hosts", "engine", "roundtrip")),
    "tests/waiting.py",
    "tests/whole_engine.py",
)
MARKED = """\
tc qdisc add dev eth0 root handle 1: ets bands 4 strict 2 quanta 3000 2000 priomap 3 3 3 0 1 2
tc qdisc replace dev eth0 parent 1:1 handle 5ef: fq_pie limit 7031 flows 64 target 7ms
tc qdisc add dev eth0 clsact
tc filter add dev eth0 ingress prio 1 protocol ip flower ip_proto tcp action ct zone 5
tc filter add dev eth0 egress prio 2 protocol ip matchall action ct commit zone 7 mark 0x5/0xff
tc filter add dev eth0 egress prio 3 protocol mpls_uc matchall action mpls pop protocol ip
tc filter add dev eth0 egress prio 4 protocol ip matchall action mpls push protocol mpls_uc label 5 tc 3
tc filter add dev eth0 ingress prio 5 protocol ip matchall action ctinfo dscp 0xfc000000 0x01000000
tc filter add dev eth0 egress prio 6 protocol ip matchall action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 11
tc filter add dev eth0 ingress prio 7 protocol ip matchall action gate clockid CLOCK_TAI \
sched-entry open 200000000ns -1 8000000b sched-entry close 100000000ns
"""
TRIED: dict[str, Counter[str]] = {"namespaces": Counter(), "vm": Counter()}


def checked(where: str, state: str, outcome: dict[str, Any]) -> None:
    """Count one round trip, and fail where something is not as it should be."""
    TRIED[where][outcome["status"]] += 1
    TRIED[where]["lines made"] += outcome["made"]
    TRIED[where]["lines refused"] += len(outcome["refused"])
    note(f"state:\n{state}\nplan: {outcome['status']} {outcome['reason']}")
    assert not outcome["problems"], "\n".join(outcome["problems"])


def told(where: str) -> Counter[str]:
    """Return what came of all round trips, and have it said at the end."""
    found = TRIED[where]
    SAID.append(f"round trips ({where}): " + ", ".join(f"{number} {what}" for what, number in sorted(found.items())))
    return found


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize="NETOPT_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(state=STATES, changes=COMMON_CHANGES)
def check_roundtrip(state: str, changes: dict[str, Any]) -> None:
    """Apply changes to a host in a state, and roll them back."""
    checked("namespaces", state, roundtrip(state, changes))


def test_any_state_comes_back_after_any_plan() -> None:
    """The tools read the same before an apply and after its rollback; most of the plans are indeed applied."""
    check_roundtrip()
    found = told("namespaces")
    assert found["applied"] > (found["unchanged"] + found["failed"]), found


class Distant:
    """The program of ``roundtrip`` on a virtual machine, over one connection.

    Args:
        argv: a command that runs it there.
    """

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._line() == "ready\n"

    def roundtrip(self, state: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Have one round trip made there and return what came of it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"state": state, "changes": changes}) + "\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._line())
        return outcome

    def close(self) -> None:
        """End the program."""
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@pytest.fixture(scope="module")
def machine() -> Iterator[Distant]:
    """A virtual machine with a full kernel, and the program on it."""
    for lab in brought_up("properties", hosts=1, kernel="vm"):
        packed = subprocess.run(["tar", "-C", str(TOP), "-cf", "-", *SENT], capture_output=True, check=True).stdout
        unpack = lifecycle.command(lab, "1", ["mkdir -p netopt && tar -C netopt -xf -"])
        subprocess.run(unpack, input=packed, check=True, timeout=120)
        there = Distant(lifecycle.command(lab, "1", ["cd netopt && PYTHONPATH=. python3 -m tests.faults.roundtrip"]))
        yield there
        there.close()


@pytest.mark.long
@pytest.mark.vm
def test_what_wants_its_options_marked_as_nested_comes_back(machine: Distant) -> None:
    """Kinds from Linux 5.2 on refuse options without a flag that their own dumps leave out (NLA_F_NESTED)."""
    outcome = machine.roundtrip(MARKED, {"shaper": {"egress_mbit": 60, "ingress_mbit": 90}})
    assert (outcome["status"], outcome["refused"]) == ("applied", []), outcome
    assert not outcome["problems"], "\n".join(outcome["problems"])


@pytest.mark.vm
@pytest.mark.slow
@pytest.mark.long
def test_any_state_of_a_full_kernel_comes_back_after_any_plan(machine: Distant) -> None:
    """As in namespaces, with every qdisc, filter and action that a distribution's kernel has."""

    @settings(
        max_examples=VM_EXAMPLES,
        deadline=None,
        database=None,
        derandomize="NETOPT_VM_EXAMPLES" not in os.environ,
        phases=(Phase.generate,),  # looking for a smaller case takes a day
        suppress_health_check=list(HealthCheck),
    )
    @given(state=FULL_STATES, changes=FULL_CHANGES)
    def check(state: str, changes: dict[str, Any]) -> None:
        checked("vm", state, machine.roundtrip(state, changes))

    check()
    found = told("vm")
    assert found["applied"] > (found["unchanged"] + found["failed"] if VM_EXAMPLES >= ENOUGH else 0), found
    assert found["lines refused"] < found["lines made"] / 10, found

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs cases where it is: makes a host for each, brings it into the case's state, and sends it there and back.

``python -m tests.tc_testing.case_program FOLDER`` reads ``FOLDER/cases.json`` and adds a line to
``FOLDER/results`` as each case begins, and one for each plan that was tried.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins import module_utils
from ansible_collections.netopt.linux.plugins.module_utils._transaction import apply as transaction_apply
from ansible_collections.netopt.linux.plugins.module_utils._transport.restore_archive import restore_archive
from tests.faults.hosts import Host
from tests.tc_testing.cases import SUITE, Case
from tests.tc_testing.journey import EGRESS, INGRESS, Outcome, journey, led_to
from tests.tc_testing.views import ACTIONS, View, view

BOTH = {**EGRESS, **INGRESS}
NUMBER = re.compile(r"index (\d+) ref|police (0x[0-9a-f]+) ")
ADDED = re.compile(r"tc actions (?:add|replace|change) (action [^{}]+)")
NUMBERED = re.compile(r" index \d+")
SHARED = 3  # actions of a kind that filters are made for
COMMAND_S = 24  # as the suite allows a command
MAKE = """
mount -t tmpfs none /run && mkdir -p /run/netopt /run/batches
mkdir -p /var/lib/netopt && mount -t tmpfs none /var/lib/netopt
mount -t sysfs none /sys
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode
ip link set lo up
ip link add v0p1 address 02:00:00:00:00:01 type veth peer name v0p0 address 02:00:00:00:00:02
ip link add dummy1 address 02:00:00:00:00:03 type dummy
ip link add ifbtdc0 address 02:00:00:00:00:04 type ifb
for device in v0p0 v0p1 dummy1 ifbtdc0; do ip link set $device up; done
"""
MAKE_ETH = """
ip link add eth0 numtxqueues {queues} numrxqueues {queues} type veth peer name eth0p
ip link set eth0 address 02:00:00:00:00:05 up
ip link set eth0p address 02:00:00:00:00:06 up
"""
READY = """
echo ready
read -r _until_it_is_over
"""


@contextmanager
def host(queues: int = 0) -> Iterator[Host]:
    """Make a host with the devices of the suite, and remove it with all that runs on it."""
    script = MAKE + (MAKE_ETH.format(queues=queues) if queues else "") + READY
    holder = subprocess.Popen(
        [
            *("unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
            *("--mount-proc", "sh", "-ec", script),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text(encoding="ascii")
        yield Host(int(children.split()[0]))
    finally:
        holder.kill()
        holder.communicate()


def run(case: Case, known: dict[str, str], wanted: str) -> Iterator[dict[str, Any]]:
    """Yield what came of each plan for a case, or that it makes no state, or the state of an earlier one.

    Args:
        case: what makes the state.
        known: the cases that were run, by the states that they make; this one is added.
        wanted: the fields of the only plan to try, joined by ``+``; empty for all that displace something.
    """
    tried: set[str] = set()
    while True:  # a host that is not as it was is of no use for the next plan
        with host(case.queues) as made:
            empty = view(made)
            before = _fill(made, case, empty)
            if before is None:
                yield _untried("none")
                return
            if not tried and (first := known.setdefault(before.text(), case.id)) != case.id:
                yield _untried("same", first)
                return
            for device, shaper in _plans(empty, before):
                name = f"{device} {'+'.join(shaper)}"
                if name in tried or (wanted and "+".join(shaper) != wanted):
                    continue
                tried.add(name)
                outcome = journey(
                    made, device, shaper, before, _wanted(device, len(shaper), case.queues, _length(made, device))
                )
                yield {"plan": name, **outcome.as_dict()}
                if outcome.result not in {"exact", "refused"}:
                    break
            else:
                return


@cache
def _wanted(device: str, directions: int, queues: int, length: str) -> str | None:
    """Return what the tools say of a device on an empty host once the plan for both directions holds there.

    Its queue length is that of the case: no plan sets it, and the kernel takes limits of queues from it.
    """
    if directions != len(BOTH):
        return None  # what is in the other direction is left alone
    with host(queues) as made:
        known = device in view(made).devices
        if known:
            made.shell(f"ip link set {device} txqueuelen {length}", check=True)
        return led_to(made, device, BOTH) if known else None


def _length(made: Host, device: str) -> str:
    return made.shell(f"cat /sys/class/net/{device}/tx_queue_len", check=True).strip()


def _untried(result: str, message: str = "") -> dict[str, Any]:
    return {"plan": "", **Outcome(result, "case", message).as_dict()}


def _fill(made: Host, case: Case, empty: View) -> View | None:
    """Bring a host into a case's state and return what the tools say then; ``None`` where the case makes none.

    The state is that after the case's command; where nothing is left then, that after its setup. Actions that nothing
    uses are of no interest to a plan: filters are made that do.
    """
    for commands in ([*case.setup, case.command], [*case.setup]):
        _shell(made, commands)
        before = view(made)
        if before.differs(empty):
            if before.devices == empty.devices and _use_actions(made, commands):
                before = view(made)
            return before
    return None


def _use_actions(made: Host, commands: list[str]) -> bool:
    """Make filters that use actions, and return whether there are any.

    At ingress there is one for each of the first actions of the kinds that commands name, which goes by its number; at
    egress one for each action that a command adds, which is the filter's own.
    """
    lines = []
    for kind in dict.fromkeys(word for word in re.findall(r"\w+", " ".join(commands)) if word in ACTIONS):
        said = made.shell(f"tc actions ls action {kind}")
        numbers = [int(found[1] or found[2], 0) for found in NUMBER.finditer(said)]
        lines += [
            f"ingress prio {{}} protocol all matchall action {kind} index {number}" for number in numbers[:SHARED]
        ]
    added = [found[1] for command in commands if (found := ADDED.fullmatch(command))]
    lines += [f"egress prio {{}} protocol all matchall {re.sub(NUMBERED, '', words)}" for words in added]
    if lines:
        filters = [f"tc filter add dev v0p1 {line.format(place)}" for place, line in enumerate(lines, 1)]
        _shell(made, ["tc qdisc add dev v0p1 clsact", *filters])
    return bool(lines)


def _shell(made: Host, commands: list[str]) -> None:
    lines = [f"timeout {COMMAND_S} sh -c {shlex.quote(command)} </dev/null" for command in commands if command]
    made.shell("\n".join([f"cd {shlex.quote(str(SUITE))} 2>/dev/null", *lines]))


def _plans(empty: View, before: View) -> Iterator[tuple[str, dict[str, int]]]:
    """Yield the plans that displace what a case has made, by device, and the one for both directions."""
    changed = [name for name, said in before.devices.items() if said != empty.devices.get(name)]
    for device in changed or ["v0p1"]:
        if device == "lo":
            continue
        said = before.devices[device]
        if any(" root" in line for line in said.splitlines() if not line.startswith("noqueue")):
            yield device, EGRESS
        if "ffff:" in said or "clsact" in said or "ingress" in said:
            yield device, INGRESS
        yield device, BOTH


def _warm() -> None:
    """Do once what each process that applies a plan would do anew: import, and pack the program that restores."""
    for found in pkgutil.walk_packages(module_utils.__path__, f"{module_utils.__name__}."):
        importlib.import_module(found.name)
    packed = restore_archive()
    setattr(transaction_apply, "restore_archive", lambda: packed)  # noqa: B010 - it is not that module's own


def main() -> None:
    """Run the cases of a folder."""
    _warm()
    folder = Path(sys.argv[1])
    asked = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
    cases = [Case(**found) for found in asked["cases"]]
    known: dict[str, str] = {}
    with (folder / "results").open("a", encoding="utf-8") as stream:

        def tell(case: Case, **found: object) -> None:
            stream.write(json.dumps({"id": case.id, **found}) + "\n")
            stream.flush()

        for case in cases:
            tell(case, begins=True)
            try:
                for found in run(case, known, asked["plan"]):
                    tell(case, **found)
            except Exception:  # noqa: BLE001 - the other cases are to run all the same
                tell(case, **_untried("failed", traceback.format_exc()))
            tell(case, ends=True)


if __name__ == "__main__":
    main()

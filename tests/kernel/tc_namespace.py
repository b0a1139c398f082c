# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A namespace with an interface for the tests of traffic control, and what tc itself says about it."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem

Told = TypeVar("Told")
IFACE = "eth0"
PLACES = (("parent", "1:"), ("parent", "1:1"), ("parent", "1:2"), ("ingress",), ("egress",))
SCOPE = {"ifaces": [IFACE]}
CLASSIFIERS = ("flower", "matchall")
ACTIONS = {"act_mpls": "mpls dec_ttl", "act_skbedit": "skbedit priority 1"}
OPTIONS = {
    "tbf": "rate 1mbit burst 5k latency 50ms",
    "netem": "delay 1ms",
    "hfsc": "default 1",
    "mqprio": "num_tc 2 map 0 1 queues 1@0 1@1 hw 0",
    "taprio": "num_tc 1 map 0 queues 1@0 base-time 0 sched-entry S 01 300000 clockid CLOCK_TAI",
    "red": "limit 9000 avpkt 100",
}


def run(script: str) -> None:
    """Run a bash script and fail with what it said when it fails."""
    done = subprocess.run(["bash", "-c", script], check=False, capture_output=True, text=True)
    if done.returncode:
        message = f"{script}\n{done.stderr or done.stdout}"
        raise RuntimeError(message.replace("\n", " / "))


def make_interface(queues: int = 1) -> None:
    """Make the interface, one end of a pair, in this namespace, and wait until both ends have noticed each other."""
    run(f"ip link add {IFACE} numtxqueues {queues} type veth peer name peer")
    run(f"ip link set {IFACE} up; ip link set peer up")
    for device in (IFACE, "peer"):
        run(f"until ip link show {device} | grep -q 'state UP'; do sleep 0.01; done")  # which the kernel tells later


def told(device: str = IFACE, *, numbered: bool = True) -> list[str]:
    """Return all that ``tc -d`` says about a device, line by line, less counters and flows, actions numbered or not."""
    shows = [["qdisc", "show", "dev", device], ["class", "show", "dev", device]]
    shows += [[form, "show", "dev", device, *place] for form in ("filter", "chain") for place in PLACES]
    lines: list[str] = []
    for words in shows:
        done = subprocess.run(["tc", "-d", *words], check=False, capture_output=True, text=True)
        lines += [f"{' '.join(words)}: {line}" for line in done.stdout.splitlines()]
    volatile = r"direct_packets_stat \d+|refcnt \d+" + ("" if numbered else r"|index \d+")
    return [re.sub(volatile, "", line) for line in lines if not re.search(r"class (cake|fq_codel|sfq) ", line)]


def once_like(before: Told, look: Callable[[], Told]) -> Told:
    """Return what a look returns once it is as before, else after five seconds: the kernel is slow to count actions."""
    ends = time.monotonic() + 5
    found = look()
    while found != before and time.monotonic() < ends:
        time.sleep(0.1)
        found = look()
    return found


def links() -> list[str]:
    """Return what ``ip -d link`` says about the devices here."""
    return subprocess.run(["ip", "-d", "link"], check=True, capture_output=True, text=True).stdout.splitlines()


def in_namespace(function: Callable[[], Any]) -> Any:
    """Return what ``function`` returns in a namespace of its own."""
    return in_scratch_namespace(function)


@cache
def has(kind: str) -> bool:
    """Return whether this kernel has a qdisc, a classifier with actions, or an action (``act_``), of a kind."""
    if kind in CLASSIFIERS or kind in ACTIONS:
        what = f"{kind} action drop" if kind in CLASSIFIERS else f"u32 match u32 0 0 action {ACTIONS[kind]}"
        line = f"tc qdisc add dev {IFACE} ingress; tc filter add dev {IFACE} ingress protocol all {what}"
        return bool(in_namespace(lambda: _works(line)))
    root = "" if kind in ("clsact", "ingress") else "root"
    return bool(in_namespace(lambda: _works(f"tc qdisc add dev {IFACE} {root} {kind} {OPTIONS.get(kind, '')}")))


def _works(command: str) -> bool:
    """Return whether a command succeeds on a new interface."""
    make_interface(2)
    return subprocess.run(["bash", "-c", command], check=False, capture_output=True).returncode == 0


def missing(kinds: Iterable[str]) -> str:
    """Return which of the kinds this kernel lacks, as words for a skipped test; empty when it has them all."""
    lacking = [kind for kind in kinds if not has(kind)]
    return f"this kernel lacks {', '.join(lacking)}" if lacking else ""


def resolved(changes: dict[str, Any], *, absent: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return (the State now, the wanted State) for changes on the interface."""
    intent = tc_subsystem.intent(changes, (IFACE,), absent=absent)
    current = tc_kernel.observe(SCOPE, Tools())
    return current, in_scratch_namespace(lambda: tc_kernel.resolve(intent, current, Tools()))


def lead(wanted: dict[str, Any]) -> int:
    """Lead the interface to a State and return how many operations that took."""
    operations = tc_subsystem.operations(tc_kernel.observe(SCOPE, Tools()), wanted)
    for operation in operations:
        tc_kernel.perform(operation, Tools())
    return len(operations)


def left(wanted: dict[str, Any]) -> list[str]:
    """Return the operations that still separate the interface from a State."""
    return [operation.command for operation in tc_subsystem.operations(tc_kernel.observe(SCOPE, Tools()), wanted)]

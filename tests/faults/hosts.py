# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts to be treated badly: network, mount and pid namespaces of their own, made in a moment.

The engine runs in them in forked children of the test, real processes that real signals end. What they leave
behind is looked at from outside, through ``/proc/<pid>/root`` and with the tools of an operator.
"""

from __future__ import annotations

import contextlib
import ctypes
import difflib
import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.guard import NAME
from tests.waiting import PAIR_IS_UP, until
from tests.whole_engine import import_engine

T = TypeVar("T")

IFACE = "eth0"
PATIENCE_S = 40.0
# moments around an expiry, in seconds; the first two come in time on a busy machine too
AROUND_S = (-0.7, -0.5, *(round(-0.06 + 0.004 * step, 3) for step in range(22)))
EVERYWHERE = "NETOPT_STRIKES" in os.environ
LEFT_OUT = {"places": 0}
LAST_WORDS = b"read -r _until_the_test_is_over"  # of the first process of each host
MAKE = f"""
mkdir -p /run/netopt /var/lib/netopt
mount -t tmpfs none /run && mkdir -p /run/netopt
mount -t tmpfs none /var/lib/netopt
mount -t sysfs none /sys
ip link set lo up
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip link add eth0 address 02:00:00:00:00:01 type veth peer name peer0 address 02:00:00:00:00:02
ip addr add 192.0.2.1/24 dev eth0
ip addr add 2001:db8::1/64 dev eth0
ip link set eth0 up
ip link set peer0 up
{PAIR_IS_UP}
ip route add 198.51.100.0/24 via 192.0.2.9 dev eth0
ip -6 route add 2001:db8:9::/48 via 2001:db8::9 dev eth0
echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode  # no random addresses on what is made later
echo ready
{LAST_WORDS.decode()}
"""
DUMP = """
grep -r . /proc/sys/net 2>/dev/null | grep -v -e nf_conntrack_count -e /conf/ifb- | sort
for device in $(ls /sys/class/net); do
  for form in qdisc class; do echo "$device $form"; tc -d $form show dev $device; done
  for place in "" ingress egress; do echo "$device $place"; tc -d filter show dev $device $place; done
  classes=$(tc class show dev $device | grep -E -v '^class (fq_codel|fq_pie|cake|sfq|hhf) ' | cut -d' ' -f3)
  for parent in $classes $(tc qdisc show dev $device | cut -d' ' -f3); do
    echo "filter show dev $device parent $parent"
  done | tc -d -force -batch -
done 2>&1
nft list ruleset
ip -d link show; ip addr show; ip route show; ip -6 route show
ethtool -k eth0
"""
MOVING = (  # shown while packets wait; drawn by lot; counts packets; counted up with every device or action made
    (re.compile(r"(?m)^class (?:fq_codel|fq_pie|cake|sfq|hhf) .*\n"), ""),
    (re.compile(r" seed \d+"), ""),
    (re.compile(r"direct_packets_stat \d+"), "direct_packets_stat"),
    (re.compile(r"(?m)^\d+: (ifb-.*\n +link/ether) \S+"), r"\1"),
    (re.compile(r"\bindex \d+ ref"), "index ref"),
)

import_engine()  # else each process on a host would do so anew


def differences(expected: str, text: str) -> str:
    """Return the lines in which two dumps differ, as a diff without context; empty where they do not."""
    lines = difflib.unified_diff(expected.splitlines(), text.splitlines(), "wanted", "found", n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith("@@"))


def some_of(places: Sequence[T], number: int) -> Sequence[T]:
    """Return so many of the places where a fault may strike, the first and the last among them.

    With ``NETOPT_STRIKES`` in the environment it is all of them.
    """
    if EVERYWHERE or len(places) <= number:
        return places
    LEFT_OUT["places"] += len(places) - number
    return [places[at * (len(places) - 1) // (number - 1)] for at in range(number)]


@dataclass(frozen=True)
class Outcome:
    """How a process on a host ended: what its function returned, and the signal that ended it, if any."""

    value: Any = None
    signal: int = 0


class Host:
    """A host in namespaces.

    Args:
        pid: the process that holds them, process 1 in there.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.root = Path(f"/proc/{pid}/root")
        self.store = Store(f"{self.root}/var/lib/netopt")

    def start(self, function: Callable[[], Any]) -> Running:
        """Start a function in a process on this host, in a session of its own."""
        read_end, write_end = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(read_end)
                status = _inside(self.pid, function, write_end)
            except BaseException:  # noqa: BLE001 - a forked child must not run on as a second pytest
                status = 1
                os.write(2, traceback.format_exc().encode())
            os._exit(status)
        os.close(write_end)
        return Running(pid, read_end)

    def run(self, function: Callable[[], Any]) -> Outcome:
        """Run a function in a process on this host and return how it ended."""
        return self.start(function).outcome()

    def shell(self, text: str, *, check: bool = False) -> str:
        """Run a shell script on this host and return what it prints."""
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--net", "--mount", "--pid", "--", "sh", "-c", text],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
            cwd="/",
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def dump(self) -> str:
        """Return everything that an operator's tools say of this host's network."""
        text = self.shell(DUMP)
        for pattern, words in MOVING:
            text = pattern.sub(words, text)
        return text

    def check(self, expected: str) -> None:
        """See that the tools say what they said before."""
        found = differences(expected, self.dump())
        assert not found, found

    def status(self, identity: str) -> str | None:
        """Return a checkpoint's status, ``None`` where there is no such checkpoint."""
        try:
            return self.store.header(identity).status
        except NetoptError:
            return None

    def deadline(self, identity: str) -> float:
        """Return the monotonic time by which a change has to be confirmed, 0 where it does not wait any more."""
        return self.store.header(identity).confirm_by or 0.0

    def wait_for(self, identity: str, *statuses: str | None, seconds: float = PATIENCE_S) -> str | None:
        """Wait until a checkpoint has one of the statuses, and return the one that it has in the end."""
        until(
            lambda: self.status(identity) in statuses,
            seconds,
            lambda: f"{identity} is {self.status(identity)}, not {statuses}; the host has {self.processes()}",
            every_s=0.02,
        )
        return self.status(identity)

    def wait_until_idle(self, *, seconds: float = PATIENCE_S) -> None:
        """Wait until nothing of netopt runs on this host."""
        until(lambda: not self.processes(), seconds, lambda: f"an idle host: {self.processes()}", every_s=0.02)

    def processes(self) -> dict[int, str]:
        """Return the processes of this host but its first, by the pids that they have there."""
        found = {}
        for folder in (self.root / "proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state not in "ZX" and folder.name != "1":  # one that becomes another program has no words for a moment
                found[int(folder.name)] = words
        return found

    def guards(self) -> list[int]:
        """Return the processes that watch over a change, by the pids that they have on this host."""
        found = []
        for pid, words in self.processes().items():
            with contextlib.suppress(OSError):
                name = (self.root / f"proc/{pid}/comm").read_text().strip()
                found += [pid] if name == NAME or not words or "--guard" in words else []  # as it becomes another
        return found

    def kill_guards(self) -> int:
        """Kill -9 every guard and return how many there were."""
        guards = self.guards()
        self.shell("; ".join(f"kill -9 {pid}" for pid in guards) or ":")
        return len(guards)

    def by_hand(self, identity: str, *words: str) -> str:
        """Run a checkpoint's own program as an operator at the console does."""
        return self.shell(f"/usr/bin/python3 -I /var/lib/netopt/checkpoints/{identity}/restore.pyz {' '.join(words)}")


@dataclass(frozen=True)
class Running:
    """A process on a host, seen from outside: the pid of the one that waits for it, and the pipe that it answers on."""

    pid: int
    read_end: int

    def outcome(self) -> Outcome:
        """Wait for the process and return how it ended."""
        with os.fdopen(self.read_end, encoding="utf-8") as stream:
            text = stream.read()
        _pid, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code != 1, "the function in the host raised, see stderr"
        return Outcome(json.loads(text) if text else None, code - 100 if code > 100 else 0)


def _inside(pid: int, function: Callable[[], Any], write_end: int) -> int:
    """Enter the host, run the function in a process there, and return its signal plus 100, 0 or 1."""
    libc = ctypes.CDLL(None, use_errno=True)
    for space in ("net", "pid", "mnt"):
        descriptor = os.open(f"/proc/{pid}/ns/{space}", os.O_RDONLY)
        if libc.setns(descriptor, 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {space}")
        os.close(descriptor)
    os.chdir("/")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            text = json.dumps(function())
            os.write(write_end, text.encode())
            status = 0
        except BaseException:  # noqa: BLE001 - as above
            os.write(2, traceback.format_exc().encode())
        os._exit(status)
    os.close(write_end)
    _pid, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return 100 - code if code < 0 else code


@contextmanager
def host(state: str = "") -> Iterator[Host]:
    """Make a host, bring it into a state with a shell script, and remove it with all that runs on it."""
    holder = subprocess.Popen(
        [
            *("unshare", "--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
            *("--mount-proc", "sh", "-ec", MAKE),
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
        made = Host(int(children.split()[0]))
        if state:
            made.shell("set -e\n" + state, check=True)
        yield made
    finally:
        holder.kill()  # its child, process 1 of the host, goes with it, and with that the host
        holder.communicate()

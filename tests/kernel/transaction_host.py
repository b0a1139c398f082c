# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host for transactions: network and mount namespaces of its own, and programs that run the engine in them.

The engine runs as on a target, in a process of its own, which may be killed at any of its operations.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._lifecycle.guard import NAME
from tests.waiting import PAIR_IS_UP, until

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINTS = "/var/lib/netopt/checkpoints"
IFACE = "eth0"
APPLY = (sys.executable, "-m", "tests.kernel.apply_program")
CHECKPOINT = (sys.executable, "-m", "tests.kernel.checkpoint_program")
ENGINE = (sys.executable, "-m", "tests.kernel.engine_program")
MAKE = (
    "mkdir -p /run/netopt /var/lib/netopt && mount -t tmpfs none /run/netopt && mount -t tmpfs none /var/lib/netopt"
    " && mount -t sysfs none /sys && ip link set lo up && echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"
    " && ip link add eth0 type veth peer name peer0"
    " && ip addr add 192.0.2.1/24 dev eth0 && ip link set eth0 up && ip link set peer0 up"
    f" && {{ {PAIR_IS_UP} }} && echo ready && exec sleep 600"
)
FORBID = "echo 0 >/proc/sys/user/max_net_namespaces"
VIEW = (
    "grep -r . /proc/sys/net 2>/dev/null | grep -v -e nf_conntrack_count -e conf/ifb",  # half of what sysctl -a costs
    "tc -d qdisc show | sed 's/direct_packets_stat [0-9]*//'",
    "for d in $(ls /sys/class/net); do tc -d class show dev $d; tc -d filter show dev $d; done",
    "nft list ruleset",
    "ip -d link show; ip addr show; ip route show; ip -6 route show",
    "ethtool -k eth0",
)


def environment() -> dict[str, str]:
    """Return the environment of what runs on a host: it finds the checkout, and leaves nothing there."""
    return dict(os.environ, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")


@cache
def engine(_pid: int) -> subprocess.Popen[str]:
    """Return the process that runs the engine for a process of the tests; it ends with that."""
    return subprocess.Popen(
        ENGINE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(), cwd="/"
    )


def call(pid: int, program: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Run a program of the engine on the host of a process, and return its answer; ``{}`` when it was killed."""
    server = engine(os.getpid())
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(json.dumps({"pid": pid, "program": program, "asked": asked}) + "\n")
    server.stdin.flush()
    told = json.loads(server.stdout.readline())
    assert told["status"] <= 0, "the program raised, see stderr"
    answer: dict[str, Any] = told["answer"]
    return answer


class Host:
    """A host in namespaces.

    Args:
        pid: the process that holds them.
        own_users: whether the host has a user namespace too.
    """

    def __init__(self, pid: int, *, own_users: bool = False) -> None:
        self.pid = pid
        self._own_users = own_users
        self._spaces = [*([("user", "user")] if own_users else []), ("net", "net"), ("mount", "mnt")]

    def popen(self, argv: list[str], **more: Any) -> subprocess.Popen[str]:
        """Start a program on the host."""
        return subprocess.Popen(
            ["nsenter", *(f"--{word}=/proc/{self.pid}/ns/{name}" for word, name in self._spaces), "--", *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            **more,
        )

    def run(self, *argv: str, stdin: str = "", check: bool = True) -> str:
        """Run a program on the host and return what it prints."""
        process = self.popen(list(argv))
        out, err = process.communicate(stdin, timeout=60)
        assert not check or process.returncode == 0, f"{argv}: {process.returncode}: {out}{err}"
        return out + ("" if check else err)

    def shell(self, text: str) -> str:
        """Run a line of shell on the host."""
        return self.run("sh", "-c", text, check=False)

    def view(self) -> str:
        """Return what an operator's tools say of the host."""
        return self.shell("\n".join(VIEW))

    def apply(self, changes: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Apply changes and return the report; ``{}`` when the process was killed."""
        return self.ask(**{"plan": {"iface": IFACE, "changes": changes}, **options})

    def ask(self, **asked: Any) -> dict[str, Any]:
        """Apply or remove plans and return the report; ``{}`` when the process was killed."""
        if self._own_users:
            out = self.run(*APPLY, stdin=json.dumps(asked), check=False)
            return json.loads(out) if out.startswith("{") else {}
        return call(self.pid, "apply", asked)

    def checkpoint(self, state: str, **options: Any) -> dict[str, Any]:
        """Do something with checkpoints."""
        asked = {"state": state, **options}
        answer: dict[str, Any]
        if self._own_users:
            answer = json.loads(self.run(*CHECKPOINT, stdin=json.dumps(asked)))
        else:
            answer = call(self.pid, "checkpoint", asked)
        return answer

    def statuses(self) -> dict[str, str]:
        """Return the status of every checkpoint."""
        return {entry["id"]: entry["status"] for entry in self.checkpoint("listed")["checkpoints"]}

    def deadline(self, identity: str) -> float:
        """Return the monotonic time by which a change has to be confirmed."""
        listed = self.checkpoint("listed")["checkpoints"]
        (left_s,) = (entry["confirm_in_s"] for entry in listed if entry["id"] == identity)
        return time.monotonic() + float(left_s) + 0.1  # it is told in tenths

    def wait_for(self, identity: str, status: str, *, seconds: float = 15.0) -> None:
        """Wait until a checkpoint has a status."""
        until(
            lambda: self.statuses().get(identity) == status,
            seconds,
            lambda: f"{identity} becomes {status}: {self.checkpoint('listed')}",
        )

    def wait_for_guards(self, *, there: bool, seconds: float = 20.0) -> None:
        """Wait until a guard runs on the host, or none does."""
        until(lambda: bool(self.guards()) is there, seconds, f"a guard: {there}")

    def guards(self) -> list[int]:
        """Return the pids of the guards that run on the host."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                name = (folder / "comm").read_text().strip()
                words = (folder / "cmdline").read_bytes().split(b"\0")
                here = (folder / "ns/net").readlink() == Path(f"/proc/{self.pid}/ns/net").readlink()
            except OSError:
                continue
            if here and (name == NAME or b"--guard" in words or words == [b""]):  # the last as it becomes another
                found.append(int(folder.name))
        return found

    def restore(self, identity: str, *options: str) -> str:
        """Run a checkpoint's own program with nothing but the system's Python."""
        return self.run("python3", f"{CHECKPOINTS}/{identity}/restore.pyz", *options, check=False)


@contextmanager
def transaction_host(*, may_make_namespaces: bool = True) -> Iterator[Host]:
    """Make a host, and remove it with all that still runs on it.

    Args:
        may_make_namespaces: whether the kernel lets the host's root make network namespaces. Where not, the host has
            a user namespace, in which none is allowed.
    """
    users = [] if may_make_namespaces else ["--user", "--map-root-user"]
    make = MAKE if may_make_namespaces else f"{FORBID} && {MAKE}"
    holder = subprocess.Popen(
        ["unshare", *users, "--net", "--mount", "--propagation", "private", "sh", "-c", make],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    host = Host(holder.pid, own_users=not may_make_namespaces)
    try:
        yield host
    finally:
        for pid in host.guards():
            os.kill(pid, signal.SIGKILL)
        holder.kill()
        holder.wait()

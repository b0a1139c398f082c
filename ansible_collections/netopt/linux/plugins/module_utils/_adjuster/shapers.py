# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapers that an adjuster moves: read by rtnetlink, set by tc, under a lock of their own.

Part of the adjuster, which stands alone on a host, see ``_adapt/archive.py``. netopt itself takes the lock while at
work, and sets the plan's own rates by ``settle``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional

from .notice import DIRECTORY
from .options import attributes, kbit_of

LOCK = "moves.lock"
PAUSE_S = 0.02  # a move takes less
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
_TCMSG = struct.Struct("=BxxxiIII")
_HTB_CLASS, _ROOT = 0x10001, 0x10000  # 1:1 and 1:
_GET_QDISC, _GET_CLASS = 38, 42  # linux/rtnetlink.h
_DUMP, _DONE, _ERROR = 0x301, 3, 2
_KIND, _OPTIONS, _STATS2 = 1, 2, 7  # TCA_*


class Found(NamedTuple):
    """A shaper as the kernel has it: its kind, rate in kbit/s (0 where it has two), options, and bytes sent."""

    kind: str
    kbit: int
    options: bytes
    sent: int


def find(direction: Dict[str, Any]) -> Optional[Found]:
    """Return the shaper of a direction, ``None`` where nothing is in its place."""
    try:
        index = socket.if_nametoindex(direction["device"])
    except OSError:
        return None
    htb = direction["kind"] == "htb"
    wanted = _HTB_CLASS if htb else _ROOT
    for body in _dumped(_GET_CLASS if htb else _GET_QDISC, _TCMSG.pack(0, index, 0, 0, 0)):
        _family, there, handle, _parent, _info = _TCMSG.unpack_from(body)
        if (there, handle) == (index, wanted):
            told = dict(attributes(body[_TCMSG.size :]))
            kind = told.get(_KIND, b"").split(b"\0")[0].decode()
            options = told.get(_OPTIONS, b"")
            basic = dict(attributes(told.get(_STATS2, b""))).get(1, bytes(8))
            return Found(kind, kbit_of(kind, options), options, int(struct.unpack_from("=Q", basic)[0]))
    return None


def _dumped(kind: int, body: bytes) -> Iterator[bytes]:
    """Yield what the kernel answers to a dump request of rtnetlink."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as route:
        route.settimeout(5)
        route.send(struct.pack("=IHHII", 16 + len(body), kind, _DUMP, 1, 0) + body)
        while True:
            data, offset = route.recv(1 << 18), 0
            while offset + 16 <= len(data):
                length, what = struct.unpack_from("=IH", data, offset)
                if what in (_DONE, _ERROR) or length < 16:
                    return
                yield data[offset + 16 : offset + length]
                offset += (length + 3) & ~3


def words_for(direction: Dict[str, Any], kbit: int) -> List[str]:
    """Return the words by which tc sets a rate; the plan's own where it is the plan's own rate."""
    words: List[str] = list(direction["words"])
    if kbit == direction["base_kbit"]:
        return words
    if direction["kind"] == "cake":
        words[words.index("bandwidth") + 1] = f"{kbit}kbit"
        return words
    burst, quantum = f"{max(1600, kbit // 8)}b", f"{max(1514, min(200000, kbit * 125 // 10))}"
    shape = ["rate", f"{kbit}kbit", "ceil", f"{kbit}kbit", "burst", burst, "cburst", burst, "quantum", quantum]
    return [*words[: words.index("htb") + 1], *shape]


def settle(settings: Dict[str, Any], tc: Callable[[List[str]], Any]) -> None:
    """Set the plan's own rates again where the shapers are moved. Whoever calls this holds the lock.

    Args:
        settings: the adjuster's.
        tc: runs tc with some words.
    """
    for direction in settings["directions"].values():
        there = find(direction)
        moved = there and there.kind == direction["kind"] and there.kbit != direction["base_kbit"]
        if there and moved and direction["min_kbit"] <= there.kbit <= direction["max_kbit"]:
            tc(words_for(direction, direction["base_kbit"]))


def run_tc(words: List[str]) -> None:
    """Run tc.

    Raises:
        subprocess.CalledProcessError: it refuses.
    """
    subprocess.run(["tc", *words], check=True, env=ENVIRONMENT, stdin=subprocess.DEVNULL, timeout=30)


def lock_file() -> int:
    """Open the file that whoever moves a rate, or wants none moved, holds an flock on."""
    os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
    return os.open(os.path.join(DIRECTORY, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def moving(*, wait_s: float = 0.0) -> Iterator[bool]:
    """Hold the lock where it is free, and yield whether it is held: netopt has it while it is at work.

    Args:
        wait_s: how long to wait for it.
    """
    descriptor = lock_file()
    try:
        yield taken(descriptor, wait_s)
    finally:
        os.close(descriptor)


def taken(descriptor: int, wait_s: float) -> bool:
    """Take the lock if it comes free in time, and say whether it was taken."""
    ends = time.monotonic() + wait_s
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if time.monotonic() >= ends:
            return False
        time.sleep(PAUSE_S)

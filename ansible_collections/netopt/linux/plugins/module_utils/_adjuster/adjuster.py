# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The adjuster: moves the rates of one interface's shapers by the delay that it sees, within the plan's limits.

systemd runs it as ``python3 ADJUSTER SETTINGS.json``; ``--settle SETTINGS.json`` sets the plan's own rates after one
that was killed. It moves nothing but what the plan has made, while that is as it was left; and nothing while netopt
itself is at work. It stands alone on a host, see ``_adapt/archive.py``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Dict, List, Optional

from .law import NOT_OURS, Delays, Limits, Seen, next_rate
from .notice import DIRECTORY, notice_path
from .pings import Pings
from .shapers import Found, find, moving, run_tc, settle, words_for

HOLD = 2  # steps after one down in which the queue drains
SILENT_S = 5.0  # without any answer
OTHERS_S = 0.3  # how long other adjusters may move; who has the lock for longer is netopt, and has set the own rates


class NotOursError(Exception):
    """What the plan has made is not there as it was left."""


class Adjuster:
    """Moves the rates of one interface until it is told to stop.

    Args:
        settings: ``{"iface", "reflectors", "delay_ms", "interval_ms", "directions": {name: {"device", "kind", "words",
            "min_kbit", "base_kbit", "max_kbit"}}}``.
    """

    def __init__(self, settings: Dict[str, Any]) -> None:
        self._settings = settings
        self._directions: Dict[str, Any] = settings["directions"]
        self._limits = {
            name: Limits(one["min_kbit"], one["base_kbit"], one["max_kbit"]) for name, one in self._directions.items()
        }
        self._left: Dict[str, Found] = {}  # how each shaper was left
        self._base: Dict[str, str] = {}  # the options of each at the plan's own rate, in hexadecimal
        self._hold = dict.fromkeys(self._directions, 0)
        self._notice: Optional[int] = None

    def run(self) -> int:
        """Adjust until a signal to stop comes, and return the exit status."""
        woken, wake = socket.socketpair()
        for end in (woken, wake):
            end.settimeout(0)
        signal.set_wakeup_fd(wake.fileno())
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_told: None)
        try:
            self._look(adopt=True)
            pings = Pings(self._settings["iface"], self._settings["reflectors"])
            _ready()
            self._adjust(pings, woken)
        except NotOursError as error:
            _log(f"{error}; it is left as it is")
            return NOT_OURS
        finally:
            self._stop()
        return 0

    def _adjust(self, pings: Pings, woken: socket.socket) -> None:
        interval, threshold = self._settings["interval_ms"] / 1000, self._settings["delay_ms"]
        delays = Delays(threshold)
        began = heard = looked = time.monotonic()
        while True:
            pings.send()
            while time.monotonic() < began + interval:
                left = max(0.0, began + interval - time.monotonic())
                for ready in select.select([woken, *pings.sockets.values()], [], [], left)[0]:
                    if ready is woken:
                        return
                    answer = pings.receive(ready)
                    if answer:
                        heard = time.monotonic()
                        delays.answered(*answer)
            began = time.monotonic()
            delay, late = delays.step()
            with moving() as free:
                if free:
                    before = {name: there.sent for name, there in self._left.items()}
                    self._look()
                    since, looked = time.monotonic() - looked, time.monotonic()
                    for name, there in list(self._left.items()):
                        carried = max(0, there.sent - before[name]) * 8 / 1000 / since
                        self._move(name, Seen(carried, delay, late, began - heard > SILENT_S), threshold)

    def _look(self, *, adopt: bool = False) -> None:
        """Read the shapers, and see that each is as it was left, or anew as the plan has it.

        Args:
            adopt: whether the plan's own rate alone will do: nothing was left yet.

        Raises:
            NotOursError: one is not.
        """
        anew = adopt
        for name, direction in self._directions.items():
            there, left = find(direction), self._left.get(name)
            where = f"{direction['device']} {direction['kind']}"
            if there is None or there.kind != direction["kind"]:
                raise NotOursError(f"{where} is gone")
            if left is None or there.options != left.options:
                if there.kbit != direction["base_kbit"]:
                    raise NotOursError(f"{where} was set to something else")
                anew = True
            self._left[name] = there
        if anew:
            self._announce()

    def _move(self, name: str, seen: Seen, threshold_ms: float) -> None:
        """Take one step in one direction."""
        rate, direction = self._left[name].kbit, self._directions[name]
        if self._hold[name] > 0:
            self._hold[name] -= 1
            if seen.late:
                return
        wanted = next_rate(rate, self._limits[name], seen, threshold_ms)
        if wanted == rate:
            return
        run_tc(words_for(direction, wanted))
        there = find(direction)
        if there is None or there.kbit != wanted:
            raise NotOursError(f"{direction['device']} {direction['kind']} did not take {wanted} kbit/s")
        self._left[name] = there
        self._hold[name] = HOLD if seen.late else 0
        why = "no answer" if seen.silent else "no new answer" if seen.delay_ms is None else f"{seen.delay_ms:.1f} ms"
        _log(f"{name} {rate} -> {wanted} kbit/s: delay {why}, {seen.carried_kbit:.0f} kbit/s carried")

    def _announce(self) -> None:
        """Say what is moved, in a file that is locked for as long as this process lives."""
        path = notice_path(self._settings["iface"])
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        partial = f"{path}.{os.getpid()}"
        descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        for name, there in self._left.items():
            if there.kbit == self._limits[name].base:  # else it is moved, and was read before
                self._base[name] = there.options.hex()
        os.write(descriptor, json.dumps({"settings": self._settings, "base": self._base}).encode())
        os.replace(partial, path)
        if self._notice is not None:
            os.close(self._notice)
        self._notice = descriptor

    def _stop(self) -> None:
        """Leave the plan's own rates, and nothing said; what is not as it was left is not touched."""
        with moving(wait_s=OTHERS_S) as free:
            for name, left in self._left.items() if free else ():
                there = find(self._directions[name])
                base = self._directions[name]["base_kbit"]
                if there and there.options == left.options and there.kbit != base:
                    _log(f"{name} {there.kbit} -> {base} kbit/s: stopped")
                    run_tc(words_for(self._directions[name], base))
        if self._notice is not None:
            with contextlib.suppress(OSError):
                os.unlink(notice_path(self._settings["iface"]))


def _log(text: str) -> None:
    """Say something to the journal."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _ready() -> None:
    """Tell systemd that it is at work (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)


def main(argv: List[str]) -> int:
    """Run the program with its arguments, and return its exit status."""
    with open(argv[-1], encoding="utf-8") as stream:
        settings = json.load(stream)
    if argv[0] != "--settle":
        return Adjuster(settings).run()
    if os.environ.get("EXIT_STATUS") != str(NOT_OURS):  # systemd.exec(5): of the process that has ended
        with moving(wait_s=OTHERS_S) as free:
            if free:
                settle(settings, run_tc)
    with contextlib.suppress(OSError):
        os.unlink(notice_path(settings["iface"]))
    return 0

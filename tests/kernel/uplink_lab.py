# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host behind an uplink whose rate varies: a modem with a long queue, and a host beyond it that answers pings."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._adapt.archive import adjuster_archive
from ansible_collections.netopt.linux.plugins.module_utils._adapt.subsystem import intent
from tests.kernel.transaction_host import IFACE, Host, transaction_host
from tests.waiting import until

REFLECTOR = "192.0.2.2"
SPACES = (
    "ip link add name modem type bridge && ip link set modem up && ip addr add 192.0.2.9/24 dev modem"
    " && ip link add m1 type veth peer name beyond0 && ip link set m1 master modem up"
    " && echo ready && exec sleep 600"
)
SEND = """
import socket, sys
size, buffer = map(int, sys.argv[1:])
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
while True:
    try:
        out.sendto(bytes(size), ("192.0.2.2", 9))
    except OSError:
        pass
"""


class Uplink:
    """A host, its uplink, and what runs on it.

    Args:
        host: the host; its uplink is ``IFACE``.
        modem: the process that holds the namespace of the modem.
        beyond: the process that holds that of the host beyond it.
        folder: for files.
    """

    def __init__(self, host: Host, modem: int, beyond: int, folder: Path) -> None:
        self.host = host
        self._modem = modem
        self._beyond = beyond
        self._folder = folder
        self._program = folder / "adjuster.pyz"
        self._program.write_bytes(adjuster_archive())

    def carries(self, rate: str) -> None:
        """Have the uplink carry a rate, with a queue of half a second and more."""
        words = ["root", "handle", "1:", "tbf", "rate", rate, "burst", "8kb", "limit", "250kb"]
        self._in_modem("tc", "qdisc", "replace", "dev", "m1", *words)

    def answers(self, address: str) -> None:
        """Have the host beyond the uplink answer at one more IPv6 address, and the host have one of its network."""
        inside = ["nsenter", f"--net=/proc/{self._beyond}/ns/net", "--"]
        subprocess.run([*inside, "ip", "addr", "add", f"{address}/64", "dev", "beyond0", "nodad"], check=True)
        self.host.run("ip", "addr", "add", f"{address}1/64", "dev", IFACE, "nodad")

    def cut(self) -> None:
        """Have nothing come through any more."""
        self._in_modem("ip", "link", "set", "m1", "down")

    def _in_modem(self, *argv: str) -> None:
        subprocess.run(["nsenter", f"--net=/proc/{self._modem}/ns/net", "--", *argv], check=True)

    def kbit(self, device: str = IFACE) -> int:
        """Return the rate of a shaper, kbit/s, as tc says it: that of cake at the root, else that of htb's class."""
        told = self.host.run("tc", "qdisc", "show", "dev", device, "root").split()
        word = "bandwidth"
        if "cake" not in told:
            told, word = self.host.run("tc", "class", "show", "dev", device, "classid", "1:1").split(), "rate"
        rate = told[told.index(word) + 1]
        for unit, kbit in (("Mbit", 1000.0), ("Kbit", 1.0), ("bit", 0.001)):
            if rate.endswith(unit):
                return round(float(rate[: -len(unit)]) * kbit)
        raise AssertionError(rate)

    def wait_for_rate(self, low: int, high: int, *, seconds: float = 60.0) -> None:
        """Wait until the shaper's rate is between two, kbit/s."""
        until(lambda: low <= self.kbit() <= high, seconds, lambda: f"a rate of {low} to {high}: {self.kbit()}")

    @contextmanager
    def load(self, *, fair: bool = False) -> Iterator[None]:
        """Have the host send as much as it can.

        Args:
            fair: whether pings pass what waits at the shaper; else next to nothing is let wait there.
        """
        size, buffer = (1200, 65536) if fair else (300, 1)
        sender = self.host.popen([sys.executable, "-c", SEND, str(size), str(buffer)])
        try:
            yield
        finally:
            sender.kill()
            sender.communicate()

    def settings(self, changes: Mapping[str, Any]) -> Path:
        """Write the settings of the adjuster that changes ask for, and return where they are."""
        path = self._folder / "settings.json"
        path.write_text(json.dumps(intent(changes, (IFACE,)).settings[IFACE]))
        return path

    def program(self, *words: str) -> list[str]:
        """Return the command that runs the adjuster with some arguments."""
        return ["python3", "-I", "-S", str(self._program), *words]

    @contextmanager
    def adjuster(self, changes: Mapping[str, Any]) -> Iterator[subprocess.Popen[str]]:
        """Run the adjuster that changes ask for, from when it is at work."""
        process = self.host.popen(self.program(str(self.settings(changes))))
        try:
            until(
                lambda: process.poll() is not None or self.notice() != "",
                20,
                "the adjuster is at work",
            )
            yield process
        except AssertionError as error:
            process.kill()
            raise AssertionError(f"{error}; the adjuster said: {process.communicate()}") from error
        finally:
            process.kill()
            process.communicate()

    def notice(self) -> str:
        """Return what a running adjuster says that it moves."""
        return self.host.shell("cat /run/netopt/adapt/*.json 2>/dev/null")


@contextmanager
def uplink(folder: Path) -> Iterator[Uplink]:
    """Make a host behind an uplink of 40 Mbit/s."""
    with transaction_host() as host:
        modem = subprocess.Popen(["unshare", "--net", "sh", "-c", SPACES], stdout=subprocess.PIPE, text=True)
        beyond = subprocess.Popen(["unshare", "--net", "sleep", "600"])
        try:
            assert modem.stdout is not None
            assert modem.stdout.readline() == "ready\n"
            host.run("ip", "link", "set", "peer0", "netns", str(modem.pid))
            made = Uplink(host, modem.pid, beyond.pid, folder)
            made._in_modem("ip", "link", "set", "peer0", "master", "modem", "up")
            until(
                lambda: Path(f"/proc/{beyond.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink(),
                10,
                "a namespace",
            )
            made._in_modem("ip", "link", "set", "beyond0", "netns", str(beyond.pid))
            inside = ["nsenter", f"--net=/proc/{beyond.pid}/ns/net", "--", "sh", "-c"]
            line = f"ip addr add {REFLECTOR}/24 dev beyond0 && ip link set beyond0 up"
            subprocess.run([*inside, line], check=True)
            made.carries("40mbit")
            until(lambda: " 0% packet loss" in host.shell(f"ping -c 1 -W 1 {REFLECTOR}"), 20, "the path is up")
            yield made
        finally:
            for process in (modem, beyond):
                process.kill()
                process.communicate()

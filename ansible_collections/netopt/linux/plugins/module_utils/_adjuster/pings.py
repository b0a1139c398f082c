# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Echo requests to reflectors, and how long their answers take.

Part of the adjuster, which stands alone on a host, see ``_adapt/archive.py``.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import time
from typing import Dict, List, Optional, Tuple

FORGET_S = 30.0  # an answer that comes later is none


class Pings:
    """Echo requests to reflectors, by way of one interface.

    Args:
        iface: the interface.
        reflectors: their addresses.
    """

    def __init__(self, iface: str, reflectors: List[str]) -> None:
        self._token = os.urandom(8)
        self._number = 0
        self._sent: Dict[Tuple[str, int], float] = {}
        self._to = {str(ipaddress.ip_address(one)): ipaddress.ip_address(one).version for one in reflectors}
        self.sockets = {version: _icmp(version, iface) for version in sorted(set(self._to.values()))}

    def send(self) -> None:
        """Send one request to each reflector."""
        self._number = (self._number + 1) & 0xFFFF
        now = time.monotonic()
        self._sent = {key: at for key, at in self._sent.items() if now - at < FORGET_S}
        for address, version in self._to.items():
            head = struct.pack("!BBHHH", 8 if version == 4 else 128, 0, 0, os.getpid() & 0xFFFF, self._number)
            message = head + self._token
            if version == 4:
                message = message[:2] + struct.pack("!H", _checksum(message)) + message[4:]
            with contextlib.suppress(OSError):  # no route: no answer
                self.sockets[version].sendto(message, (address, 0))
                self._sent[address, self._number] = time.monotonic()

    def receive(self, ready: socket.socket) -> Optional[Tuple[str, float]]:
        """Return (reflector, how long its answer took in ms), ``None`` for what is no answer to a request."""
        try:
            data, (address, *_rest) = ready.recvfrom(2048)
        except OSError:
            return None
        now = time.monotonic()
        version = 4 if ready.family == socket.AF_INET else 6
        answer = data[(data[0] & 15) * 4 :] if version == 4 and data else data
        if len(answer) < 16 or answer[0] != (0 if version == 4 else 129) or answer[8:16] != self._token:
            return None
        at = self._sent.pop((address.partition("%")[0], struct.unpack_from("!H", answer, 6)[0]), None)
        return None if at is None else (address.partition("%")[0], (now - at) * 1000)


def _icmp(version: int, iface: str) -> socket.socket:
    family, protocol = (
        (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6)
    )
    made = socket.socket(family, socket.SOCK_RAW, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, iface.encode() + b"\0")
    made.settimeout(0)
    return made


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return int(~(total + (total >> 16)) & 0xFFFF)

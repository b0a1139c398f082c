# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""First packets of SCTP, for kernels that track it and do not speak it: sent and counted by raw sockets."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.effects.frames import crc32c
from tests.effects.traffic import FAMILIES, SILENT_S, Path

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.effects.lab import Lab

INIT = struct.pack("!BBHIIHHI", 1, 0, 20, 0x1234, 65535, 1, 1, 1)
FIRST_PORT = 20000


def init(sport: int, dport: int) -> bytes:
    """Return an INIT with its checksum."""
    bare = struct.pack("!HHII", sport, dport, 0, 0) + INIT
    return bare[:8] + struct.pack("<I", crc32c(bare)) + bare[12:]


def associations(path: Path, number: int, *, family: int = 4) -> Callable[[Lab], int]:
    """Begin so many associations, each from a port of its own; returns how many of their first packets arrive."""

    def send(lab: Lab) -> int:
        with getattr(lab, path.receiver).inside():
            receiver = lab.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_RAW, socket.IPPROTO_SCTP))
        receiver.settimeout(SILENT_S)
        with getattr(lab, path.sender).inside():
            sender = lab.stack.enter_context(socket.socket(FAMILIES[family], socket.SOCK_RAW, socket.IPPROTO_SCTP))
        first = getattr(lab, "next_port", FIRST_PORT)  # none is known from earlier traffic
        lab.next_port = first + number
        for sport in range(first, first + number):
            sender.sendto(init(sport, path.port), (path.address[family], 0))
        arrived = 0
        with suppress(TimeoutError):
            while True:
                data = receiver.recv(256)
                header = data[(data[0] & 15) * 4 :] if family == 4 else data
                arrived += struct.unpack_from("!H", header, 2)[0] == path.arrives
        return arrived

    return send

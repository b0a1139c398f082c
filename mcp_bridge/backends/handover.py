# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tells a process that waits what it is to do, and hands it open files: one message over a pair of sockets."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

SIZE = 4  # bytes that say how long the message is


def send(ours: socket.socket, told: Mapping[str, Any], descriptors: Sequence[int]) -> None:
    """Send JSON data and open files.

    Raises:
        OSError: the process that waited has gone.
    """
    text = json.dumps(told).encode()
    socket.send_fds(ours, [len(text).to_bytes(SIZE, "big")], descriptors)
    ours.sendall(text)


def receive(theirs: socket.socket, descriptors: int) -> tuple[dict[str, Any], list[int]] | None:
    """Wait for the message; return it with the files, ``None`` where the other side ends without one.

    Args:
        theirs: the socket of the process that waits.
        descriptors: how many files come along.

    Raises:
        ConnectionError: the message is not whole; this process can open too few files.
    """
    size, given, _flags, _address = socket.recv_fds(theirs, SIZE, descriptors)
    if not size:
        return None
    if len(size) < SIZE or len(given) < descriptors:
        raise ConnectionError("what a process is to do did not arrive whole")
    with theirs.makefile("rb") as stream:
        return json.loads(stream.read(int.from_bytes(size, "big"))), given

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rtnetlink socket: dumps, and many changes in a few system calls with the kernel's own error text."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from . import messages as rt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

SOL_NETLINK, NETLINK_CAP_ACK, NETLINK_EXT_ACK = 270, 10, 11
RECEIVE_BYTES = 1 << 18
BATCH = 64  # messages in flight: their acknowledgements fit the smallest receive buffer in use
TIMEOUT_S = 30.0
INTERRUPTED_RETRIES = 5  # a dump that changed under our eyes is read again


class KernelRefusedError(Exception):
    """The kernel refused a message.

    Args:
        position: which of the messages handed over, from 0.
        errno: the error's number.
        words: the kernel's extended text, or the errno's name.
    """

    def __init__(self, *, position: int, errno: int, words: str) -> None:
        self.position = position
        self.errno = errno
        self.words = words or os.strerror(errno)
        super().__init__(self.words)


class RouteSocket:
    """A NETLINK_ROUTE socket in the namespace of the process; use it in a ``with`` block.

    Args:
        protocol: another protocol of netlink.
    """

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.settimeout(TIMEOUT_S)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        self._socket.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> RouteSocket:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def ask(self, kind: int, body: bytes) -> bytes:
        """Return the body of the one message that answers a request.

        Raises:
            KernelRefusedError: the kernel refused the request.
        """
        self._sequence += 1
        self._socket.send(rt.message(kind, rt.NLM_F_REQUEST, self._sequence, body))
        while True:
            for reply in rt.messages(self._socket.recv(RECEIVE_BYTES)):
                if reply.sequence != self._sequence:
                    continue
                if reply.type == rt.NLMSG_ERROR:
                    errno, words = rt.error_of(reply)
                    raise KernelRefusedError(position=0, errno=errno, words=words)
                return reply.body

    def dump(self, kind: int, body: bytes) -> list[bytes]:
        """Return the bodies of all messages that the kernel answers to a dump request.

        Raises:
            KernelRefusedError: the kernel refused the request.
        """
        for _attempt in range(INTERRUPTED_RETRIES):
            found, interrupted = self._dump_once(kind, body)
            if not interrupted:
                break
        return found

    def _dump_once(self, kind: int, body: bytes) -> tuple[list[bytes], bool]:
        """Return the bodies of one dump, and whether the kernel says that it was interrupted by a change."""
        self._sequence += 1
        self._socket.send(rt.message(kind, rt.NLM_F_REQUEST | rt.NLM_F_DUMP, self._sequence, body))
        found: list[bytes] = []
        interrupted = False
        while True:
            data = self._socket.recv(RECEIVE_BYTES)
            bodies = rt.dumped(data, self._sequence)
            if bodies is not None:  # nothing but what was asked for
                found += bodies
                continue
            for reply in rt.messages(data):
                if reply.sequence != self._sequence:
                    continue  # left over from a request that was given up
                interrupted = interrupted or bool(reply.flags & rt.NLM_F_DUMP_INTR)
                if reply.type == rt.NLMSG_DONE:
                    return found, interrupted
                if reply.type == rt.NLMSG_ERROR:
                    errno, words = rt.error_of(reply)
                    raise KernelRefusedError(position=0, errno=errno, words=words)
                found.append(reply.body)

    def change(self, requests: Sequence[tuple[int, int, bytes]]) -> None:
        """Send (type, flags, body) messages in order, and wait until the kernel is through with all of them.

        The kernel answers to what it refuses, and to the last message of a batch. Messages behind a refused one in the
        same batch may have been carried out: the state is to be read again after a failure.

        Raises:
            KernelRefusedError: for the first message refused.
        """
        for start in range(0, len(requests), BATCH):
            batch = requests[start : start + BATCH]
            first = self._sequence + 1
            self._sequence += len(batch)
            data = b"".join(
                [
                    rt.message(
                        kind,
                        flags | rt.NLM_F_REQUEST | (rt.NLM_F_ACK if first + place == self._sequence else 0),
                        first + place,
                        body,
                    )
                    for place, (kind, flags, body) in enumerate(batch)
                ]
            )
            self._socket.send(data)
            self._acknowledged(first, start)

    def _acknowledged(self, first: int, start: int) -> None:
        """Wait for the answer to the last message, and raise the first refusal from sequence number ``first`` on."""
        refused = None
        waiting = True
        while waiting:
            for reply in rt.messages(self._socket.recv(RECEIVE_BYTES)):
                if reply.type != rt.NLMSG_ERROR or not first <= reply.sequence <= self._sequence:
                    continue
                waiting = waiting and reply.sequence != self._sequence
                errno, words = rt.error_of(reply)
                if errno and refused is None:
                    refused = KernelRefusedError(position=start + reply.sequence - first, errno=errno, words=words)
        if refused is not None:
            raise refused

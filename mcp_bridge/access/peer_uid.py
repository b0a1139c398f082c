# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the kernel whose a TCP socket of this machine is, by its two ends (sock_diag(7)).

Reading /proc/net/tcp tells the same, and takes ten milliseconds: the kernel walks its whole table of sockets for it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct

NETLINK_SOCK_DIAG = 4
SOCK_DIAG_BY_FAMILY = 20
NLM_F_REQUEST = 1
NLMSG_ERROR = 2
HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
REQUEST = struct.Struct("=BBBxI")  # inet_diag_req_v2 up to the socket's id: family, protocol, extensions, states
ENDS = struct.Struct("!HH16s16s")  # inet_diag_sockid: the two ports, the two addresses
REST = struct.Struct("=III")  # the interface, and a cookie that says "any"
ANY = 0xFFFFFFFF
ANSWER = struct.Struct("=BBxx48sIIIII")  # inet_diag_msg: family, state, id, expires, queues, uid, inode
LISTEN = 10
WAIT_S = 2.0


def owner(near: tuple[str, int], far: tuple[str, int]) -> int | None:
    """Return the user id of the connected socket whose own end is ``near``.

    Args:
        near: its address and port.
        far: those of the other end, of the same family.

    Returns:
        ``None`` when there is no such socket in this network namespace.

    Raises:
        OSError: the kernel does not answer such questions.
    """
    ends = [ipaddress.ip_address(address).packed for address, _port in (near, far)]
    family = socket.AF_INET if len(ends[0]) == 4 else socket.AF_INET6
    identity = ENDS.pack(near[1], far[1], *ends)
    body = REQUEST.pack(family, socket.IPPROTO_TCP, 0, ANY) + identity + REST.pack(0, ANY, ANY)
    header = HEADER.pack(HEADER.size + len(body), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(WAIT_S)
        kernel.sendto(header + body, (0, 0))
        answer = kernel.recv(65536)
    _length, kind, *_others = HEADER.unpack_from(answer)
    if kind == NLMSG_ERROR:
        (code,) = struct.unpack_from("=i", answer, HEADER.size)
        if code == -2:  # ENOENT: no such socket
            return None
        raise OSError(-code, os.strerror(-code))
    _family, state, found, _expires, _received, _sent, uid, _inode = ANSWER.unpack_from(answer, HEADER.size)
    # where there is no such connection, the kernel may answer with a socket that listens on the port
    return int(uid) if state != LISTEN and found[: ENDS.size] == identity else None

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a connection is, asked of the running kernel."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from mcp_bridge.access import http, peer_uid

NOBODY = 65534


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest) -> Iterator[tuple[str, int]]:
    """Give an address and port that somebody listens on."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind((request.param, 0))
        listener.listen()
        yield listener.getsockname()[:2]


def test_own_connection(listening: tuple[str, int]) -> None:
    """A connection of this process is this user's; /proc says the same."""
    with socket.create_connection(listening) as line:
        near = line.getsockname()[:2]
        assert peer_uid.owner(near, listening) == os.getuid() == http.owner_of(near, listening)
        assert [
            uid for end, other, uid in http._sockets(near[1], listening[1]) if (end, other) == (near, listening)
        ] == [os.getuid()]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_connection_of_somebody_else(listening: tuple[str, int]) -> None:
    """A connection of another user is that user's."""
    told, tell = os.pipe()
    stay, leave = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(leave)
        os.setuid(NOBODY)
        line = socket.create_connection(listening)
        os.write(tell, str(line.getsockname()[1]).encode())
        os.read(stay, 1)
        os._exit(0)
    try:
        near = (listening[0], int(os.read(told, 16)))
        assert http.owner_of(near, listening) == NOBODY
    finally:
        os.close(leave)
        os.waitpid(child, 0)
        for end in (told, tell, stay):
            os.close(end)


def test_no_connection(listening: tuple[str, int]) -> None:
    """Where there is no connection, a socket that listens on the port is not taken for one."""
    assert peer_uid.owner(listening, (listening[0], 9)) is None
    assert peer_uid.owner((listening[0], 1), listening) is None

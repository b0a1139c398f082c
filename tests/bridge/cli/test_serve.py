# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server over streamable HTTP: for clients of this machine, and for no web page."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from fastmcp import Client

from tests.listening import await_server, free_port

INITIALIZE = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
    '"clientInfo":{"name":"test","version":"1"}}}'
)
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a real server on the loopback address."""
    number = free_port()
    state = tmp_path_factory.mktemp("state")
    argv = [sys.executable, "-m", "mcp_bridge", "serve"]
    environment = {**os.environ, "NETOPT_STATE_DIR": str(state), "NETOPT_HTTP": f"127.0.0.1:{number}"}
    with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL) as server:
        try:
            await_server(server, number, seconds=60)
            yield number
        finally:
            server.terminate()


def _status(port: int, **headers: str) -> int:
    """Return the HTTP status of a request to begin a session."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("POST", "/mcp", body=INITIALIZE, headers={**HEADERS, **headers})
    status = connection.getresponse().status
    connection.close()
    return status


def test_client_of_this_machine_is_served(port: int) -> None:
    """A client finds the tools over HTTP."""

    async def tools() -> set[str]:
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            return {tool.name for tool in await client.list_tools()}

    assert "apply_rendered_plan_tool" in asyncio.run(tools())


@pytest.mark.parametrize(
    "headers",
    [{"Host": "attacker.example"}, {"Origin": "http://attacker.example"}],
    ids=["a name that was rebound to this machine", "a web page"],
)
def test_web_page_is_refused(port: int, headers: dict[str, str]) -> None:
    """A request that a web page made a browser send is refused."""
    assert _status(port) == 200
    assert _status(port, **headers) in {403, 421}


def test_health_check_of_a_container(port: int) -> None:
    """It holds while the server answers where the setting says, and tells what is wrong otherwise."""
    found = {}
    for text in (f"127.0.0.1:{port}", f"0.0.0.0:{port}", f"127.0.0.1:{free_port()}", ""):
        argv = [sys.executable, "-m", "mcp_bridge.operations.alive"]
        environment = {**os.environ, "NETOPT_HTTP": text}
        done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment, timeout=60)
        found[text] = (done.returncode, done.stderr)
    assert list(found.values())[:2] == [(0, ""), (0, "")]
    assert [code for code, _said in found.values()][2:] == [1, 1]
    assert "does not answer" in list(found.values())[2][1]
    assert "NETOPT_HTTP: not HOST:PORT" in found[""][1]


@pytest.mark.parametrize("address", ["0.0.0.0:8000", pytest.param("192.0.2.1:8000", marks=pytest.mark.long)])
def test_other_machines_are_not_served(address: str, tmp_path: Path) -> None:
    """An address that others can reach is refused, since there is no authentication."""
    argv = [sys.executable, "-m", "mcp_bridge", "serve", "--http", address]
    environment = {**os.environ, "NETOPT_STATE_DIR": str(tmp_path)}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert "is not a loopback address" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user needs root")
def test_another_user_of_this_machine_is_refused(port: int) -> None:
    """Without tokens the server is for the user who started it: the kernel tells whose connection it is."""
    program = Path(__file__).with_name("request_program.py").read_text(encoding="utf-8")  # which others may not read
    lines = ["POST /mcp HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(INITIALIZE)}"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    request = "\r\n".join([*lines, "", INITIALIZE])
    found = {}
    for user in (65534, 0):
        argv = ["/usr/bin/python3", "-c", program, str(port), request]
        done = subprocess.run(argv, check=True, capture_output=True, text=True, user=user, cwd="/")
        found[user] = done.stdout.strip()
    assert found == {65534: "403", 0: "200"}


@pytest.mark.long
def test_a_client_that_vanishes(tmp_path: Path) -> None:
    """A client on standard input and output that goes without a word ends the server, which calls it no defect."""
    with subprocess.Popen(
        [sys.executable, "-m", "mcp_bridge", "serve", "-i", "localhost,"],
        env={**os.environ, "NETOPT_STATE_DIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.write(INITIALIZE + "\n")
        server.stdin.flush()
        assert '"serverInfo"' in server.stdout.readline()
        server.stdout.close()
        server.stdin.write('{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n')
        server.stdin.close()
        told = server.stderr.read()
        server.wait(60)
    assert "error" not in told
    assert not (tmp_path / "crashes").exists()

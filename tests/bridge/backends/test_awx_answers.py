# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX answers has a size, a time and a shape: an AWX that floods, drips or makes things up ends one request."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mcp_bridge.backends import awx_answer, awx_client
from mcp_bridge.backends.awx_client import AwxClient, LaunchUnclearError
from mcp_bridge.errors import RunError

Says = Callable[["Handler", str, dict[str, str]], None]
ROOM = 200_000  # instead of the real bound


class Handler(BaseHTTPRequestHandler):
    """Answers as a test says."""

    says: Says

    def do_GET(self) -> None:
        """Answer."""
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        try:
            self.says(split.path, query)
        except (BrokenPipeError, ConnectionResetError):  # the client had enough
            self.server.hung_up.set()  # type: ignore[attr-defined]

    do_POST = do_GET  # noqa: N815 - the base class asks for it by this name

    def send(self, body: bytes, *, status: int = 200, **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        """Say nothing."""


@contextmanager
def answering(says: Says) -> Iterator[tuple[AwxClient, threading.Event]]:
    """Return a client of a server that answers so, and what is set once the server was hung up on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"says": says}))
    server.hung_up = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with AwxClient(f"http://127.0.0.1:{server.server_address[1]}", token="t") as client:  # noqa: S106
            yield client, server.hung_up  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awx_answer, "BYTES_MAX", ROOM)
    monkeypatch.setattr(awx_client, "TEXT_MAX", ROOM // 2)
    monkeypatch.setattr(awx_client, "PAUSE_S", 0.01)


def flood(handler: Handler, _path: str, _query: dict[str, str]) -> None:
    """Answer without an end."""
    handler.send(b'{"status": "')
    while True:
        handler.wfile.write(b"x" * 65536)


def test_flood() -> None:
    """An answer without an end is left as soon as it is too large, whatever was asked; a launch is then unclear."""
    with answering(flood) as (client, hung_up):
        with pytest.raises(RunError, match=f"GET /api/v2/jobs/1/ with more than {ROOM} bytes"):
            client.job(1)
        with pytest.raises(LaunchUnclearError, match="with more than"):
            client.launch(7, {})
        assert hung_up.wait(20)
        text = client.stdout(1)
        assert text.endswith(f"only the first {ROOM // 2} bytes; AWX has the rest")
        assert len(text) < ROOM


def test_drip(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that never stops coming, a byte at a time, ends by the clock."""
    monkeypatch.setattr(awx_answer, "DURATION_S", 0.2)
    monkeypatch.setattr(awx_client, "TRIES", 1)
    over = threading.Event()

    def drip(handler: Handler, _path: str, _query: dict[str, str]) -> None:
        handler.send(b"{")
        while not over.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    with answering(drip) as (client, hung_up):
        try:
            with pytest.raises(RunError, match=r"took more than 0 s"):
                client.job(1)
            assert hung_up.wait(20)
        finally:
            over.set()


def test_large_events_come_one_by_one() -> None:
    """Where a page of events is too large, smaller ones are asked for; one that is too large costs only itself."""
    events = [{"counter": at, "event": "runner_on_ok", "event_data": {"res": "y" * 3000}} for at in range(1, 231)]
    events[41]["event_data"] = {"res": "z" * (ROOM + 1)}

    def pages(handler: Handler, _path: str, query: dict[str, str]) -> None:
        size, number = int(query["page_size"]), int(query["page"])
        chosen = events[(number - 1) * size : number * size]
        handler.send(json.dumps({"results": chosen}).encode(), status=200 if chosen else 404)

    with answering(pages) as (client, _hung_up):
        found = client.events(1, after=0) + client.events(1, after=200)
    assert [event["counter"] for event in found] == list(range(1, 231))
    assert found[41] == {"counter": 42, "event": "too_large"}
    assert [event for at, event in enumerate(found) if at != 41] == [e for at, e in enumerate(events) if at != 41]


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
        b"\xff\xfe",
        b'{"status": 1e999' + b"9" * 5000 + b"}",
        b'{"status": ["successful"]}',
        b"{}",
        b"[]",
        b"null",
        b'"text"',
    ],
)
def test_no_awx(body: bytes) -> None:
    """Whatever is not as AWX answers is told in one line, for a job, its events and a template."""
    with answering(lambda handler, _path, _query: handler.send(body)) as (client, _hung_up):
        for ask in (lambda: client.job(1), lambda: client.events(1, after=0), lambda: client.template("7")):
            with pytest.raises(RunError, match="does not answer as AWX does"):
                ask()


@pytest.mark.parametrize(
    "results",
    [5, {"a": 1}, [1], [{"event": "x"}], [{"counter": "1", "event": "x"}], [{"counter": True, "event": "x"}], [None]],
)
def test_events_that_are_none(results: Any) -> None:
    """Events that lack what each has are no answer of AWX."""
    body = json.dumps({"results": results}).encode()
    with answering(lambda handler, _path, _query: handler.send(body)) as (client, _hung_up):  # noqa: SIM117
        with pytest.raises(RunError, match="does not answer as AWX does"):
            client.events(1, after=0)


def test_compressed() -> None:
    """What is small on the way and large here is not unpacked."""
    with answering(lambda handler, _path, _query: handler.send(b"\x1f\x8b", Content_Encoding="gzip")) as (client, _):  # noqa: SIM117
        with pytest.raises(RunError, match="compressed, though it was asked not to"):
            client.job(1)


def test_list_without_an_end() -> None:
    """A list of templates that always has another page ends."""
    asked: list[str] = []

    def more(handler: Handler, path: str, _query: dict[str, str]) -> None:
        asked.append(path)
        handler.send(b'{"results": [{"id": 1, "name": "other"}], "next": "/more"}')

    with answering(more) as (client, _hung_up), pytest.raises(RunError, match="no job template named 'NetOpt apply'"):
        client.template("NetOpt apply")
    assert len(asked) == awx_client.PAGES_MAX


def test_refusal_is_one_plain_line() -> None:
    """What AWX says of a refusal is cut, and shows no escapes."""
    body = json.dumps({"detail": "\x1b]0;owned\x07no\u202e\n" + "n" * 9000}).encode()
    with answering(lambda handler, _path, _query: handler.send(body, status=400)) as (client, _hung_up):  # noqa: SIM117
        with pytest.raises(RunError) as caught:
            client.job(1)
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 500

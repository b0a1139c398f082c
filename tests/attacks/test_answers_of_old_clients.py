# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clients of older protocols are asked by a request of the server: whatever they answer but yes, nothing is done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from tests.attacks.stage import NOWHERE, Stage

HELLO = {"protocolVersion": "2025-06-18", "clientInfo": {"name": "test", "version": "1"}}
CALL = {
    "name": "delete_checkpoint_tool",
    "arguments": {"checkpoint_id": NOWHERE, "hosts": "web", "dry_run": False},
}
NO_ANSWER = "What the client sent is no answer to a question"
ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({"result": {"action": "decline"}}, "did not confirm (decline)"),
    ({"result": {"action": "cancel"}}, "did not confirm (cancel)"),
    ({"result": {"action": "accept"}}, "did not say yes"),
    ({"result": {"action": "accept", "content": {}}}, "did not say yes"),
    ({"result": {"action": "accept", "content": {"yes": True}}}, "did not say yes"),
    ({"result": {"action": "accept", "content": {"confirm": "true"}}}, "did not say yes"),
    ({"result": {"action": "accept", "content": {"confirm": {"confirm": True}}}}, NO_ANSWER),
    ({"result": {"action": "accept", "content": [True]}}, NO_ANSWER),
    ({"result": {"action": "yes", "content": {"confirm": True}}}, NO_ANSWER),
    ({"result": {"content": {"confirm": True}}}, NO_ANSWER),
    ({"result": {}}, NO_ANSWER),
    ({"error": {"code": -1, "message": "\x1b]0;x\x07no\u202e way\n" * 90}}, "did not ask the person"),
]


class Wire:
    """A server over stdio, and a client that sends what it likes."""

    def __init__(self, server: subprocess.Popen[str], capabilities: dict[str, Any]) -> None:
        assert server.stdin is not None
        assert server.stdout is not None
        self._in: IO[str] = server.stdin
        self._out: IO[str] = server.stdout
        self._sent = 0
        self.request("initialize", {**HELLO, "capabilities": capabilities})
        self.send({"method": "notifications/initialized"})

    def send(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._in.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._in.flush()

    def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request, and return the answer, or what the server asks first."""
        self._sent += 1
        self.send({"id": self._sent, "method": method, "params": params})
        return self.receive()

    def receive(self) -> dict[str, Any]:
        """Return the next answer or request."""
        while True:
            message: dict[str, Any] = json.loads(self._out.readline())
            if "id" in message:
                return message


def said(stage: Stage, capabilities: dict[str, Any], answers: list[dict[str, Any]]) -> list[str]:
    """Make the call once for each answer, and return what comes of it; without answers it is made once."""
    environment = {
        **os.environ,
        "NETOPT_STATE_DIR": str(stage.settings.state_dir),
        "NETOPT_INVENTORY": str(stage.settings.inventory),
        "NETOPT_TOOLSETS": "all",
    }
    found = []
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("netopt")), "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(stage.folder / "errors").open("w"),
        text=True,
        env=environment,
    ) as server:
        wire = Wire(server, capabilities)
        for answer in answers or [{}]:
            message = wire.request("tools/call", CALL)
            if answer:
                assert message["method"] == "elicitation/create", message
                wire.send({"id": message["id"], **answer})
                message = wire.receive()
            assert message["result"]["isError"], message
            found.append(message["result"]["content"][0]["text"])
    return found


def test_whatever_is_not_yes_is_no(stage: Stage) -> None:
    """Each answer is told for what it is, in the log too, and none is taken for a defect of the server."""
    told = said(stage, {"elicitation": {}}, [answer for answer, _words in ANSWERS])
    for text, (answer, words) in zip(told, ANSWERS, strict=True):
        assert words in text, answer
        assert text.isprintable()
        assert len(text) < 600
    assert stage.runs() == []
    assert "Traceback" not in (stage.folder / "errors").read_text(encoding="utf-8")
    decisions = [entry.decision for entry in stage.log.entries(limit=1000) if entry.action == "consent"]
    assert decisions == ["asked", "declined"] * len(ANSWERS)
    assert stage.log.check()[0] is None


@pytest.mark.long
def test_a_client_that_only_opens_addresses_is_not_asked(stage: Stage) -> None:
    """One that shows no forms, and one that asks nobody, get a refusal and no question."""
    for capabilities in ({"elicitation": {"url": {}}}, {}):
        (text,) = said(stage, capabilities, [])
        assert "the client cannot ask for it" in text
    assert stage.runs() == []

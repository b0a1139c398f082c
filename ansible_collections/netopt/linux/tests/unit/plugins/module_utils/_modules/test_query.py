# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netopt_query, netopt_info and netopt_probe as they run on a host: they answer, and change nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._query.catalog import QUERIES
from ansible_collections.netopt.linux.plugins.module_utils._transport import remote_main
from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import answer_in

if TYPE_CHECKING:
    from collections.abc import Callable

    Call = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.own_host

ARGUMENTS: dict[str, Any] = {
    "iface": "eth0",
    "keys": ["net.ipv4.tcp_fin_timeout"],
    "target": "127.0.0.1",
    "count": 1,
    "duration_s": 1,
}


@pytest.mark.parametrize("query", sorted(QUERIES))
def test_every_question_gets_an_answer(call: Call, query: str) -> None:
    """Each one is answered, or says what the host lacks for it."""
    wanted = QUERIES[query].parameters
    arguments = {name: value for name, value in ARGUMENTS.items() if name in wanted}
    found = call("netopt_query", query=query, arguments=arguments)
    assert not found.get("failed"), found
    assert found["answer"]["query"] == query


def test_questions_together(call: Call) -> None:
    """Several are answered in one go, each within what was allowed for it; what is no question is refused."""
    queries = [{"query": "sysctl_get", "arguments": {"keys": ["net.ipv4.ip_forward"]}}, {"query": "ip_info"}]
    assert len(call("netopt_query", queries=queries)["answers"]) == 2
    assert call("netopt_query", query="reboot")["failed"]
    assert call("netopt_query")["failed"]


def test_what_is_read_of_a_host(call: Call) -> None:
    """Everything that is offered is there, and what the kernel does not have is null."""
    found = call("netopt_info", sysctl=["net.ipv4.tcp_fin_timeout", "net.ipv4.no_such"])
    assert found["problems"] == []
    assert found["info"]["facts"]["default_interface"] == "eth0"
    assert found["info"]["sysctl"]["net.ipv4.no_such"] is None
    assert found["info"]["link"]["eth0"]["mtu"] in {1500, "1500"}
    assert found["info"]["checkpoints"] == []
    assert call("netopt_info", gather=["link"], iface=["eth9"])["problems"]


def test_what_is_measured(call: Call) -> None:
    """Delays to the host itself are small, and nobody answers where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = call(
            "netopt_probe", ping=["127.0.0.1"], tcp=[f"127.0.0.1:{port}"], duration_s=1, interval_s=0.2, samples=True
        )
    assert not found.get("failed"), found
    assert set(found["measurements"]["ping"]) == {"127.0.0.1"}
    assert set(found["measurements"]["tcp"]) == {f"127.0.0.1:{port}"}
    assert call("netopt_probe", ping=["no name"], duration_s=1)["failed"]


def test_each_result_is_in_the_frame_of_its_question(capfd: pytest.CaptureFixture[str]) -> None:
    """Whatever happens, there is a result."""
    message = {"module": "netopt_info", "options": {"gather": ["facts"], "iface": ["auto"], "sysctl": []}}
    told = {"check": False, "diff": False, "program": "0"}
    remote_main.main({**message, **told, "nonce": "a1"})
    remote_main.main({"module": "netopt_apply", "options": {}, **told, "nonce": "b2"})
    said = capfd.readouterr().out
    results = [(answer_in(said, nonce) or {})["result"] for nonce in ("a1", "b2")]
    assert [result.get("failed", False) for result in results] == [False, True]

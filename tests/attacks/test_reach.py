# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Callers who reach for more than the access file gives them: over HTTP, with tokens of a real server's own kind."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth
from fastmcp.exceptions import ToolError
from fastmcp.server.auth.providers.jwt import RSAKeyPair
from mcp import MCPError

from mcp_bridge.access.static_tokens import new_token
from mcp_bridge.audit.log import AuditLog
from tests.attacks.stage import NOWHERE, PLAN, Stage, said
from tests.calls import call
from tests.consent import says_yes
from tests.listening import await_server, free_port

ISSUER, AUDIENCE = "https://idp.example.org/", "netopt"
ACCESS = """\
version: 1
authentication:
  jwt: {{issuer: "https://idp.example.org/", audience: netopt, public_key_file: idp.pem, scope_prefix: "netopt:"}}
  tokens:
    - {{caller: web-bot, sha256: {web}}}
    - {{caller: old-bot, sha256: {old}, expires: 2020-01-01}}
callers:
  - name: web-bot
    scopes: [read, probe, plan, apply, rollback, delete]
    hosts: [web]
    cards: ["sysctl.tcp_*"]
    profiles: [server]
    max_hosts: 1
    confirm_timeout: {{required: true, min_s: 30, max_s: 600}}
  - {{name: old-bot, scopes: [read], hosts: [all]}}
  - {{name: prober, scopes: [read, probe, plan], hosts: [web], probe: [inventory, 192.0.2.0/24, "*.example.org"]}}
  - {{name: reader, scopes: [read, audit], hosts: [all]}}
  - {{name: lab-bot, scopes: [plan, apply], hosts: [all], cards: ["*"], except: [d1]}}
  - {{name: hasty-bot, scopes: [read], hosts: [all], rate: {{calls_per_minute: 2}}}}
"""


@dataclass(frozen=True)
class Site:
    """A real server over HTTP, and what it takes to be let in."""

    stage: Stage
    port: int
    keys: RSAKeyPair
    tokens: dict[str, str]
    errors: Path

    def client(self, token: str) -> Client[Any]:
        """Return a client that comes with a token."""
        return Client(f"http://127.0.0.1:{self.port}/mcp", auth=BearerAuth(token), elicitation_handler=says_yes)

    def jwt(self, caller: str, *scopes: str, **options: Any) -> str:
        """Return a token of the identity provider."""
        named = {"issuer": ISSUER, "audience": AUDIENCE, **options}
        return self.keys.create_token(subject=caller, scopes=[f"netopt:{scope}" for scope in scopes], **named)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give a server with an access file."""
    stage = Stage.set(tmp_path_factory.mktemp("site"))
    keys = RSAKeyPair.generate()
    (stage.folder / "idp.pem").write_text(keys.public_key, encoding="ascii")
    (web, web_hash), (old, old_hash) = new_token(), new_token()
    terms = stage.access(ACCESS.format(web=web_hash, old=old_hash))
    port = free_port()
    argv = [sys.executable, "-m", "mcp_bridge", "serve", "--http", f"127.0.0.1:{port}", "--access"]
    argv += [str(terms.access_file), "-i", str(stage.settings.inventory)]
    errors = stage.folder / "stderr"
    environment = {**os.environ, "NETOPT_STATE_DIR": str(stage.settings.state_dir)}
    with errors.open("wb") as stream, subprocess.Popen(argv, env=environment, stderr=stream) as server:
        try:
            await_server(server, port, seconds=120, log=errors)
            yield Site(stage, port, keys, {"web": web, "old": old}, errors)
        finally:
            server.terminate()


def refused(site: Site, token: str, tool: str, **arguments: Any) -> str:
    """Return what a caller is told who must not do this; it is in the log, and nothing has begun on a host."""
    before = (len(site.stage.refusals()), site.stage.runs())

    async def run() -> str:
        async with site.client(token) as client:
            return await said(client, tool, **arguments)

    text = asyncio.run(run())
    assert (len(site.stage.refusals()) > before[0], site.stage.runs()) == (True, before[1])
    assert token not in text
    return text


@pytest.mark.parametrize(
    ("hosts", "words"),
    [
        ("all:!w1", "closed to the caller"),
        ("*:!w1", "closed to the caller"),
        ("db", "closed to the caller"),
        ("w1,d1", "closed to the caller"),
        ("web:d*", "closed to the caller"),
        ("!web", "closed to the caller"),
        ("all[0:2]", "closed to the caller"),
        ("ungrouped", "o host"),
        ("~.*", "Not a host pattern"),
        ("@/etc/passwd", "Not a host pattern"),
        ("web,@/etc/passwd", "Not a host pattern"),
        ("web:~d.*", "Not a host pattern"),
        ("w1 --limit all", "Not a host pattern"),
        ("-i/etc/hosts", "Not a host pattern"),
        ("w1\nall", "Not a host pattern"),
        ("{{ groups.all }}", "Not a host pattern"),
        ("w\u0131", "Not a host pattern"),
    ],
)
def test_patterns_do_not_escape(site: Site, hosts: str, words: str) -> None:
    """Whatever pattern a caller writes, it stays within its groups, for reading as for changing."""
    assert words in refused(site, site.tokens["web"], "ip_info_tool", hosts=hosts)


TO_D1 = {"iface": "eth0", "changes": {"mtu": 1400}, "validate": {"targets": {"iperf": "d1"}}}


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("measure_network_tool", {"iperf": "d1"}),
        ("measure_network_tool", {"iperf": "D1."}),
        ("render_change_plan_tool", {"plan": TO_D1}),
        ("apply_rendered_plan_tool", {"rendered_plan": json.dumps({"plan": TO_D1}), "hosts": "w1"}),
    ],
)
def test_no_other_host_is_made_to_serve(site: Site, tool: str, arguments: dict[str, Any]) -> None:
    """A host that is closed to a caller does not serve for it, named by the call or by a plan."""
    assert "which is to serve iperf3, is closed" in refused(site, site.tokens["web"], tool, **arguments)


def test_probing_takes_a_scope(site: Site) -> None:
    """Who may read may not have hosts ping or connect: by no tool, in no list of questions, by no plan."""
    question = [{"query": "ping_host", "target": "192.0.2.1"}]
    calls = [
        ("measure_network_tool", {"tcp": ["192.0.2.1:22"]}),
        ("ping_host_tool", {"target": "192.0.2.1"}),
        ("traceroute_tool", {"target": "192.0.2.1"}),
        ("tracepath_tool", {"target": "192.0.2.1"}),
        ("host_query_tool", {"queries": question}),
        ("host_query_tool", {"queries": json.dumps(question)}),
        ("call_tool_tool", {"name": "host_query_tool", "arguments": {"queries": question}}),
    ]
    for tool, arguments in calls:
        assert "the scope probe" in refused(site, site.jwt("reader", "read"), tool, **arguments)
    plan = {"iface": "eth0", "changes": {"mtu": 1400}, "validate": {"targets": {"ping": ["192.0.2.1"]}}}
    assert "the scope probe" in refused(site, site.jwt("lab-bot", "plan"), "render_change_plan_tool", plan=plan)


@pytest.mark.parametrize(
    "target",
    [
        *("127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.169.254", "fe80::1", "10.0.0.1", "192.168.0.1", "fd00::1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "0::", "224.0.0.1", "8.8.8.8", "2130706433", "127.1", "0x7f.1"),
        *("localhost", "localhost.", "metadata.google.internal", "d1", "example.org.evil", "evilexample.org"),
    ],
)
def test_targets_that_are_not_open(site: Site, target: str) -> None:
    """A target that the access file does not name is refused, however it is written and however it is to be reached."""
    token = site.jwt("prober", "read", "probe", "plan")
    place = f"[{target}]:22" if ":" in target else f"{target}:22"
    plan = {"iface": "eth0", "changes": {"mtu": 1400}, "validate": {"targets": {"tcp": [place]}}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("measure_network_tool", {"tcp": ["192.0.2.1:22", place]}),
        ("ping_host_tool", {"target": target}),
        ("host_query_tool", {"queries": [{"query": "ip_info"}, {"query": "tracepath", "target": target}]}),
        ("render_change_plan_tool", {"plan": json.dumps(plan)}),
    ]
    for tool, arguments in calls:
        told = refused(site, token, tool, **arguments)
        assert "may not have hosts send packets to" in told or "is closed to" in told, (tool, told)


def test_secrets_are_not_read_out(site: Site) -> None:
    """Kernel parameters that hold keys are refused by name, in a tool of its own and among several questions."""
    for key in ("net.ipv4.tcp_fastopen_key", "net.ipv6.conf.all.stable_secret", "net/ipv6/conf/a.b/stable_secret"):

        async def run(key: str = key) -> list[str]:
            async with site.client(site.jwt("reader", "read")) as client:
                questions = [{"query": query, "keys": [key]} for query in ("sysctl_get", "host_facts")]
                one = await said(client, "sysctl_get_tool", keys=["net.ipv4.ip_forward", key])
                return [one, *[await said(client, "host_query_tool", queries=[each]) for each in questions]]

        assert all("holds a secret, which is not read out" in text for text in asyncio.run(run()))


def test_all_is_all_that_is_open(site: Site) -> None:
    """``all`` and what the inventory shows are the caller's own hosts; other callers' runs are not there."""

    async def run() -> str:
        async with site.client(site.tokens["web"]) as client:
            hosts = (await call(client, "list_hosts_tool"))["hosts"]
            assert [host["name"] for host in hosts] == ["w1", "w2"]
            resource = (await client.read_resource("inventory://hosts"))[0].text  # type: ignore[union-attr]
            assert "d1" not in resource
            assert '"w1"' in resource
        async with site.client(site.jwt("reader", "read")) as client:
            return str((await call(client, "ss_summary_tool", hosts="d1")).get("run_id"))

    run_id = asyncio.run(run())
    assert "o run" in refused(site, site.tokens["web"], "run_status_tool", run_id=run_id)
    assert "o run" in refused(
        site, site.tokens["web"], "call_tool_tool", name="run_status_tool", arguments={"run_id": run_id}
    )

    async def read(uri: str) -> str:
        async with site.client(site.tokens["web"]) as client:
            with pytest.raises(MCPError) as error:
                await client.read_resource(uri)
            return str(error.value)

    for uri in (f"runs://{run_id}", f"runs://{run_id}/hosts/d1", f"runs://{run_id}%2Fhosts/d1"):
        assert "d1" not in asyncio.run(read(uri)).replace(run_id, "")


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("apply_rendered_plan_tool", {"hosts": "web", "dry_run": False}, "may change 1 hosts at once; these are 2"),
    ("apply_rendered_plan_tool", {"hosts": "w1", "dry_run": False}, "need confirm_timeout_s"),
    ("apply_rendered_plan_tool", {"hosts": "w1", "dry_run": False, "confirm_timeout_s": 900}, "Allowed: 30 to 600 s"),
    ("confirm_change_tool", {"checkpoint_id": NOWHERE, "hosts": "w1", "extend_s": 9000}, "Allowed: 30 to 600 s"),
    ("plan_from_profile_tool", {"profile": "gaming", "hosts": "w1"}, "may not use the profile 'gaming'"),
    ("get_audit_log_tool", {}, "needs the scope audit"),
    ("search_audit_log_tool", {"query": "x"}, "needs the scope audit"),
]


@pytest.mark.parametrize(("tool", "arguments", "words"), CASES)
def test_a_rule_holds(site: Site, tool: str, arguments: dict[str, Any], words: str) -> None:
    """Hosts at once, the time to confirm, profiles and scopes: each is what the access file says."""
    more = {"rendered_plan": rendered(site, PLAN)} if tool == "apply_rendered_plan_tool" else {}
    assert words in refused(site, site.tokens["web"], tool, **arguments, **more)


def rendered(site: Site, plan: dict[str, Any]) -> dict[str, Any]:
    """Return a plan as the server renders it."""

    async def run() -> dict[str, Any]:
        async with site.client(site.tokens["web"]) as client:
            return await call(client, "render_change_plan_tool", plan=plan)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("changes", "caller", "words"),
    [
        ({"mtu": 1400}, "web", "may not change: link.mtu"),
        ({"sysctl": {"net.core.somaxconn": 512}, "mtu": 1400}, "web", "may not change: link.mtu, sysctl.somaxconn"),
        ({"netem": {"delay_ms": 1}}, "lab-bot", "Impairments (netem) is not allowed"),
        (
            {"nat_rules": [{"type": "masquerade", "iface": "eth0"}]},
            "lab-bot",
            "Address translation (NAT) is not allowed",
        ),
        (
            {"rate_limits": [{"rate": "5/second"}], "nat_rules": []},
            "lab-bot",
            "Address translation (NAT) is not allowed",
        ),
        (
            {"rate_limits": [{"rate": "5/second"}], "dscp": []},
            "web",
            "may not change: iptables.qos_marking, iptables.rate_limiting",
        ),
    ],
)
def test_what_a_plan_may_hold(site: Site, changes: dict[str, Any], caller: str, words: str) -> None:
    """Cards, impairments and address translation are for the callers that they are granted to, in a dry run too."""
    token = site.tokens["web"] if caller == "web" else site.jwt(caller, "plan", "apply")
    plan = rendered(site, {"iface": "eth0", "changes": changes})
    assert words in refused(site, token, "apply_rendered_plan_tool", rendered_plan=plan, hosts="w1")


@pytest.mark.parametrize(
    ("caller", "scopes", "tool", "words"),
    [
        ("reader", ["read", "apply", "rollback"], "rollback_to_checkpoint_tool", "needs the scope rollback"),
        ("reader", [], "list_hosts_tool", "needs the scope read"),
        ("reader", ["audit"], "list_hosts_tool", "has audit"),
        ("stranger", ["read"], "list_hosts_tool", "does not know the caller stranger"),
        ("local", ["read"], "list_hosts_tool", "does not know the caller local"),
    ],
)
def test_scopes_are_those_of_token_and_file(site: Site, caller: str, scopes: list[str], tool: str, words: str) -> None:
    """A token cannot bring a scope that the file does not give, and the file none that the token lacks."""
    arguments = {"checkpoint_id": NOWHERE, "dry_run": False} if tool.startswith("rollback") else {}
    assert words in refused(site, site.jwt(caller, *scopes), tool, **arguments)
    if caller == "reader":  # a flood of unknown callers is one line of the log
        assert words in refused(site, site.jwt(caller, *scopes), "call_tool_tool", name=tool, arguments=arguments)


def test_tools_that_cannot_be_used_are_not_listed(site: Site) -> None:
    """A caller sees the tools that its scopes suffice for."""

    async def run() -> tuple[set[str], set[str]]:
        async with site.client(site.jwt("reader", "read")) as reader, site.client(site.tokens["web"]) as bot:
            return {tool.name for tool in await reader.list_tools()}, {tool.name for tool in await bot.list_tools()}

    reads, changes = asyncio.run(run())
    assert not reads & {"apply_rendered_plan_tool", "rollback_to_checkpoint_tool", "get_audit_log_tool"}
    assert "apply_rendered_plan_tool" in changes
    assert "get_audit_log_tool" not in changes


def test_too_many_calls(site: Site) -> None:
    """Each caller has a limit of its own, and is told when to come back; the log does not grow with the flood."""

    async def run() -> list[str]:
        async with site.client(site.jwt("hasty-bot", "read")) as client:
            told = []
            for _ in range(12):
                try:
                    await client.call_tool("list_hosts_tool", {})
                except ToolError as error:
                    told.append(str(error))
            return told

    told = asyncio.run(run())
    assert len(told) >= 8
    assert all("More than 2 calls in a minute" in text and "Try again in" in text for text in told)
    floods = [entry for entry in site.stage.refusals() if entry.detail.get("reason") == "rate"]
    assert 1 <= len(floods) <= 3


def test_no_token_gets_in_that_should_not(site: Site) -> None:
    """Unsigned, expired, foreign, endless and made-up tokens: 401, a line in the log, and no word of the token."""
    foreign = RSAKeyPair.generate()
    bad = {
        "none": "",
        "made up": "netopt_" + "A" * 43,
        "expired static": site.tokens["old"],
        "expired": site.jwt("reader", "read", expires_in_seconds=-60),
        "other issuer": site.jwt("reader", "read", issuer="https://evil.example/"),
        "other audience": site.jwt("reader", "read", audience="other"),
        "other key": foreign.create_token(subject="reader", issuer=ISSUER, audience=AUDIENCE, scopes=["netopt:read"]),
        "not yet": site.jwt("reader", "read", additional_claims={"nbf": time.time() + 3600}),
        "endless": site.jwt("reader", "read", additional_claims={"exp": None}),
        "odd name": site.jwt("reader\nroot", "read"),
        "alg none": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyZWFkZXIifQ.",
        "long": "A" * 20_000,
    }
    statuses = {name: status(site.port, token) for name, token in bad.items()}
    assert set(statuses.values()) <= {400, 401, 431}, statuses
    assert status(site.port, site.jwt("reader", "read")) == 200
    written = AuditLog(site.stage.settings.audit_file)
    assert [entry.outcome for entry in written.entries(limit=1000) if entry.action == "token"]
    held = b"".join(path.read_bytes() for path in site.stage.settings.state_dir.rglob("*") if path.is_file())
    held += site.errors.read_bytes()
    for token in [*bad.values(), *site.tokens.values()]:
        assert not token or token.encode() not in held
    assert written.check()[0] is None


def status(port: int, token: str, body: bytes | None = None) -> int:
    """Return the HTTP status of a request to begin a session."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    hello = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},'
        b'"clientInfo":{"name":"test","version":"1"}}}'
    )
    try:
        connection.request("POST", "/mcp", body=hello if body is None else body, headers=headers)
        return connection.getresponse().status
    except (ConnectionResetError, BrokenPipeError):
        return 413  # the server had answered and gone before all of it was sent
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b" " * (9 * 1024 * 1024), {413}),
        (b"[" * 1_000_000, {400, 413}),
        (b'{"a":' * 200_000, {400, 413}),
        (b"\xff\xfe{}", {400}),
    ],
    ids=["large", "deep list", "deep object", "no text"],
)
def test_bodies_that_are_no_requests(site: Site, body: bytes, expected: set[int]) -> None:
    """Too large or too deep a body is refused, and the server answers the next one."""
    token = site.jwt("reader", "read")
    assert status(site.port, token, body) in expected
    assert status(site.port, token) == 200

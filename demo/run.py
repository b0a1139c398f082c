# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The main job, start to finish, on the embedded lab: a plan travels from an MCP client to three kernels and back.

Every step is the real one: an MCP client talks to `netopt serve` over stdio, ansible-runner drives the
playbooks over SSH, and what is shown of the hosts comes from `sysctl`, `tc`, `nft`, `ip` and `ethtool`.

    .venv/bin/python demo/run.py [--kernel namespace|vm] [--keep]
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import difflib
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from rich.console import Console
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from mcp_bridge.lab.kernel_view import Host, connect, kernel_view

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parent.parent
NETOPT = str(Path(sys.executable).parent / "netopt")
LAB = "demo"
HOSTS = 3
CONTESTED = "net.ipv4.tcp_mtu_probing"

console = Console(width=110, highlight=False)
started = time.monotonic()


class DemoError(Exception):
    """The demo did not show what it promises to show."""


def step(title: str) -> None:
    """Announce one step with the seconds that have passed since the start."""
    console.print(f"\n[bold cyan]{time.monotonic() - started:5.1f} s[/]  [bold]{title}[/]")


def expect(condition: object, promise: str) -> None:
    """Print a promise that holds; stop the demo at one that does not."""
    if not condition:
        raise DemoError(promise)
    console.print(f"  [green]ok[/] {promise}")


def lab(*arguments: str) -> str:
    """Run one `netopt lab` command and return what it printed."""
    done = subprocess.run([NETOPT, "lab", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise DemoError(f"netopt lab {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


async def show_report(mcp: McpClient, report: dict[str, Any]) -> None:
    """Print one ChangeReport as a table, a line per host; a long one leaves the hosts' own reports to be read."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for title in ("host", "status", "changes", "operations", "what happened"):
        table.add_column(title, overflow="fold")
    for name, told in sorted(report["hosts"].items()):
        host = (await mcp.read(f"runs://{report['run_id']}/hosts/{name}"))["report"] if report["groups"] else told
        error = host.get("error")
        skipped = ", ".join(item["key"] for item in host["skipped"])
        note = error["message"] if error else (f"skipped: {skipped}" if skipped else "")
        table.add_row(name, host["status"], str(len(host["diff"])), str(len(host["operations"])), note)
    console.print(table)


def statuses(report: dict[str, Any]) -> dict[str, str]:
    """Return the status of each host in a ChangeReport."""
    return {name: host["status"] for name, host in report["hosts"].items()}


def differences(before: dict[str, str], after: dict[str, str]) -> Iterator[str]:
    """Yield the unified diff between two kernel views, command by command."""
    for command, text in before.items():
        yield from difflib.unified_diff(
            text.splitlines(), after[command].splitlines(), f"{command} (before)", f"{command} (after)", lineterm=""
        )


def expect_same(host: Host, before: dict[str, str], promise: str) -> None:
    """Compare the kernel's view of a host with an earlier one, and print what differs."""
    lines = list(differences(before, kernel_view(host)))
    if lines:
        console.print("\n".join(lines), markup=False)
    expect(not lines, f"{host.name} {promise}")


WRITER = """
import os, sys, threading
def write():
    while True:
        with open(sys.argv[1], "w") as setting:
            setting.write(sys.argv[2])
threading.Thread(target=write, daemon=True).start()
print("writing", flush=True)
sys.stdin.read()
"""


def fight_over(host: Host, key: str, value: str) -> subprocess.Popen[str]:
    """Start a process on ``host`` that keeps writing a sysctl key; it ends with its standard input."""
    path = "/proc/sys/" + key.replace(".", "/")
    command = shlex.join(["python3", "-c", WRITER, path, value])
    process = subprocess.Popen([*host.ssh, command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if process.stdout is None or process.stdout.readline().strip() != "writing":
        raise DemoError(f"the process that writes {key} did not start")
    return process


class McpClient:
    """The demo's MCP client."""

    def __init__(self, client: Client[Any]) -> None:
        self._client = client

    async def read(self, uri: str) -> Any:
        """Return one resource, decoded."""
        contents = await self._client.read_resource(uri)
        return json.loads(contents[0].text)  # type: ignore[union-attr]

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call one tool, print what it says on its way, and return its structured result."""

        async def progress(_done: float, _total: float | None, message: str | None) -> None:
            console.print(f"  [dim]{message}[/]")

        result = await self._client.call_tool(tool, arguments, progress_handler=progress)
        return result.structured_content


async def prepare_plan(mcp: McpClient, kernel: str) -> dict[str, Any]:
    """Return the plan that the demo applies: the server profile for namespaces, the gaming example for VMs."""
    step("The policy: what may be tuned, to which values, and who says so")
    cards = await mcp.read("policy://config_cards/list")
    card = await mcp.read("policy://config_cards/sysctl.tcp_fin_timeout")
    console.print(f"  {cards['count']} cards; sysctl.tcp_fin_timeout: {card['purpose']}")
    if kernel == "vm":
        step("The plan: examples/gaming.json (BBR, fq, a limit on SSH connections)")
        plan: dict[str, Any] = json.loads((REPOSITORY / "examples" / "gaming.json").read_text(encoding="utf-8"))
        return plan
    profile = await mcp.read("policy://profiles/server")
    step(f"The plan: profile server ({profile['description']}), adapted to the facts of the hosts")
    planned = await mcp.call("plan_from_profile_tool", profile="server", iface="eth0", hosts="all")
    expect(len(planned["plans"]) == 1, "the hosts are alike, so one plan fits all of them")
    for note in planned["plans"][0].get("notes", []):
        console.print(f"  {note}")
    plan = planned["plans"][0]["plan"]
    plan["changes"]["shaper"] = {"egress_mbit": 900}
    plan["changes"]["connection_limits"] = [
        {"protocol": "tcp", "port": 80, "limit": 100},
        {"protocol": "tcp", "port": 443, "limit": 100},
    ]
    return plan


async def main_job(mcp: McpClient, hosts: list[Host], kernel: str) -> None:
    """Drive the whole way: plan, validate, render, dry-run, apply, apply again, fail, roll back."""
    plan = await prepare_plan(mcp, kernel)

    step("Validate")
    verdict = await mcp.call("validate_change_plan_tool", parameter_plan=plan)
    for issue in verdict["issues"]:
        console.print(f"  {issue['severity']}: {issue['path']}: {issue['message']}")
    expect(verdict["ok"], "the plan passes the policy")

    step("Render: the exact commands, bound by a digest")
    rendered = await mcp.call("render_change_plan_tool", plan=verdict["normalized_plan"])
    text = "\n".join(
        part
        for part in (
            *rendered["sysctl_cmds"],
            *rendered["ip_link_cmds"],
            *rendered["ethtool_cmds"],
            rendered["tc_script"],
            rendered["nft_script"],
        )
        if part
    )
    console.print(
        Panel(Syntax(text, "bash", theme="ansi_dark", word_wrap=True), title=f"digest {rendered['digest'][:16]}...")
    )

    before = {host.name: kernel_view(host) for host in hosts}

    step("Dry run: each host says what would change")
    report = await mcp.call("apply_rendered_plan_tool", rendered_plan=rendered, hosts="all", dry_run=True)
    await show_report(mcp, report)
    expect(set(statuses(report).values()) == {"would_change"}, "every host would change, and none has")
    for host in hosts:
        expect_same(host, before[host.name], "reads as before the dry run")

    step("Apply to the fleet")
    report = await mcp.call(
        "apply_rendered_plan_tool", rendered_plan=rendered, hosts="all", checkpoint_label="demo", dry_run=False
    )
    await show_report(mcp, report)
    expect(set(statuses(report).values()) == {"applied"}, "every host holds the plan, read back from its kernel")
    checkpoint = report["checkpoint_id"]

    step("Apply again")
    again = await mcp.call("apply_rendered_plan_tool", rendered_plan=rendered, hosts="all", dry_run=False)
    await show_report(mcp, again)
    expect(set(statuses(again).values()) == {"unchanged"}, "nothing changes the second time")

    step(f"The kernel's own view from {hosts[0].name}")
    applied = kernel_view(hosts[0])
    changed = "\n".join(differences(before[hosts[0].name], applied))
    console.print(Syntax(changed, "diff", theme="ansi_dark", word_wrap=True))

    await fail_halfway(mcp, hosts, plan)

    step(f"Roll the fleet back to before {checkpoint}")
    report = await mcp.call("rollback_to_checkpoint_tool", checkpoint_id=checkpoint, hosts="all", dry_run=False)
    await show_report(mcp, report)
    for host in hosts:
        expect_same(
            host, before[host.name], "reads exactly as before: sysctl, tc, nft, ip and ethtool, no line differs"
        )


async def fail_halfway(mcp: McpClient, hosts: list[Host], plan: dict[str, Any]) -> None:
    """Apply a further plan that cannot hold on one host: another process there keeps writing one of its settings."""
    victim = hosts[1]
    step(f"A plan that fails halfway on {victim.name}: another process there keeps writing {CONTESTED}")
    current = victim.run("sysctl", "-n", CONTESTED).strip()
    held = kernel_view(victim)
    further = copy.deepcopy(plan)
    further["changes"].setdefault("sysctl", {})[CONTESTED] = "1" if current != "1" else "2"
    further["changes"]["connection_limits"] = [{"protocol": "tcp", "port": 8080, "limit": 50}]
    rendered = await mcp.call("render_change_plan_tool", plan=further)
    other = fight_over(victim, CONTESTED, current)
    try:
        report = await mcp.call("apply_rendered_plan_tool", rendered_plan=rendered, hosts="all", dry_run=False)
    finally:
        other.communicate(timeout=20)
    await show_report(mcp, report)
    wanted = {host.name: "rolled_back" if host is victim else "applied" for host in hosts}
    expect(statuses(report) == wanted, f"{victim.name} rolled itself back, the other hosts carried on")
    expect_same(victim, held, "reads exactly as before the attempt")


async def confirm(message: str, _type: object, _params: object, _context: object) -> dict[str, bool]:
    """Show what the server asks the person behind the client, and say yes."""
    console.print(Panel(Text(message), title="The person is asked to confirm"))
    console.print("  [dim]yes[/]")
    return {"confirm": True}


async def run(kernel: str) -> None:
    """Bring the client up against `netopt serve` and drive the main job."""
    status = json.loads(lab("status", "--name", LAB, "--json"))
    hosts = connect(Path(status["inventory"]))
    transport = StdioTransport(NETOPT, ["serve", "-i", status["inventory"]], keep_alive=False)
    async with Client(transport, elicitation_handler=confirm) as client:
        await main_job(McpClient(client), hosts, kernel)


def main() -> int:
    """Run the demo; return 0 when every promise held."""
    parser = argparse.ArgumentParser(description="The main job on the embedded lab")
    parser.add_argument("--kernel", choices=("namespace", "vm"), default="namespace")
    parser.add_argument("--keep", action="store_true", help="leave the lab up afterwards")
    options = parser.parse_args()
    try:
        kind = "a full Debian kernel each" if options.kernel == "vm" else "namespaces"
        step(f"{HOSTS} lab hosts with their own sshd ({kind})")
        lab("down", "--name", LAB)
        console.print(lab("up", "--hosts", str(HOSTS), "--name", LAB, "--kernel", options.kernel).rstrip())
        asyncio.run(run(options.kernel))
    except DemoError as error:
        console.print(f"  [red]failed:[/] {error}")
        return 1
    finally:
        if not options.keep:
            lab("down", "--name", LAB)
    step("Done: every promise held")
    return 0


if __name__ == "__main__":
    sys.exit(main())

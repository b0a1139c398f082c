# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocol's own inspector, in its strict mode, and FastMCP's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.processes import ROOT, Server, environment, node

INSPECTOR = ("mcp-inspector", "--cli")
PATIENCE = ("--connect-timeout", "60000")


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_strict(hostless: Server, era: str) -> None:
    """No tool's schema holds anything that a client may stumble over, in either era."""
    words = ("--strict", "--method", "tools/list", "--format", "json", "--protocol-era", era)
    done = node(*INSPECTOR, *words, *PATIENCE, "--server-url", hostless.url, "--transport", "http")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert len(json.loads(done.stdout)["result"]["tools"]) >= 45


@pytest.mark.parametrize(
    ("method", "words", "text"),
    [
        ("resources/list", (), "policy://config_cards/list"),
        ("resources/templates/list", (), "schema://{model}"),
        ("resources/read", ("--uri", "policy://limits"), "2147483647"),
        ("prompts/list", (), "roll_back_safely"),
        ("prompts/get", ("--prompt-name", "roll_back_safely", "--prompt-args", "hosts=web"), "Undo a change on web"),
        (
            "tools/call",
            ("--tool-name", "validate_change_plan_tool", "--tool-args-json", '{"parameter_plan": {"iface": "eth0"}}'),
            "The plan changes nothing",
        ),
    ],
)
def test_methods(hostless: Server, method: str, words: tuple[str, ...], text: str) -> None:
    """The inspector gets what it asks for."""
    done = node(*INSPECTOR, "--method", method, *words, *PATIENCE, "--server-url", hostless.url, "--transport", "http")
    assert done.returncode == 0, done.stderr
    assert text in done.stdout


def test_fastmcp_inspect(tmp_path: Path) -> None:
    """FastMCP's own inspection loads the server, warns of nothing, and finds what the contract names."""
    target = tmp_path / "target.py"
    target.write_text(
        "from mcp_bridge.mcp_server import server\n"
        "from mcp_bridge.service import Service\n"
        "from mcp_bridge.settings import Settings\n"
        "mcp = server.build(Service(Settings.from_env(), caller='inspect'))\n",
        encoding="utf-8",
    )
    report = tmp_path / "report.json"
    words = [str(Path(sys.executable).parent / "fastmcp"), "inspect", f"{target}:mcp", "--format", "mcp"]
    done = subprocess.run(
        [*words, "-o", str(report)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(NETOPT_STATE_DIR=str(tmp_path / "state"), NETOPT_INVENTORY="localhost,", NETOPT_TOOLSETS="all"),
        timeout=120,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    for word in ("warning", "error", "already exists", "Traceback"):
        assert word.lower() not in said.lower(), said
    found = json.loads(report.read_text(encoding="utf-8"))
    tools = {tool["name"] for tool in found["tools"]}
    assert {"apply_rendered_plan_tool", "rollback_to_checkpoint_tool", "sysctl_get_tool"} <= tools
    assert len(found["prompts"]) >= 4

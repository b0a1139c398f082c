# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The systemd unit and the container file, as far as they can be judged without starting either."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from mcp_bridge import COLLECTIONS_ROOT, settings
from mcp_bridge.cli.main import parser
from mcp_bridge.operations import serving
from mcp_bridge.operations.shutdown import CANCEL_S
from mcp_bridge.settings import Settings
from tools.images.server import documented

UNIT = COLLECTIONS_ROOT / "contrib" / "systemd" / "netopt.service"
CONTAINERFILE = COLLECTIONS_ROOT / "contrib" / "Containerfile"


@pytest.mark.parametrize("name", ["README.md", "docs/mcp.md"])
def test_clients_start_the_server(name: str) -> None:
    """What the page has a client's configuration say is JSON, and starts the server."""
    text = (COLLECTIONS_ROOT / name).read_text(encoding="utf-8")
    found = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]
    clients = [part for block in found for part in (block.get("mcpServers"), block.get("servers")) if part]
    assert len(clients) == 2
    for client in clients:
        entry = client["netopt"]
        assert parser().parse_args(entry["args"]).command == entry["args"][0] == "serve"
        assert entry["command"] == "netopt"


@pytest.mark.parametrize(
    "name", ["README.md", "docs/mcp.md", "contrib/Containerfile", "contrib/systemd/netopt.service"]
)
def test_the_servers_packages_are_installed_first(name: str) -> None:
    """Whatever starts `netopt serve` has pip install the extra before."""
    text = (COLLECTIONS_ROOT / name).read_text(encoding="utf-8")
    start = re.search(r"netopt serve -|\"netopt\", \"serve\"", text)
    install = re.search(r"pip install .*'(?:netopt|\.)\[mcp\]'", text)
    assert start is not None
    assert install is not None
    assert install.start() < start.start()


@pytest.mark.parametrize("path", [UNIT, CONTAINERFILE], ids=lambda path: path.name)
def test_variables_are_settings(path: Path) -> None:
    """Every variable that is set there is a setting."""
    named = set(re.findall(r"\bNETOPT_[A-Z_]+", path.read_text(encoding="utf-8")))
    assert named
    assert named <= {settings.variable(name) for name in settings.fields()}


def test_systemd_gives_time_enough() -> None:
    """The unit does not kill a server that is still finishing its runs."""
    text = UNIT.read_text(encoding="utf-8")
    grace = int(re.search(r"NETOPT_SHUTDOWN_GRACE_S=(\d+)", text)[1])  # type: ignore[index]
    stop = int(re.search(r"TimeoutStopSec=(\d+)", text)[1])  # type: ignore[index]
    assert stop >= grace + CANCEL_S + serving.CLOSE_S
    assert grace == Settings().shutdown_grace_s


@pytest.mark.parametrize("program", ["podman build", "podman run"])
def test_page_and_container_file_give_one_command(program: str) -> None:
    """What the page tells people to do is what `make images` does: the head of the container file."""
    page = (COLLECTIONS_ROOT / "docs" / "mcp.md").read_text(encoding="utf-8").replace("\\\n", " ")
    [told] = [line.split() for line in page.splitlines() if line.startswith(f"{program} ")]
    assert told == documented(program)


def test_container_is_given_time_enough() -> None:
    """The engine does not kill a server that is still finishing its runs, and the image keeps its health check."""
    stop = int(dict(pairwise(documented("podman run")))["--stop-timeout"])
    assert stop >= Settings().shutdown_grace_s + CANCEL_S + serving.CLOSE_S
    assert dict(pairwise(documented("podman build")))["--format"] == "docker"  # OCI's has no HEALTHCHECK


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """Systemd finds nothing wrong with the unit, and little to attack."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/netopt/bin/netopt", shutil.which("true") or "/bin/true")
    unit = tmp_path / "netopt.service"
    unit.write_text(re.sub("^Documentation=.*$", "", text, flags=re.MULTILINE), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    words = ["systemd-analyze", "security", "--offline=true", "--threshold=25", str(unit)]
    assert subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_systemd_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the unit's Type=notify waits for is sent; without systemd nothing is."""
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    serving.notify("READY=1")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        serving.notify("READY=1")
        assert systemd.recv(64) == b"READY=1"

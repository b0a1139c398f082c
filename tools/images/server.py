# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The MCP server's image: built and started by the commands that its container file gives, and spoken to over HTTP."""

from __future__ import annotations

import hashlib
import json
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import yaml

from tools.images.engine import PREFIX, TOP, DoesNotHold, build_options, container, expect, run, until
from tools.images.place import Place, plan
from tools.images.table import Table

CONTAINERFILE = TOP / "contrib" / "Containerfile"
IMAGE = f"{PREFIX}server"
READERS = 931  # the group of the image's user
ENGINES_PATIENCE_S = 10  # what an engine gives a container to stop, unless it is told otherwise
PAUSE_S = 20
START_S = STOP_S = 180
# Each process's state, capabilities and name, as sh prints them; "head" would be one of them.
PROCESSES = 'for p in /proc/[0-9]*/status; do grep -E "^(Name|State|CapEff):" $p | tr "\\n\\t" "  "; echo; done'


def documented(command: str) -> list[str]:
    """Return the words of a command that the head of the container file gives."""
    lines = CONTAINERFILE.read_text(encoding="utf-8").split("\nARG ")[0].splitlines()
    head = "\n".join(line.removeprefix("#").strip() for line in lines).replace("\\\n", " ")
    found = [line for line in head.splitlines() if line.startswith(f"{command} ")]
    expect(len(found) == 1, f"{CONTAINERFILE} says not once how to {command}")
    return shlex.split(found[0])


def build(base: str) -> None:
    """Build the image as is documented, from another base."""
    program, verb, *words = [IMAGE if word == "netopt" else word for word in documented("podman build")]
    run(program, verb, f"--build-arg=BASE_IMAGE={base}", *build_options(), *words)


@dataclass
class Server:
    """The server in its container, and the client that speaks to it."""

    place: Place
    token: str = field(default_factory=lambda: f"netopt_{secrets.token_urlsafe(32)}")
    port: int = 8931

    @property
    def name(self) -> str:
        """The container's."""
        return f"{self.place.name}-server"

    @property
    def volume(self) -> str:
        """The volume with what the server keeps."""
        return f"{self.place.name}-state"

    def files(self) -> str:
        """Make the folder that is mounted at /etc/netopt, and return its path."""
        access = {
            "version": 1,
            "authentication": {
                "tokens": [{"caller": "client", "sha256": hashlib.sha256(self.token.encode()).hexdigest()}]
            },
            "callers": [
                {"name": "client", "scopes": ["read", "plan", "apply", "rollback"], "hosts": ["all"], "cards": ["*"]}
            ],
        }
        inventory = self.place.inventory("/etc/netopt")
        return str(self.place.folder("server", group=READERS, access=yaml.safe_dump(access), inventory=inventory))

    @contextmanager
    def running(self, files: str, *options: str) -> Iterator[None]:
        """Start it by the documented command, on the hosts' network, with further options."""
        _program, _verb, *words = documented("podman run")
        at = words.index("-p")  # ports are published by another network than the lab's
        del words[at : at + 2]
        meant = {"/etc/netopt:/etc/netopt:ro": f"{files}:/etc/netopt:ro", "netopt": IMAGE}
        meant["netopt-state:/var/lib/netopt-server"] = f"{self.volume}:/var/lib/netopt-server"
        expect(meant.keys() <= set(words), f"the command is not as expected: {words}")
        words = [meant.get(word, word) for word in words]
        with container(self.name, f"--network=ns:{self.place.network}", *options, *words):
            until(self.healthy, START_S, "the health check says healthy")
            yield

    def healthy(self) -> bool:
        """Ask the health check, as systemd's timer does elsewhere, and tell what the container's state is then."""
        subprocess.run(["podman", "healthcheck", "run", self.name], check=False, capture_output=True)
        return run("podman", "inspect", "--format={{.State.Health.Status}}", self.name).strip() == "healthy"

    def inside(self, script: str) -> str:
        """Run a line of shell in the container."""
        return run("podman", "exec", self.name, "sh", "-c", script)

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool with the client, and return its structured answer."""
        words = ["nsenter", f"--net={self.place.network}", sys.executable, "-m", "tools.images.client"]
        url = f"http://127.0.0.1:{self.port}/mcp"
        answer = run(*words, url, tool, given=json.dumps(arguments), variables={"TOKEN": self.token})
        found: dict[str, Any] = json.loads(answer)
        return found

    def apply(self, value: int, **rollout: Any) -> dict[str, Any]:
        """Carry the plan out, in waves, and return the report."""
        rendered = self.call("render_change_plan_tool", plan=plan(value))
        return self.call("apply_rendered_plan_tool", rendered_plan=rendered, rollout=rollout, dry_run=False)


def statuses(report: dict[str, Any]) -> list[str]:
    """Return what became of each host."""
    return sorted(host["status"] for host in report["hosts"].values())


def try_out(table: Table, place: Place, base: str) -> None:
    """Add the rows of the server's image to a table."""
    server = Server(place)
    try:
        with table.step("server: built as documented, with another base"):
            build(base)
        _serve(table, server)
    finally:
        subprocess.run(["podman", "volume", "rm", "--force", server.volume], check=False, capture_output=True)
        subprocess.run(["podman", "rmi", "--force", IMAGE], check=False, capture_output=True)


def _serve(table: Table, server: Server) -> None:
    place, files = server.place, server.files()
    before = place.views()
    with ExitStack() as stack:
        with table.step("server: started as documented, healthy, and confined"):
            stack.enter_context(server.running(files))
            states = [state for state in server.inside(PROCESSES).splitlines() if state]
            expect(all(int(state.split("CapEff:")[1], 16) == 0 for state in states), f"capabilities: {states}")
            expect("Read-only" in server.inside("touch /opt/x 2>&1 || true"), "its root can be written to")
        with table.step("server: FastMCP's client changes three hosts in waves; again, nothing"):
            first, second = server.apply(21, waves=[1, 2]), server.apply(21)
            expect(statuses(first) == ["applied"] * 3, f"first {first}")
            expect(statuses(second) == ["unchanged"] * 3, f"then {second}")
            expect(place.timeouts() == ["21"] * 3, f"the hosts say {place.timeouts()}")
        with table.step("server: connections that ssh kept open leave no zombie"):
            server.call("host_facts_tool")  # ssh closes what nobody has used for a minute
            sockets = server.inside("find /tmp /var/lib/netopt-server -path '*/cp/*' -type s").split()
            expect(sockets, "ssh keeps no connection open, so that nothing is shown")
            for path in sockets:
                server.inside(f"ssh -o ControlPath={path} -O exit host 2>/dev/null")
            until(lambda: "ssh" not in server.inside(PROCESSES), 20, "no ssh is left, not even as a zombie")
        with table.step("server: told to stop between waves, it ends after the last one"):
            _stop_between_waves(server)
    server.port = 9000
    with (
        table.step("server: on another port, and with what the one before kept, it leads the hosts back"),
        server.running(files, f"--env=NETOPT_HTTP=0.0.0.0:{server.port}"),
    ):
        server.call("rollback_to_checkpoint_tool", checkpoint_id=first["run_id"], dry_run=False)
        expect(place.views() == before, "the hosts are not as before")


def _stop_between_waves(server: Server) -> None:
    """Tell the engine to stop the container once the first of three hosts is changed and the others are not."""
    place = server.place
    with ThreadPoolExecutor(1) as pool:
        change = pool.submit(server.apply, 22, waves=[1, 2], pause_s=PAUSE_S)
        until(lambda: change.done() or "22" in place.timeouts(), 300, "the first wave is done")
        expect(place.timeouts().count("22") == 1, f"not between waves: {place.timeouts()}")
        begun = time.monotonic()
        run("podman", "stop", server.name)
        took = time.monotonic() - begun
        try:
            report = change.result(STOP_S)
        except DoesNotHold as error:
            raise DoesNotHold(
                f"the client did not hear of the outcome; the hosts say {place.timeouts()}: {error}"
            ) from None
    status = run("podman", "inspect", "--format={{.State.ExitCode}}", server.name).strip()
    expect(statuses(report) == ["applied"] * 3, f"the report says {report}")
    expect(place.timeouts() == ["22"] * 3, f"the hosts say {place.timeouts()}")
    expect(status == "0", f"the container ended with {status}")
    expect(took > ENGINES_PATIENCE_S, "it stopped so soon that any engine would have waited")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A script is run where it can harm nothing, and ends."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.adopt.sandbox import run as sandbox
from mcp_bridge.adopt.sandbox.model import Ran, Script
from tests.bridge.adopt.adopted import TAKES_NAMESPACES

ROOT = Path(__file__).resolve().parents[4]
pytestmark = TAKES_NAMESPACES


def ran(text: str, **how: Any) -> Ran:
    """Run a script in the sandbox."""
    return sandbox.run(Script(text, "a.sh", **{"ifaces": ["eth0"], **how}))


def test_it_reaches_nothing(tmp_path: Path) -> None:
    """No file but those that programs need, none of them to write, no process, no network, no right but one."""
    secret = tmp_path / "secret"
    secret.write_text("word\n", encoding="utf-8")
    left_open = os.open(secret, os.O_RDONLY)
    os.set_inheritable(left_open, True)  # noqa: FBT003 - its only argument
    server = socket.create_server(("127.0.0.1", 0))
    port = server.getsockname()[1]
    tried = {
        "file": f"cat {secret}",
        "home": "ls /root/.[a-z]* /home/*",
        "shadow": "cat /etc/shadow",
        "write": "touch /usr/bin/x /etc/x",
        "over": "cp /bin/true /usr/bin/true",
        "mount": "mount -t tmpfs none /tmp",
        "remount": "mount -o remount,rw /usr",
        "node": "mknod /tmp/sda b 8 0",
        "kill": f"kill -0 {os.getpid()}",
        "reach": f"echo >/dev/tcp/127.0.0.1/{port}",
        "users": "unshare -U true",
        "inherited": f"read word <&{left_open}",
        "kernel": "echo 1 >/proc/sys/kernel/sysrq",
        "host": "hostname other",
    }
    server.settimeout(0.1)
    text = "".join(f"({line}) 2>/dev/null && logger {name}\n" for name, line in tried.items())
    found = ran(text + "logger done\n")
    assert [said.words[1] for said in found.said if said.words[0] == "logger"] == ["done"]
    with pytest.raises(TimeoutError):
        server.accept()
    server.close()
    os.close(left_open)
    assert socket.gethostname() != "other"


def test_it_is_nobody(tmp_path: Path) -> None:
    """Root in there is no user of this machine: what it writes lies in memory, what it may not read it does not see."""
    shown = tmp_path / "shown"
    shown.write_text("for all\n", encoding="utf-8")
    hidden = tmp_path / "hidden"
    hidden.write_text("for me\n", encoding="utf-8")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    found = ran(f'logger "$(cat {shown})"; echo more >>{shown}; echo x >/tmp/x; logger "$(cat /tmp/x)"', shown=[shown])
    assert [said.words[1] for said in found.said] == ["for all", "x"]
    assert shown.read_text(encoding="utf-8") == "for all\n"
    if os.geteuid() == 0:
        hidden.chmod(0o600)
        with pytest.raises(sandbox.SandboxUnavailableError, match="not for everybody to read"):
            ran("true", shown=[hidden])


def test_what_cannot_be_shown(tmp_path: Path) -> None:
    """It is said which, and the script has not begun."""
    for path, words in ((tmp_path / "none", "is not there"), (Path("/etc"), "name what the script reads in it")):
        with pytest.raises(sandbox.SandboxUnavailableError, match=words):
            ran("true", shown=[path])
    assert ran("true", shown=[Path("/usr/bin")]).status == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be somebody else")
def test_as_any_user(tmp_path: Path) -> None:
    """Whoever may make namespaces of users may adopt a script."""
    path = tmp_path / "a.sh"
    path.write_text("tc qdisc add dev eth0 root pfifo limit 50\n", encoding="utf-8")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    argv = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-m", "mcp_bridge"]
    done = subprocess.run(
        [*argv, "adopt", str(path)],
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"},
    )
    assert done.returncode == 0, done.stderr
    assert "limit: 50" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to forbid namespaces")
def test_not_run_where_it_cannot_be_shut_in(tmp_path: Path) -> None:
    """It is said why, and the script has not begun."""
    path = tmp_path / "a.sh"
    path.write_text(f"touch {tmp_path}/begun\n", encoding="utf-8")
    forbid = 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"'
    argv = ["unshare", "-Ur", "sh", "-c", forbid, "sh", sys.executable, "-m", "mcp_bridge", "adopt", str(path)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    assert "The script is not run, since it cannot be shut in here: unshare" in done.stderr
    assert not (tmp_path / "begun").exists()


def test_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its time, and with it all that it has started; what it has done until then is told."""
    monkeypatch.setattr(sandbox, "TIME_MAX_S", 0.5)
    begun = time.monotonic()
    found = ran("(exec -a left-behind tail -f /dev/null) & tc qdisc add dev eth0 root pfifo\nwhile :; do :; done")
    assert time.monotonic() - begun < 5
    assert found.status is None
    assert len(found.said) == 1
    running = subprocess.run(["pgrep", "-f", "^left-behind"], check=False, capture_output=True, text=True).stdout
    assert running == ""


def test_several_at_once() -> None:
    """Each has its own network."""
    found: list[Ran] = []
    threads = [
        threading.Thread(target=lambda number=number: found.append(ran(f"ip link set eth0 mtu {number}")))
        for number in (1300, 1400)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.links["eth0"]["mtu"] for one in found} == {1300, 1400}

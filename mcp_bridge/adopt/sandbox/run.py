# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a script of tc, ip and ethtool where it can harm nothing, and reads back what it led to.

A process of its own, the keeper, makes the network namespace and reads it afterwards. The script runs below it, shut in
further, see ``root.py``.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.kernel_state import OF_THE_DEVICE, RouteSocket, Tools, links, observe, values
from mcp_bridge.errors import NetoptBridgeError

from . import root
from .log import commands_of
from .model import Ran

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .model import Script

RECORDER = Path(__file__).with_name("recorder.sh")
NEEDED = ("bash", "tc", "ip")
NOBODY = 65534
QUEUES = 16
PLAIN_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,15}")
FOLDER = "/script"  # where the script sees itself
PEER = "netopt."
TIME_MAX_S = 60
NAMED_MAX = 64
LOG_MAX = 4 << 20
_OTHERS = re.compile(r"\.(lo|netopt/[0-9/]+)\.")  # interfaces that are nobody's
WATCH_S = 0.02


class SandboxUnavailableError(NetoptBridgeError):
    """A script cannot be shut in on this machine, and so is not run."""


def is_plain_name(iface: str) -> bool:
    """Return whether a plan's interface is one that can be made, and neither a glob nor ``auto``."""
    return iface != "auto" and bool(PLAIN_NAME.fullmatch(iface))


def run(script: Script) -> Ran:
    """Run a script and return what it led to.

    Raises:
        SandboxUnavailableError: it cannot be shut in here; it was not run.
    """
    missing = [program for program in NEEDED if not which(program, path=root.PATH)]
    if missing:
        raise SandboxUnavailableError(
            f"A script is run to read it, and this machine lacks {', '.join(missing)}",
            hint="Install bash and iproute2.",
        )
    with tempfile.TemporaryDirectory(prefix="netopt-script-") as folder:
        told = _kept(Path(folder).resolve(), script, _core())
    if "unavailable" in told:
        raise SandboxUnavailableError(
            f"The script is not run, since it cannot be shut in here: {told['unavailable']}",
            hint="It takes user, network, mount and PID namespaces. Adopt it on a machine, or as a user, that may make "
            "them (unshare -Urnmpf true succeeds there).",
        )
    return Ran(**{**told, "said": commands_of(told["said"])})


def _core() -> dict[str, str]:
    """Return what this machine's kernel parameters below ``net.core`` hold; secrets cannot be read there."""
    found = {}
    for path in Path("/", root.CORE).iterdir():
        with contextlib.suppress(OSError):
            found[path.name] = path.read_text(encoding="utf-8")
    return found


def _kept(folder: Path, script: Script, core: Mapping[str, str]) -> dict[str, Any]:
    """Fork the keeper, and return what it found."""
    privileged = os.geteuid() == 0 and root.ids_are_real()
    recorder = RECORDER.read_text(encoding="utf-8")
    answer_read, answer_write = os.pipe()
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        for each in (answer_read, ready_read, go_write):
            os.close(each)
        _keep(answer_write, (ready_write, go_read), lambda: _run(folder, recorder, script, core), privileged=privileged)
    for each in (answer_write, ready_write, go_read):
        os.close(each)
    problem = "the process that was to run it has died"
    with os.fdopen(answer_read, encoding="utf-8") as answer:
        try:
            if os.read(ready_read, 1):
                if privileged:
                    root.map_ids(pid, uid=NOBODY, gid=NOBODY)
                os.write(go_write, b".")
        except OSError as error:
            problem = str(error)
        finally:
            os.close(ready_read)
            os.close(go_write)
        text = answer.read()
    os.waitpid(pid, 0)
    told: dict[str, Any] = json.loads(text) if text else {"unavailable": problem}
    return told


def _keep(answer: int, gate: tuple[int, int], work: Callable[[], dict[str, Any]], *, privileged: bool) -> None:
    """Be the keeper: never returns."""
    told: dict[str, Any] = {"unavailable": "the process that was to run it has failed"}
    try:
        _enter(gate, privileged=privileged)
        told = work()
    except (root.SandboxError, OSError) as error:
        told = {"unavailable": str(error)}
    finally:
        with os.fdopen(answer, "w", encoding="utf-8") as stream:
            json.dump(told, stream)
        os._exit(0)


def _enter(gate: tuple[int, int], *, privileged: bool) -> None:
    """Move into the namespaces, as their root, who is nobody else's."""
    ready, go = gate
    uid, gid = os.geteuid(), os.getegid()
    root.end_with_parent()
    if privileged:
        os.setgroups([])
    root.unshare(root.NEWUSER | root.NEWNET | root.NEWNS | root.NEWIPC | root.NEWUTS)
    if not privileged:
        root.map_ids("self", uid=uid, gid=gid)
    os.write(ready, b".")
    if not os.read(go, 1):
        raise root.SandboxError("the IDs of its user namespace could not be set")
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    root.forbid_more_users()


def _run(base: Path, recorder: str, script: Script, core: Mapping[str, str]) -> dict[str, Any]:
    """Run the script, and return what ``Ran`` holds as JSON data."""
    root.memory(base)
    before = values()
    root.unshare(root.NEWPID)
    problem_read, problem_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(problem_read)
        _become(problem_write, base, recorder, script, core)
    os.close(problem_write)
    with os.fdopen(problem_read, encoding="utf-8") as stream:
        problem = stream.read()  # ends once the script has begun
    status = _wait(pid)
    if problem:
        raise root.SandboxError(problem)
    with RouteSocket() as route:
        there = {name: link for name, link in links(route).items() if not name.startswith(PEER)}
    return {
        "said": _text(base / "netopt/log"),
        "state": observe({"ifaces": sorted(there), "brief": True}, Tools()),
        "links": there,
        "sysctl": {**_written(before, values()), **_written_core(core, base / "netopt/core")},
        "sys": _files(base / "sys/class/net"),
        "etc": {path: text for path, text in _files(base / "etc").items() if text},
        "error": _text(base / "netopt/error"),
        "status": status,
    }


def _become(problem: int, base: Path, recorder: str, script: Script, core: Mapping[str, str]) -> None:
    """Be the script: never returns."""
    try:
        root.end_with_parent()
        root.unshare(root.NEWNS)
        (base / "netopt").mkdir()
        error = os.open(base / "netopt/error", os.O_WRONLY | os.O_CREAT, 0o600)
        nothing = os.open("/dev/null", os.O_RDWR)
        os.setsid()
        root.shut_in(base, recorder, (script.name, script.text), script.shown, core)
        for target, source in ((0, nothing), (1, error), (2, error)):
            os.dup2(source, target)
        os.closerange(3, problem)  # whoever started netopt may have left files open
        os.closerange(problem + 1, os.sysconf("SC_OPEN_MAX"))
        variables = {
            **{"HOME": "/root", "LANG": "C", "BASH_ENV": "/netopt/trace"},  # noqa: PIE800 - what may be set otherwise
            **script.env,
            "PATH": f"/netopt/bin:{root.PATH}",
            "NETOPT_QUEUES": str(QUEUES),
            "NETOPT_IFACES": " ".join(script.ifaces[:NAMED_MAX]),
        }
        root.execute(f"{FOLDER}/{script.name}", script.arguments, env=variables)
    except (root.SandboxError, OSError) as failed:
        os.write(problem, str(failed).encode())
    finally:
        os._exit(1)


def _wait(pid: int) -> int | None:
    """Return the exit status of the script; ``None`` where its time was over, and it was ended with all it started."""
    end = time.monotonic() + TIME_MAX_S
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(WATCH_S)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def _text(path: Path) -> str:
    """Return what a file holds, as far as anybody wants to read it."""
    if not path.is_file() or path.resolve() != path:  # the script may have put a link there
        return ""
    with path.open("rb") as stream:
        return stream.read(LOG_MAX).decode(errors="replace")


def _files(folder: Path) -> dict[str, str]:
    """Return what the plain files below a folder hold, by path."""
    found: dict[str, str] = {}
    for top, _folders, names in os.walk(folder) if folder.resolve() == folder else ():
        for name in names:
            path = Path(top, name)
            if path.relative_to(folder).parts[0].startswith((PEER, "lo")):
                continue
            found[str(path.relative_to(folder))] = _text(path).strip()
    return found


def _written_core(before: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the kernel parameters below ``net.core`` that are not as they were."""
    now = {path.name: _text(path) for path in folder.iterdir()}  # what this kernel lacks, a script makes there
    return {f"net.core.{name}": " ".join(text.split()) for name, text in now.items() if text != before.get(name)}


def _written(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return the kernel parameters that are not as they were; those of a new interface as new ones have them."""
    found = {}
    for key, value in after.items():
        parts = key.split(".")
        of_new_ones = ".".join([*parts[:3], "default", *parts[4:]]) if len(parts) == 5 else key
        usual = before.get(key, before.get(of_new_ones))
        if usual is not None and value != usual and not key.endswith(OF_THE_DEVICE) and not _OTHERS.search(key):
            found[key] = value
    return found

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the files that a release leaves on hosts and on its controller, for the tests of later releases to read.

``.venv/bin/python -m tests.compat.write_files``, as root, with the code of a release and before anything else is
changed. It brings a lab up, drives ``netopt`` as an operator does, and leaves ``tests/compat/files/VERSION``:

    written.json      what there is: checkpoints and runs by what is special about them, and the program on hosts
    before.sh         what the hosts were before
    plans/*.json      the plans as that release rendered them
    plans/*.sh        the same as commands
    hosts.tar.xz      web1 and web2: checkpoints with their restore.pyz, and what was persisted
    controller.tar.xz the state folder: runs and the audit log

Nothing of the machine is in them, see ``release.py``, and the hosts have a boot of their own. What a release has left
stays as it is.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tarfile
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from mcp_bridge.lab import lifecycle
from mcp_bridge.lab.state import Lab
from tests.compat.hosts import BEFORE, CHECKPOINTS, DEADLY_NFT, HARMLESS_NFT, HERE, PLANS
from tests.compat.release import NAMES, PYTHON, SECONDS_MAX, TOP, Release
from tests.labs import await_addresses

LAB = "compat-files"
BOOT_ID = "00000000-0000-4000-8000-000000000001"
PROGRAM = "netopt_target._apply_entry"  # in restore.pyz: its run() does what netopt_apply is asked for


def on_hosts(release: Release) -> dict[str, dict[str, str]]:
    """Leave every kind of checkpoint on the hosts, and return their ids by host and kind."""
    web1 = release.hosts["web1"]
    rolled_back = release.apply("full", "-l", "web1")
    release.netopt("rollback", rolled_back, "-l", "web1")
    snapshot = json.loads(release.netopt("checkpoints", "--snapshot", "--label", "by hand", "-l", "web1", "--json"))
    confirmed = release.apply("full", "-l", "web1")
    web1.shell(DEADLY_NFT)
    armed = release.apply("lasting", "-l", "web1", status=1)
    web1.shell(HARMLESS_NFT)
    persisted = release.apply("lasting", "--persist", "-l", "web2")
    waiting = release.apply("small", "--confirm-timeout", "3600", "-l", "web2")
    written = {
        "web1": {
            "rolled_back": rolled_back,
            "snapshot": snapshot["checkpoint_id"],
            "confirmed": confirmed,
            "armed": armed,
        },
        "web2": {"confirmed": persisted, "applied": waiting},
    }
    told = json.loads(release.netopt("checkpoints", "--json"))["checkpoints"]
    for name, kinds in written.items():
        found = {entry["checkpoint_id"]: entry["hosts"].get(name) for entry in told}
        wrong = {identity: found.get(identity) for status, identity in kinds.items() if found.get(identity) != status}
        if wrong:
            raise SystemExit(f"{name}: these were to be {kinds}, and are {wrong}")
    return written


def rollout(release: Release) -> str:
    """Leave a rollout that was stopped since its second host could not be reached; return its run's id."""
    release.inventory(web2=2)
    run = release.apply("rollout", "--canary", "1", "--waves", "100%", status=1)
    release.inventory()
    release.netopt("rollback", run, "-l", "web1")
    return run


def interrupted(release: Release) -> str:
    """Leave a run whose process was killed once the first host had reported and the second had begun; return its id."""
    process = release.start("apply", release.path(PLANS / "measured.json"), "--json", NETOPT_FORKS="1")
    try:
        ends = time.monotonic() + SECONDS_MAX
        while True:
            *_, newest = sorted((release.state / "runs").iterdir())
            if not (newest / "result.json").exists() and _told(newest) == {"web1": True, "web2": False}:
                return newest.name
            if time.monotonic() > ends or process.poll() is not None:
                raise SystemExit(f"No run could be interrupted: {newest} is the newest")
            time.sleep(0.02)
    finally:
        process.kill()
        process.communicate()


def _told(run: Path) -> dict[str, bool]:
    """Return the hosts that have begun, and whether they have reported."""
    try:
        lines = (run / "events.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    except FileNotFoundError:
        return {}
    return {event["host"]: "report" in event for event in map(json.loads, lines)}


def refused(release: Release) -> None:
    """Leave a refusal in the audit log, and begin a second file of it."""
    release.netopt("apply", release.path(TOP / "examples" / "too-large.json"), status=1)
    release.netopt("audit", "rotate")


def pack_hosts(release: Release, path: Path) -> None:
    """Put what outlasts a restart of the hosts into one archive, the hosts' names first."""
    with tarfile.open(path, "w:xz") as packed:
        for name, host in release.hosts.items():
            with tarfile.open(fileobj=io.BytesIO(host.pack())) as found:
                for member in found:
                    data = found.extractfile(member) if member.isreg() else None
                    member.name = f"{name}/{member.name.lstrip('/')}"
                    packed.addfile(member, data)


def pack_controller(release: Release, path: Path) -> None:
    """Put the state folder into an archive."""
    with tarfile.open(path, "w:xz") as packed:
        packed.add(release.state, "state")


def check_program(path: Path, checkpoint: str) -> None:
    """Refuse a restore.pyz in which later tests would look in vain for what applies a plan.

    Raises:
        SystemExit: it is called otherwise by now.
    """
    with tarfile.open(path) as packed:
        archive = _content(packed, packed.getmember(f"web1{CHECKPOINTS}/{checkpoint}/restore.pyz"))
    if f"{PROGRAM.replace('.', '/')}.py" not in zipfile.ZipFile(io.BytesIO(archive)).namelist():
        raise SystemExit(f"restore.pyz has no {PROGRAM}: say in PROGRAM what it is called")


def check_neutral(folder: Path) -> None:
    """Refuse files that tell of this machine.

    Raises:
        SystemExit: some do.
    """
    telling = [str(TOP), sys.prefix, f"@{os.uname().nodename}", "PRIVATE KEY"]
    found = []
    for path in folder.rglob("*"):
        texts = {str(path): path.read_bytes()} if path.is_file() else {}
        if path.suffix == ".xz":
            with tarfile.open(path) as packed:
                texts = {member.name: _content(packed, member) for member in packed}
        found += [f"{name}: {word}" for name, data in texts.items() for word in telling if word.encode() in data]
    if found:
        raise SystemExit("These would tell of this machine:\n" + "\n".join(found))


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = packed.extractfile(member) if member.isreg() else None
    return stream.read() if stream is not None else member.linkname.encode()


def write(lab: Lab, folder: Path, scratch: Path, version: str) -> None:
    """Write everything into a folder."""
    release = Release(lab, scratch)
    for host in release.hosts.values():
        await_addresses(lab)
        host.shell(f"echo {BOOT_ID} >/run/boot_id; mount --bind /run/boot_id /proc/sys/kernel/random/boot_id")
        host.configure(BEFORE)
    release.inventory()
    (folder / "plans").mkdir(parents=True)
    shutil.copy(BEFORE, folder)
    for plan in sorted(PLANS.glob("*.json")):
        for kind, suffix in (("json", "json"), ("script", "sh")):
            text = release.netopt("render", "--format", kind, release.path(plan))
            (folder / "plans" / f"{plan.stem}.{suffix}").write_text(text, encoding="utf-8")
    stopped = rollout(release)
    checkpoints = on_hosts(release)
    refused(release)
    pack_hosts(release, folder / "hosts.tar.xz")
    check_program(folder / "hosts.tar.xz", checkpoints["web1"]["confirmed"])
    killed = interrupted(release)  # the last: the next command would clear up after it
    pack_controller(release, folder / "controller.tar.xz")
    written: dict[str, Any] = {
        "version": version,
        "program": PROGRAM,
        "checkpoints": checkpoints,
        "runs": {"stopped_rollout": stopped, "interrupted": killed},
    }
    (folder / "written.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Write the files of the version that pyproject.toml names."""
    if os.geteuid() != 0 or not PYTHON.is_relative_to(TOP):
        raise SystemExit(f"Run this as root and by {TOP}/.venv/bin/python: make setup makes it.")
    version = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    place = HERE / "files" / version
    if place.exists():
        raise SystemExit(f"{place} is there. What a release has written stays as it is; remove it to write it anew.")
    with tempfile.TemporaryDirectory(prefix="netopt-files-") as scratch:
        made = Path(scratch) / "files"
        controller = Path(scratch) / "srv"
        controller.mkdir()
        try:
            write(lifecycle.up(LAB, hosts=len(NAMES)), made, controller, version)
        finally:
            lifecycle.down(LAB)
        check_neutral(made)
        shutil.copytree(made, place)
    sys.stdout.write(f"Written: {place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

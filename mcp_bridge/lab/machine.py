# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One virtual machine: the qemu command that runs it, and its control socket."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_bridge.errors import LabError

from .requirements import tool

if TYPE_CHECKING:
    from .image import Image

MEMORY_MB = 512
# Not "max": a saved state must load again, and an emulated CPU is quicker without features nobody uses.
EMULATED_CPU = "qemu64,+rdrand,+rdtscp,+ssse3,+sse4.1,+sse4.2,+popcnt"
COMMAND_LINE = (
    "root=/dev/vda rw console=ttyS0 net.ifnames=0 nokaslr mitigations=off tsc=reliable quiet systemd.show_status=no"
)
POLL_S = 0.2
_LISTENS = "0A"


@dataclass(frozen=True)
class Machine:
    """A virtual machine to run.

    Attributes:
        name: what qemu is told it is called; the process is found by it.
        disk: its own disk, raw.
        console: where its serial console is written.
        control: the path of its control socket (QMP); none when empty.
    """

    name: str
    disk: Path
    console: Path
    control: str = ""


def accelerator() -> tuple[str, str]:
    """Return qemu's accelerator and CPU: emulation, or the hardware's when ``NETOPT_LAB_ACCEL`` is ``kvm``.

    Not chosen by the presence of /dev/kvm: nested, it may be there and not work.

    Raises:
        LabError: the variable says something else.
    """
    chosen = os.environ.get("NETOPT_LAB_ACCEL", "tcg")
    if chosen not in ("tcg", "kvm"):
        raise LabError(f"NETOPT_LAB_ACCEL is {chosen!r}", hint="Use tcg or kvm.")
    return ("kvm", "host") if chosen == "kvm" else ("tcg,thread=multi,tb-size=256", EMULATED_CPU)


def command(machine: Machine, image: Image, *, resume: Path | None = None) -> list[str]:
    """Return the argv that runs a machine; with ``resume`` it goes on from that saved state.

    The guest reaches nothing but the answers to what comes in through its forwarded port, which this machine's kernel
    chooses as qemu binds it: ``forwarded_port`` tells which.
    """
    accel, cpu = accelerator()
    argv = [tool("qemu-system-x86_64"), "-name", machine.name, "-M", "q35", "-accel", accel, "-cpu", cpu]
    argv += ["-smp", "1", "-m", str(MEMORY_MB), "-nodefaults", "-display", "none"]
    argv += ["-kernel", str(image.kernel), "-initrd", str(image.initrd), "-append", COMMAND_LINE]
    argv += ["-drive", f"if=none,id=disk,file={_escaped(machine.disk)},format=raw,cache=unsafe"]
    argv += ["-device", "virtio-blk-pci,drive=disk", "-device", "virtio-rng-pci"]
    argv += ["-netdev", "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:22"]
    argv += ["-device", "virtio-net-pci,netdev=net", "-serial", f"file:{machine.console}"]
    if machine.control:
        argv += ["-qmp", f"unix:{machine.control},server=on,wait=off"]
    if resume:
        argv += ["-incoming", f"exec:cat {shlex.quote(str(resume))}"]
    return argv


def start(machine: Machine, image: Image, *, resume: Path | None = None) -> subprocess.Popen[bytes]:
    """Start a machine in a session of its own; it lives on when this process ends."""
    with machine.console.with_suffix(".qemu.log").open("wb") as log:
        argv = command(machine, image, resume=resume)
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def forwarded_port(pid: int) -> int:
    """Return the port of 127.0.0.1 that leads to the sshd of a machine, by its process; 0 as long as there is none."""
    try:
        opened = {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
        lines = Path(f"/proc/{pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    except OSError:  # a descriptor was closed meanwhile, or the process has ended
        return 0
    for line in lines:  # proc(5): local address and port in hexadecimal, state, and the socket's inode
        _number, local, _remote, state, *_rest, inode = line.split()[:10]
        if state == _LISTENS and f"socket:[{inode}]" in opened:
            return int(local.partition(":")[2], 16)
    return 0


def save(machine: Machine, target: Path, *, timeout_s: float) -> None:
    """Write a running machine's memory and devices to a file and end it.

    It is saved as running, so that it goes on by itself when it is loaded.

    Raises:
        LabError: qemu could not write it in time.
    """
    deadline = time.monotonic() + timeout_s
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_s)
        connection.connect(machine.control)
        with connection.makefile("rw", encoding="utf-8") as stream:
            stream.readline()  # the greeting
            _ask(stream, "qmp_capabilities")
            _ask(stream, "migrate", uri=f"exec:cat > {shlex.quote(str(target))}")
            while (status := _ask(stream, "query-migrate").get("status")) != "completed":
                if status == "failed" or time.monotonic() > deadline:
                    raise LabError(f"The state of {machine.name} could not be saved: {status}")
                time.sleep(POLL_S)
            _ask(stream, "quit")


def _ask(stream: Any, word: str, **arguments: str) -> dict[str, Any]:
    """Send one QMP command and return its result; events in between are passed over."""
    stream.write(json.dumps({"execute": word, "arguments": arguments}) + "\n")
    stream.flush()
    for line in stream:
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise LabError(f"qemu refused {word}: {answer['error'].get('desc', answer['error'])}")
        if "return" in answer:
            result: dict[str, Any] = answer["return"]
            return result
    raise LabError(f"qemu ended while it was asked to {word}")


def _escaped(path: Path) -> str:
    """Return a path for a -drive option, where a comma would end it."""
    return str(path).replace(",", ",,")

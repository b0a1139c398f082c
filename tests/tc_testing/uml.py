# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A whole Linux kernel as an ordinary process (user-mode Linux), with every qdisc, filter and action; without KVM."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).parents[2]
KERNEL = TOP / ".cache" / "uml"
MEMORY = "768M"
OWN = ("/run", "/tmp", "/var/tmp", "/var/lib")  # noqa: S108 - empty in each kernel
INIT = """#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc
mount -t sysfs none /sys
for folder in {own}; do mount -t tmpfs none $folder; done
mount -t hostfs -o {folder} none /mnt
printf '#!/bin/sh\nexec /sbin/modprobe -d {kernel}/modules "$@"\n' >/run/modprobe
chmod +x /run/modprobe
echo /run/modprobe >/proc/sys/kernel/modprobe
for module in $(cd {kernel}/modules/lib/modules/*/kernel/net/sched && ls | sed 's/[.]ko.*//') veth dummy ifb; do
  /run/modprobe $module
done >/dev/null 2>&1
for device in dummy0 ifb0 ifb1; do ip link del $device; done 2>/dev/null
ip link set lo up
cd {top}
{command} >/mnt/out 2>&1
echo $? >/mnt/status.new
mv /mnt/status.new /mnt/status
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


AHEAD = ("chrt", "--rr", "1")


def _may_go_ahead() -> bool:
    """Return whether processes may run ahead of others here; not every container permits it."""
    return shutil.which(AHEAD[0]) is not None and subprocess.run([*AHEAD, "true"], check=False).returncode == 0


class Kernel:
    """A kernel that runs one command and ends.

    The machine's files are its root, read-only; ``OWN`` are folders of its own, ``/mnt`` is the given folder, writable.
    What the command prints is in the folder's ``out``, its exit status in ``status``.

    Args:
        folder: shared with the kernel; it writes there.
        argv: the command, run in the checkout.
        first: whether it runs ahead of the machine's other processes, for what is timed in it.
        memory: what the kernel has, as its parameter ``mem`` takes it.
    """

    def __init__(self, folder: Path, *argv: str, first: bool = False, memory: str = MEMORY) -> None:
        self._folder = folder
        for name in ("out", "status", "console"):
            (folder / name).unlink(missing_ok=True)
        init = folder / "init"
        words = {
            "folder": folder,
            "kernel": KERNEL,
            "top": TOP,
            "own": " ".join(name for name in OWN if not TOP.is_relative_to(name)),
            "command": shlex.join(argv),
        }
        init.write_text(INIT.format(**words), encoding="utf-8")
        init.chmod(0o755)
        self._sockets = tempfile.TemporaryDirectory(prefix="netopt-uml-")
        with (folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL"),
                    *(AHEAD if first and _may_go_ahead() else ()),
                    *(str(KERNEL / "linux"), f"umid={folder.name}", f"uml_dir={self._sockets.name}", f"mem={memory}"),
                    *(
                        "root=/dev/root",
                        "rootfstype=hostfs",
                        "rootflags=/",
                        "ro",
                        f"init={init}",
                        "quiet",
                        "seccomp=auto",
                    ),
                    *("con=null", "con0=null,fd:1", "con1=null"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, silent_for_s: float, sign: Callable[[], object]) -> int | None:
        """Wait for the end and return the command's status; ``None`` where the kernel died or was silent for too long.

        Args:
            silent_for_s: how long ``sign`` may stay the same before the kernel counts as hung.
            sign: what changes while the command gets on.
        """
        last, since = sign(), time.monotonic()
        while self._process.poll() is None and not (self._folder / "status").exists():
            time.sleep(0.2)
            now = sign()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since > silent_for_s:
                break
        self.end()
        status = self._folder / "status"
        return int(status.read_text()) if status.exists() else None

    def said(self) -> str:
        """Return what the kernel and its command printed."""
        files = [self._folder / name for name in ("console", "out")]
        return "\n".join(file.read_text(errors="replace") for file in files if file.exists())

    def end(self) -> None:
        """End the kernel with all that runs in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._sockets.cleanup()

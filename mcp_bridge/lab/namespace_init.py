# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Process 1 of a lab host: builds the host around itself, then runs sshd and reaps what others leave behind.

Runs alone, by its path: ``python -IS namespace_init.py`` with one JSON object on standard input (see ``Host``). It
moves into the host's network namespace, takes mount, UTS, IPC and PID namespaces of its own, forks the host's
process 1, and prints that process's id as the machine sees it.

The host's root is an overlay over the machine's own or another release's, its upper layer in memory: what the host
writes never reaches what lies below, and it all vanishes with the last process of the host. No unmounting is ever
needed.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import stat
import sys
import time
from dataclasses import dataclass

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = (
    0x20000,
    0x4000000,
    0x8000000,
    0x20000000,
    0x40000000,
)
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_CAPBSET_DROP = 24
CAP_SYS_RAWIO, CAP_SYS_TIME = 17, 25

# Folders that begin empty on a host, whatever the machine has there; the mode is for those the machine lacks.
OWN_DIRECTORIES = {
    "etc/ssh": 0o755,
    "etc/sysctl.d": 0o755,
    "root": 0o700,
    "run": 0o755,
    "tmp": 0o1777,
    "var/lib/netopt": 0o700,
    "var/log": 0o755,
    "var/tmp": 0o1777,
}
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")
# What else may be stacked under a host's root when the machine has it on a disk of its own.
DISK_KINDS = {"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "xfs", "zfs"}

SSHD_CONFIG = """\
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
MaxStartups 200
MaxSessions 100
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class Host:
    """What a host is made of.

    Attributes:
        name: its hostname.
        namespace: the path of its network namespace.
        directory: its folder on the machine, which becomes its mount point in the host's own mount namespace.
        files: path on the host -> [octal mode, text]; keys, /etc/hosts and the like.
        sshd: the path of the ssh server.
        base: the folder that the host's root lies over: the machine's own root, or that of another release.
    """

    name: str
    namespace: str
    directory: str
    files: dict[str, tuple[str, str]]
    sshd: str
    base: str


class Kernel:
    """The system calls that Python 3.11 does not offer; each raises OSError with what it was about."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def _check(self, result: int, about: str) -> None:
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{about}: {os.strerror(number)}")

    def enter_network(self, path: str) -> None:
        """Move this process into the network namespace at ``path`` (setns(2))."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._check(self._libc.setns(descriptor, CLONE_NEWNET), f"setns {path}")
        finally:
            os.close(descriptor)

    def unshare(self, flags: int) -> None:
        """Take namespaces of one's own (unshare(2))."""
        self._check(self._libc.unshare(flags), f"unshare {flags:#x}")

    def mount(self, source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
        """Attach a file system (mount(2))."""
        arguments = [text.encode() for text in (source, target, kind)]
        result = self._libc.mount(*arguments, ctypes.c_ulong(flags), data.encode())
        self._check(result, f"mount {kind or 'bind'} on {target}")

    def change_root(self, root: str) -> None:
        """Make ``root`` the root of this mount namespace and let go of the old one (pivot_root(2))."""
        os.chdir(root)
        self._check(self._libc.pivot_root(b".", b"."), f"pivot_root {root}")
        self._check(self._libc.umount2(b".", MNT_DETACH), "umount of the old root")
        os.chdir("/")

    def drop_capability(self, number: int) -> None:
        """Take a capability from this process and all that it starts (prctl(2))."""
        self._check(self._libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0), f"drop capability {number}")


def empty_in_layer(upper: str, path: str, mode: int, base: str) -> None:
    """Make ``path`` an opaque, empty folder of the upper layer, its parents with the modes that they have below."""
    done = upper
    for part in path.split("/"):
        done = os.path.join(done, part)
        below = os.path.join(base, os.path.relpath(done, upper))
        if not os.path.isdir(done):
            os.mkdir(done)
            os.chmod(done, stat.S_IMODE(os.stat(below).st_mode) if os.path.isdir(below) else mode)
    os.setxattr(done, "trusted.overlay.opaque", b"y")


def further_mounts() -> list[str]:
    """Return the folders of the machine on which other disks are mounted, parents first (proc(5), mountinfo)."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as stream:
        for line in stream:
            point = line.split()[4].encode().decode("unicode_escape")
            kind = line.partition(" - ")[2].split()[0]
            if point != "/" and kind in DISK_KINDS and os.path.isdir(point):
                found.append(point)
    return sorted(set(found))


def build_root(host: Host, kernel: Kernel) -> str:
    """Stack the host's root over its base and return where it lies."""
    kernel.mount("none", "/", flags=MS_REC | MS_PRIVATE)
    others = further_mounts() if host.base == "/" else []
    kernel.mount("tmpfs", host.directory, "tmpfs", data="mode=755")
    root = os.path.join(host.directory, "root")
    os.mkdir(root)
    for number, lower in enumerate([host.base, *others]):
        upper, work = (os.path.join(host.directory, f"{kind}{number}") for kind in ("upper", "work"))
        os.mkdir(upper)
        os.mkdir(work)
        os.chmod(upper, stat.S_IMODE(os.stat(lower).st_mode))
        if number == 0:
            for path, mode in OWN_DIRECTORIES.items():
                empty_in_layer(upper, path, mode, host.base)
        target = root if number == 0 else root + lower
        if os.path.isdir(target):
            kernel.mount("overlay", target, "overlay", data=f"lowerdir={lower},upperdir={upper},workdir={work}")
    return root


def mount_kernel_file_systems(root: str, kernel: Kernel) -> None:
    """Give the host its own /proc, /sys and /dev; outside net, /proc/sys can be read only."""
    for name in ("proc", "sys", "dev"):
        os.makedirs(os.path.join(root, name), exist_ok=True)
    proc = os.path.join(root, "proc")
    kernel.mount("proc", proc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    settings = os.path.join(proc, "sys")
    kernel.mount(settings, settings, flags=MS_BIND)
    kernel.mount("none", settings, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)
    network = os.path.join(settings, "net")
    kernel.mount(network, network, flags=MS_BIND)
    kernel.mount("none", network, flags=MS_BIND | MS_REMOUNT)
    kernel.mount("sysfs", os.path.join(root, "sys"), "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)

    device = os.path.join(root, "dev")
    kernel.mount("tmpfs", device, "tmpfs", MS_NOSUID, "mode=755")
    for name in DEVICES:
        with open(os.path.join(device, name), "wb"):
            kernel.mount(f"/dev/{name}", os.path.join(device, name), flags=MS_BIND)
    os.makedirs(os.path.join(device, "pts"))
    kernel.mount(
        "devpts", os.path.join(device, "pts"), "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"
    )
    os.makedirs(os.path.join(device, "shm"))
    os.chmod(os.path.join(device, "shm"), stat.S_ISVTX | 0o777)  # noqa: S103 - as on every system
    links = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
    for name, target in links.items():
        os.symlink(target, os.path.join(device, name))


def write_files(files: dict[str, tuple[str, str]]) -> None:
    """Write the host's own files, its root being the current one."""
    for path, (mode, text) in files.items():
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if os.path.islink(path):
            os.unlink(path)
        with open(path, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), int(mode, 8))
            stream.write(text)


def start_sshd(path: str) -> int:
    """Start the ssh server with default signal handling and return its id."""
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    return os.posix_spawn(
        path, [path, "-D", "-e"], environment, setsigmask=[], setsigdef=[signal.SIGINT, signal.SIGTERM]
    )


def reap(sshd: str) -> None:
    """Be process 1: keep sshd running, and reap every orphan of the host, until a signal ends the host."""
    server = start_sshd(sshd)
    while True:
        pid, _status = os.wait()
        if pid == server:
            time.sleep(0.2)  # a server that cannot start must not spin
            server = start_sshd(sshd)


def become_init(host: Host, kernel: Kernel) -> None:
    """Turn this process, already in its namespaces, into process 1 of the host. Does not return."""
    socket.sethostname(host.name)
    root = build_root(host, kernel)
    mount_kernel_file_systems(root, kernel)
    kernel.change_root(root)
    for path in ("/run/sshd", "/run/lock"):
        os.makedirs(path, exist_ok=True)
    write_files({"/etc/ssh/sshd_config": ("0644", SSHD_CONFIG), **host.files})
    for number in (CAP_SYS_RAWIO, CAP_SYS_TIME):  # the machine's clock is not the host's to set
        kernel.drop_capability(number)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))
    reap(host.sshd)


def main() -> int:
    """Read the host from standard input, start it, and print the id of its process 1."""
    host = Host(**json.load(sys.stdin))
    kernel = Kernel()
    kernel.enter_network(host.namespace)
    kernel.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID)
    pid = os.fork()
    if pid:
        sys.stdout.write(f"{pid}\n")
        return 0
    # above all the lab's lock, which this host would hold for good; from here on a removal finds it in its namespace
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(quiet, descriptor)
    try:
        become_init(host, kernel)
    finally:
        os._exit(1)


if __name__ == "__main__":
    sys.exit(main())

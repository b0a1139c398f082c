# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shuts a process in before it runs a script that nobody trusts: namespaces, a root of its own, no rights but one.

The script is root in a user namespace of its own, which is nobody on this machine. Its network namespace has no way
out. Of this machine's files it sees programs and libraries alone, read-only; all else is a small file system in
memory. It keeps the right to configure the network of its own namespace, and no other.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# linux/sched.h, linux/mount.h, linux/prctl.h, linux/capability.h
NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
NOATIME, NODIRATIME, RELATIME = 1024, 2048, 1 << 21
DETACH = 2
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SET_PDEATHSIG, SIGKILL = 24, 38, 1, 9
CAP_NET_ADMIN, CAPS_MAX = 12, 64
ID_MAPS = (("setgroups", "deny"), ("uid_map", "0 {uid} 1"), ("gid_map", "0 {gid} 1"))

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
SETTINGS = ("ld.so.cache", "passwd", "group", "protocols", "services", "nsswitch.conf", "alternatives", "iproute2")
DEVICES = ("null", "zero", "full", "random", "urandom")
EMPTY = ("etc", "proc", "sys/class/net", "dev", "tmp", "run", "root", "home", "var/run", "var/lib", "var/log", "netopt")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
REAL = ("tc", "ip", "sysctl", "sleep")
WRITABLE = (
    *("sysctl.d", "default", "network", "modules-load.d", "modprobe.d", "security", "udev/rules.d", "cron.d"),
    *("systemd/system", "systemd/network", "NetworkManager/system-connections", "tuned"),
)
SYSCTL_CONF = "sysctl.conf"
CORE = "proc/sys/net/core"  # which a namespace of one's own has a few of alone
RECORDED = (
    *("ethtool", "iptables", "ip6tables", "iptables-restore", "ip6tables-restore", "nft", "ipset", "ebtables"),
    *("modprobe", "insmod", "rmmod", "nmcli", "networkctl", "systemctl", "service", "ifconfig", "route", "brctl"),
    *("bridge", "iw", "iwconfig", "ovs-vsctl", "teamdctl", "firewall-cmd", "ufw", "irqbalance", "tuna", "cpupower"),
    *("ssh", "netplan", "nmstatectl", "uci", "crontab"),
    *("tuned-adm", "ifup", "ifdown", "logger", "sudo", "docker", "tcset", "tcdel", "netopt-start"),
)
# has bash tell the line of each command, and from where the functions that it stands in were called
# and lets no failure end it that is one of the sandbox
FRAMES = "${BASH_SOURCE[0]-}:$LINENO|${BASH_SOURCE[1]-}:${BASH_LINENO[0]-}|${BASH_SOURCE[2]-}:${BASH_LINENO[1]-}"
TRACE = f"set -o functrace\ntrap 'NETOPT_LINE=\"{FRAMES}\"; set +e' DEBUG\nexport NETOPT_LINE\n"
LIMITS = {
    resource.RLIMIT_CPU: 60,
    resource.RLIMIT_NPROC: 256,
    resource.RLIMIT_FSIZE: 16 << 20,
    resource.RLIMIT_NOFILE: 256,
    resource.RLIMIT_AS: 1 << 30,
    resource.RLIMIT_CORE: 0,
}

_LIBC = ctypes.CDLL(None, use_errno=True)


class SandboxError(Exception):
    """What a script is shut in with cannot be had here."""


def _call(name: str, *arguments: bytes | int | None) -> None:
    """Call a function of the C library.

    Raises:
        SandboxError: it fails.
    """
    if getattr(_LIBC, name)(*arguments) != 0:
        said = " ".join(word.decode() for word in arguments if isinstance(word, bytes))
        raise SandboxError(f"{name}({said}): {os.strerror(ctypes.get_errno())}")


def unshare(flags: int) -> None:
    """Move this process into new namespaces.

    Raises:
        SandboxError: it is not permitted.
    """
    _call("unshare", flags)


def end_with_parent() -> None:
    """Have the kernel end this process when the one that started it ends."""
    _call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def ids_are_real() -> bool:
    """Return whether users are those of the machine, and not of a namespace of some, where nobody may not be mapped."""
    return Path("/proc/self/uid_map").read_text(encoding="ascii").split() == ["0", "0", str(2**32 - 1)]


def map_ids(pid: int | str, *, uid: int, gid: int) -> None:
    """Make root in the user namespace of a process a user of this one."""
    for name, text in ID_MAPS:
        Path(f"/proc/{pid}/{name}").write_text(text.format(uid=uid, gid=gid), encoding="ascii")


def forbid_more_users() -> None:
    """Let nobody below make another user namespace, in which he would have all rights again."""
    Path("/proc/sys/user/max_user_namespaces").write_text("0", encoding="ascii")


def memory(folder: Path) -> None:
    """Mount an empty file system in memory on a folder, in a mount namespace of one's own."""
    _call("mount", None, b"/", None, REC | PRIVATE, None)
    _call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", NOSUID | NODEV, b"size=32m,mode=755")


def shut_in(base: Path, recorder: str, script: tuple[str, str], shown: Sequence[Path], core: Mapping[str, str]) -> None:
    """Build the root of a script below a folder in memory, and make it the root of this process.

    This process is the first one of its PID namespace, and has a mount namespace of its own.

    Args:
        base: the folder.
        recorder: the program that stands in the place of others.
        script: the name of the script, and its text.
        shown: files and folders that it may read, at their own paths.
        core: what files of kernel parameters below ``net.core`` hold.
    """
    _files(base, shown)
    name, text = script
    for each in WRITABLE:
        (base / "etc" / each).mkdir(parents=True, exist_ok=True)
    (base / "etc" / SYSCTL_CONF).touch()
    _programs(base, recorder)
    (base / "netopt/core").mkdir()
    for key, value in core.items():
        (base / "netopt/core" / key).write_text(value, encoding="utf-8")
    (base / "netopt/trace").write_text(TRACE, encoding="ascii")
    (base / "script").mkdir()
    (base / "script" / name).write_text(text, encoding="utf-8")
    (base / "script" / name).chmod(0o755)
    _call("mount", b"proc", os.fsencode(base / "proc"), b"proc", NOSUID | NODEV | NOEXEC, None)
    _call("mount", os.fsencode(base / "netopt/core"), os.fsencode(base / CORE), None, BIND, None)
    os.chdir(base)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", DETACH)
    os.chdir("/root")
    _give_up_rights()


def _files(base: Path, shown: Sequence[Path]) -> None:
    """Put in what a script sees of this machine, and what it may read."""
    for each in EMPTY:
        (base / each).mkdir(parents=True, exist_ok=True)
    for each in SYSTEM:
        _system(Path("/", each), base / each)
    for each in SETTINGS:
        _show(Path("/etc", each), base / "etc" / each)
    for each in DEVICES:
        _show(Path("/dev", each), base / "dev" / each, writable=True)
    for link, target in (("fd", "/proc/self/fd"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2")):
        (base / "dev" / link).symlink_to(target)
    for path in shown:
        if not os.access(path, os.R_OK):
            raise SandboxError(f"{path} is not there, or not for everybody to read")
        here = base / path.relative_to("/")
        if here.exists() and path.parts[1:2] not in [(each,) for each in SYSTEM]:
            raise SandboxError(f"{path} has a place of its own in there: name what the script reads in it")
        if not here.exists():  # else it is shown already
            _show(path, here)


def _system(there: Path, here: Path) -> None:
    """Show a folder of programs or libraries, or the link that stands in its place."""
    if there.is_symlink():
        here.symlink_to(there.readlink())
    else:
        _show(there, here)


def _show(there: Path, here: Path, *, writable: bool = False) -> None:
    """Show a file or folder of this machine, read-only unless it is a device."""
    if not there.exists():
        return
    here.parent.mkdir(parents=True, exist_ok=True)
    if there.is_dir():
        here.mkdir(exist_ok=True)
    else:
        here.touch()
    _call("mount", os.fsencode(there.resolve()), os.fsencode(here), None, BIND | REC, None)
    if not writable:
        _call("mount", None, os.fsencode(here), None, REMOUNT | BIND | RDONLY | NOSUID | _kept(here), None)


def _kept(mounted: Path) -> int:
    """Return the flags of a mount that nobody may take away in a user namespace."""
    flags = os.statvfs(mounted).f_flag
    told = ((os.ST_NODEV, NODEV), (os.ST_NOEXEC, NOEXEC), (os.ST_NOATIME, NOATIME), (os.ST_NODIRATIME, NODIRATIME))
    return sum(flag for bit, flag in (*told, (os.ST_RELATIME, RELATIME)) if flags & bit)


def _programs(base: Path, recorder: str) -> None:
    """Put the recorder in the place of programs, wherever a script may look for them."""
    for folder in ("bin", "real"):
        (base / "netopt" / folder).mkdir()
    for name in (*REAL, *RECORDED):
        stand_in = base / "netopt/bin" / name
        stand_in.write_text(recorder, encoding="utf-8")
        stand_in.chmod(0o755)
        found = shutil.which(name, path=PATH)
        real = Path(found).resolve() if found else None
        if real and name in REAL:
            _show(real, base / "netopt/real" / name)
        if real and real.name == name:  # not a program of many names
            inside = base / real.relative_to("/")
            _call("mount", os.fsencode(stand_in), os.fsencode(inside), None, BIND, None)


def _give_up_rights() -> None:
    """Keep the right to configure the network of the namespace, and bounds on what may be used up."""
    for number in range(CAPS_MAX):
        if number != CAP_NET_ADMIN:
            _LIBC.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)  # fails for those that this kernel does not have
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for what, most in LIMITS.items():
        hard = resource.getrlimit(what)[1]
        most_here = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most_here, most_here))


def execute(script: str, arguments: Sequence[str], *, env: dict[str, str]) -> None:
    """Become the script."""
    os.execve("/netopt/bin/netopt-start", ["netopt-start", script, *arguments], env)

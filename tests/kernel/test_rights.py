# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a process may do on a host: what it lacks is said in check mode already, what it keeps is root's alone."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import APPLY, IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

FIN = "net.ipv4.tcp_fin_timeout"
WITHOUT = {
    "a container": "-net_admin,-sys_admin",
    "CAP_SYS_ADMIN alone": "-net_admin",
}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host of the test's own."""
    with transaction_host() as made:
        yield made


def _apply(host: Host, changes: dict[str, Any], *around: str, check: bool = False) -> dict[str, Any]:
    """Apply changes by way of a program around the engine, and return the report."""
    asked = json.dumps({"plan": {"iface": IFACE, "changes": changes}, "check": check, "confirm_timeout_s": 0})
    found: dict[str, Any] = json.loads(host.run(*around, *APPLY, stdin=asked))
    return found


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "apply"])
@pytest.mark.parametrize("lacking", WITHOUT.values(), ids=WITHOUT.keys())
@pytest.mark.parametrize(
    "changes", [{"qdisc": {"type": "pfifo", "params": {"limit": 9}}}, {"mtu": 1400}], ids=["tc", "link"]
)
def test_no_cap_net_admin(host: Host, lacking: str, changes: dict[str, Any], *, check: bool) -> None:
    """Without the capability check mode promises nothing that apply cannot keep, and the error names it."""
    before = host.view()
    around = ("setpriv", f"--bounding-set={lacking}")
    report = _apply(host, changes, *around, check=check)
    assert report["status"] in ({"failed"} if check else {"failed", "rolled_back"}), report
    assert "lacks CAP_NET_ADMIN" in report["error"]["message"], report["error"]
    assert "--cap-add NET_ADMIN" in report["error"]["hint"], report["error"]
    assert (report["changed"], host.view()) == (False, before)
    assert _apply(host, {"sysctl": {FIN: "41"}}, *around, check=check)["error"] is None  # takes no capability


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "apply"])
def test_proc_sys_mounted_read_only(host: Host, *, check: bool) -> None:
    """The error says that the mount is what forbids it, and what to do."""
    host.shell("mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys")
    report = _apply(host, {"sysctl": {FIN: "41"}}, check=check)
    assert (report["status"], report["error"]["key"]) == ("failed", FIN), report
    assert report["error"]["hint"].startswith("/proc/sys is mounted read-only here"), report["error"]
    assert f"--sysctl {FIN}=41" in report["error"]["hint"]


@pytest.mark.parametrize("before", ["true", "mkdir -p -m 777 /var/lib/netopt/checkpoints; chmod 777 /var/lib/netopt"])
def test_nothing_is_written_that_others_may_write(host: Host, before: str) -> None:
    """With a umask of 0, and where an earlier release has left its folder open, only root can write what is kept."""
    host.shell(f"umask 0; umount /var/lib/netopt /run/netopt; mount -t tmpfs none /var/lib -o mode=755; {before}")
    host.shell("mount -t tmpfs none /run -o mode=755")
    report = _apply(host, {"sysctl": {FIN: "41"}}, "sh", "-c", 'umask 0; exec "$@"', "sh")
    assert report["status"] == "applied", report
    assert host.shell("ls /var/lib/netopt/checkpoints/*/restore.pyz /run/netopt/lock").count("\n") == 2
    assert host.shell("find /var/lib/netopt /run/netopt -perm /022 ! -type l") == ""


@pytest.mark.parametrize(
    ("trap", "place"),
    [
        ("chown 931 /var/lib/netopt", "/var/lib/netopt belongs to the user 931"),
        ("mkdir -p /var/lib/netopt/checkpoints; chown 931 /var/lib/netopt/checkpoints", "checkpoints belongs to"),
        ("mkdir /tmp/theirs; ln -s /tmp/theirs /var/lib/netopt/checkpoints", "checkpoints is no folder"),
        ("chown 931 /run/netopt", "/run/netopt belongs to the user 931"),
    ],
)
def test_a_folder_of_somebody_elses(host: Host, trap: str, place: str) -> None:
    """Where what root acts on lies in somebody else's folder, nothing is changed, and the report says whose it is."""
    before = host.view()
    host.shell(trap)
    report = _apply(host, {"sysctl": {FIN: "41"}})
    assert report["status"] == "failed", report
    assert place in report["error"]["message"], report
    assert "NETOPT_STATE_DIR" in report["error"]["hint"]
    assert host.view() == before


def test_a_checkpoint_of_somebody_elses(host: Host) -> None:
    """A checkpoint that is not root's is restored by nobody: neither by its own program nor by netopt."""
    assert _apply(host, {"sysctl": {FIN: "41"}})["status"] == "applied"
    (archive,) = host.shell("ls /var/lib/netopt/checkpoints/*/restore.pyz").split()
    assert " confirmed" in host.shell(f"python3 {archive} --list")
    host.shell(f"chown 931 {archive.rpartition('/')[0]}")
    told = host.shell(f"python3 {archive} --list; python3 {archive} --restore 2>&1 || echo status $?")
    assert "belongs to the user 931" in told
    assert " confirmed" not in told
    assert host.shell(f"sysctl -n {FIN}").strip() == "41"

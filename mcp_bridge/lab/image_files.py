# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the image of a virtual machine holds beyond the distribution's packages."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ADDRESS = "10.0.2.15"  # qemu's user network: the guest's address and the gateway are fixed
GATEWAY = "10.0.2.2"
NAME = "netopt-lab-vm"

TEXTS = {
    "etc/fstab": "/dev/vda / ext4 noatime 0 0\n",
    "etc/hostname": f"{NAME}\n",
    "etc/hosts": f"127.0.0.1 localhost\n127.0.1.1 {NAME}\n::1 localhost ip6-localhost ip6-loopback\n",
    "etc/ssh/sshd_config.d/netopt-lab.conf": (
        # One cheap key exchange: the default one costs seconds on an emulated CPU.
        "UseDNS no\nUsePAM no\nKexAlgorithms curve25519-sha256\nPermitRootLogin prohibit-password\n"
        "PasswordAuthentication no\nMaxStartups 100\nMaxSessions 100\n"
    ),
    "etc/systemd/network/10-eth0.network": (
        f"[Match]\nName=eth0\n\n[Network]\nAddress={ADDRESS}/24\nGateway={GATEWAY}\n"
        "Address=fd00:6e6f::15/64\nLinkLocalAddressing=ipv6\nIPv6AcceptRA=no\n"
    ),
}
# Nothing that a test looks at. logind stays: a clean reboot asks for it.
MASKED_UNITS = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dev-hugepages.mount",
    "dev-mqueue.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "motd-news.timer",
    "serial-getty@.service",
    "systemd-binfmt.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)


def write(root: Path, *, client_key: str, host_key: Path) -> None:
    """Write identity, network and ssh into an unpacked root.

    Args:
        root: the root file system.
        client_key: the public key that may log in as root, ``TYPE BASE64``.
        host_key: the private host key; its public half lies beside it.
    """
    for path, text in TEXTS.items():
        _write(root / path, text)
    _write(root / "etc/machine-id", uuid.uuid4().hex + "\n")
    resolver = root / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.touch()
    (root / "root/.ssh").mkdir(mode=0o700, exist_ok=True)
    _write(root / "root/.ssh/authorized_keys", client_key + "\n", mode=0o600)
    for old in (root / "etc/ssh").glob("ssh_host_*"):
        old.unlink()
    public = host_key.with_name(host_key.name + ".pub")
    for source, name, mode in ((host_key, "ssh_host_ed25519_key", 0o600), (public, "ssh_host_ed25519_key.pub", 0o644)):
        _write(root / "etc/ssh" / name, source.read_text(encoding="utf-8"), mode=mode)
    for unit in MASKED_UNITS:
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")


def initrd_script(modules: Iterable[str]) -> str:
    """Return the first program that the kernel runs: load what the disk needs, mount it, go on there."""
    names = " ".join(modules)
    return f"""#!/bin/busybox sh
b=/bin/busybox
for round in 1 2; do # which module needs which differs between kernels; the second round loads the rest
  for name in {names}; do
    if [ -f /modules/$name.ko ]; then $b insmod /modules/$name.ko 2>/dev/null; fi
  done
done
$b mount -t devtmpfs none /dev
until [ -b /dev/vda ]; do $b usleep 20000; done
$b mount -t ext4 -o noatime /dev/vda /mnt
exec $b switch_root /mnt /sbin/init
"""


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk image of the lab's virtual machines: built once from the machine's own apt sources, then kept.

The result is the distribution's stock kernel with a small root file system that is ready for ssh and Ansible.
"""

from __future__ import annotations

import fcntl
import hashlib
import lzma
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from . import image_files
from .distribution import detect
from .keys import make_key
from .requirements import IMAGE_TOOLS, require, tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .distribution import Distribution

BUILD_TIMEOUT_S = 1500
DISK_SIZE = 2 << 30
# What stands between the kernel and its root: modules on Debian, built in on Ubuntu.
BOOT_MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
UNUSED_PATHS = (
    "/usr/lib/firmware/*",
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
)


@dataclass(frozen=True)
class Image:
    """A built image: everything that a virtual machine of the lab boots from."""

    directory: Path

    @property
    def kernel(self) -> Path:
        """The distribution's kernel."""
        return self.directory / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """The small initial root that finds the disk."""
        return self.directory / "initrd"

    @property
    def disk(self) -> Path:
        """The root file system, sparse."""
        return self.directory / "root.ext4"

    @property
    def key(self) -> Path:
        """The private key that every host from this image accepts."""
        return self.directory / "id_ed25519"

    @property
    def host_key(self) -> Path:
        """The host key of every host from this image."""
        return self.directory / "host_key"


def cache_home() -> Path:
    """Return the folder where images are kept."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return base / "netopt" / "vm"


def ensure() -> Image:
    """Return the image for this machine's distribution, built now if it is not there yet.

    Raises:
        LabError: tools are missing, or the build failed.
    """
    distribution = detect()
    directory = cache_home() / _recipe_key(distribution)
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(directory.with_suffix(".lock")):
        if not directory.is_dir():
            require(IMAGE_TOOLS)
            sys.stderr.write(f"Building the VM image ({distribution.id} {distribution.codename}); once.\n")
            partial = directory.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(mode=0o700)
            _build(Image(partial), distribution)
            partial.rename(directory)
    return Image(directory)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file, waiting for whoever holds it now; it ends with the process at the latest."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _recipe_key(distribution: Distribution) -> str:
    """Return a name for what the image would be made of: another recipe, another image."""
    boot = image_files.initrd_script(BOOT_MODULES)
    recipe = (distribution, DISK_SIZE, UNUSED_PATHS, image_files.TEXTS, image_files.MASKED_UNITS, boot)
    digest = hashlib.sha256(repr(recipe).encode())
    for path in distribution.sources:
        digest.update(path.read_bytes())
    return f"{distribution.id}-{distribution.codename}-{digest.hexdigest()[:12]}"


def _build(image: Image, distribution: Distribution) -> None:
    root = image.directory / "root"
    _bootstrap(root, distribution)
    client_key = make_key(image.key, comment="netopt-lab")
    make_key(image.host_key, comment="netopt-lab")
    image_files.write(root, client_key=client_key, host_key=image.host_key)
    _run([tool("chroot"), str(root), "systemctl", "--quiet", "enable", "systemd-networkd.service", "ssh.service"])
    release = _kernel_release(root)
    shutil.copyfile(root / "boot" / f"vmlinuz-{release}", image.kernel)
    for leftover in (root / "boot").iterdir():
        leftover.unlink()
    _make_initrd(image, root / "usr/lib/modules" / release)
    with image.disk.open("wb") as stream:
        stream.truncate(DISK_SIZE)
    _run([tool("mkfs.ext4"), "-q", "-F", "-d", str(root), str(image.disk)])
    shutil.rmtree(root)


def _bootstrap(root: Path, distribution: Distribution) -> None:
    """Unpack and configure the distribution's packages into ``root``."""
    options = [f"--dpkgopt=path-exclude={path}" for path in UNUSED_PATHS]
    options += ['--aptopt=Acquire::Languages "none"', *(f"--aptopt={line}" for line in _transport_settings())]
    include = "--include=" + ",".join(distribution.packages)
    _run(
        [tool("mmdebstrap"), "--variant=minbase", "--mode=root", include, *options, distribution.codename, str(root)]
        + [str(path) for path in distribution.sources],
        log=root.parent / "mmdebstrap.log",
    )


def _transport_settings() -> list[str]:
    """Return how this machine's apt reaches its sources: proxies, certificates, retries."""
    done = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    wanted = re.compile(r"Acquire::(?:https?::(?:Proxy|CaInfo|Verify-Peer|Timeout)|Retries)\b.* \"[^\"]+\";")
    return [line for line in done.stdout.splitlines() if wanted.match(line)]


def _kernel_release(root: Path) -> str:
    releases = sorted(path.name for path in (root / "usr/lib/modules").iterdir())
    if len(releases) != 1:
        raise LabError(f"The image has not one kernel but {releases}")
    return releases[0]


def _make_initrd(image: Image, modules: Path) -> None:
    """Pack busybox, the boot modules and an init: the distribution's own takes a slow CPU long to unpack."""
    tree = image.directory / "initrd.d"
    for folder in ("bin", "modules", "dev", "mnt"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(tool("busybox"), tree / "bin" / "busybox")
    for name in BOOT_MODULES:
        for packed in modules.rglob(f"{name}.ko*"):
            (tree / "modules" / f"{name}.ko").write_bytes(_unpacked(packed))
    init = tree / "init"
    init.write_text(image_files.initrd_script(BOOT_MODULES), encoding="utf-8")
    init.chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in [tree, *sorted(tree.rglob("*"))])
    with image.initrd.open("wb") as stream:
        argv = [tool("cpio"), "--create", "--format=newc", "--quiet"]
        subprocess.run(argv, cwd=tree, input=names.encode(), stdout=stream, check=True)
    shutil.rmtree(tree)


def _unpacked(module: Path) -> bytes:
    """Return a kernel module's bytes, decompressed."""
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", str(module)], capture_output=True, check=True).stdout
    return module.read_bytes()


def _run(argv: Sequence[str], *, log: Path | None = None) -> None:
    """Run one step of the build; its output is in the error, or in ``log``."""
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=BUILD_TIMEOUT_S,
    )
    text = done.stdout.decode(errors="replace")
    if log:
        log.write_text(text, encoding="utf-8")
    if done.returncode != 0:
        tail = " | ".join(text.strip().splitlines()[-3:])
        raise LabError(f"{Path(argv[0]).name} failed: {tail}", hint=f"The whole output: {log}." if log else "")

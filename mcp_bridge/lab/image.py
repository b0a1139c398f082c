# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The disk image of the lab's virtual machines: built once from the machine's own apt sources, then kept.

The result is the distribution's stock kernel with a small root file system that is ready for ssh and Ansible.
"""

from __future__ import annotations

import hashlib
import lzma
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

from . import image_files
from .bootstrap import UNUSED_PATHS, bootstrap, built_once, cache_home, run
from .distribution import PACKAGES, detect
from .keys import make_key
from .requirements import IMAGE_TOOLS, require, tool

if TYPE_CHECKING:
    from .distribution import Distribution

DISK_SIZE = 2 << 30
# What stands between the kernel and its root: modules on Debian, built in on Ubuntu.
BOOT_MODULES = ("virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")


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


def ensure(release: str = "") -> Image:
    """Return the image of a release of this machine's distribution, its own by default; built if it is not there yet.

    Raises:
        LabError: not a 64-bit x86 machine, the release is unknown, tools are missing, or the build failed.
    """
    if platform.machine() != "x86_64":
        raise LabError(f"VM labs run on x86_64 only, not on {platform.machine()}", hint="Use --kernel namespace.")
    distribution = detect(release)
    directory = cache_home() / "vm" / _recipe_key(distribution)
    with built_once(directory) as partial:
        if partial:
            require(IMAGE_TOOLS)
            sys.stderr.write(f"Building the VM image ({distribution.id} {distribution.codename}); once.\n")
            _build(Image(partial), distribution)
    return Image(directory)


def _recipe_key(distribution: Distribution) -> str:
    """Return a name for what the image would be made of: another recipe, another image."""
    boot = image_files.initrd_script(BOOT_MODULES)
    recipe = (distribution, PACKAGES, DISK_SIZE, UNUSED_PATHS, image_files.TEXTS, image_files.MASKED_UNITS, boot)
    digest = hashlib.sha256(repr(recipe).encode())
    for source in distribution.sources:
        digest.update(Path(source).read_bytes() if source.startswith("/") else b"")
    return f"{distribution.id}-{distribution.codename}-{digest.hexdigest()[:12]}"


def _build(image: Image, distribution: Distribution) -> None:
    root = image.directory / "root"
    bootstrap(root, distribution, (*PACKAGES, distribution.kernel))
    client_key = make_key(image.key, comment="netopt-lab")
    make_key(image.host_key, comment="netopt-lab")
    image_files.write(root, client_key=client_key, host_key=image.host_key)
    run([tool("chroot"), str(root), "systemctl", "--quiet", "enable", "systemd-networkd.service", "ssh.service"])
    release = _kernel_release(root)
    shutil.copyfile(root / "boot" / f"vmlinuz-{release}", image.kernel)
    for leftover in (root / "boot").iterdir():
        leftover.unlink()
    _make_initrd(image, root / "lib/modules" / release)
    with image.disk.open("wb") as stream:
        stream.truncate(DISK_SIZE)
    run([tool("mkfs.ext4"), "-q", "-F", "-d", str(root), str(image.disk)])
    shutil.rmtree(root)


def _kernel_release(root: Path) -> str:
    releases = sorted(path.name for path in (root / "lib/modules").iterdir())
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

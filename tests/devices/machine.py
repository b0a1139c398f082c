# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A machine with emulated network cards whose drivers are those of real ones, which runs one program and ends."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.errors import LabError
from mcp_bridge.lab import image
from mcp_bridge.lab.machine import accelerator

TOP = Path(__file__).resolve().parents[2]
CACHE = TOP / ".cache" / "devices"
CARDS = ("e1000e", "vmxnet3")
MODULES = ("virtio_pci", "virtio_blk", "crc32c_generic", "ext4", *CARDS)
NEEDED = ("qemu-system-x86_64", "cpio", "depmod", "modprobe")
SHARED = (  # what the program needs of the checkout
    "ansible_collections/netopt/linux/plugins/module_utils",
    "tests/devices/nic_program.py",
)
ENDS_AFTER_S = 300
MARK = "ANSWER "
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
for module in {modules}; do modprobe $module; done
mount -t ext4 /dev/vda /root
for kind in proc sysfs devtmpfs; do
  mount -t $kind none /root/$(echo $kind | sed 's/sysfs/sys/; s/devtmpfs/dev/')
done
mount -t tmpfs none /root/mnt
cp -r /code/. /root/mnt
chroot /root /bin/sh -c 'cd /mnt; PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/mnt python3 -m {program}'
poweroff -f
"""


def answer_of(program: str, folder: Path) -> Any:
    """Run a module on such a machine and return what it answers; skip where there can be none.

    Args:
        program: the module's name; it prints ``ANSWER`` and JSON in one line.
        folder: an empty folder.
    """
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(f"a machine with network cards needs {', '.join(missing)}")
    try:
        subprocess.run([str(TOP / "tests/devices/prepare.sh"), str(CACHE)], check=True)
        built = image.ensure("")
    except (subprocess.CalledProcessError, LabError) as error:
        pytest.skip(f"a kernel with drivers of network cards, or a root for it, cannot be had: {error}")
    accel, cpu = accelerator()
    console = folder / "console"
    cards = [
        word
        for number, card in enumerate(CARDS)
        for word in ("-netdev", f"user,id=n{number},restrict=on", "-device", f"{card},netdev=n{number}")
    ]
    subprocess.run(
        [
            *("qemu-system-x86_64", "-M", "q35", "-accel", accel, "-cpu", cpu, "-smp", "2", "-m", "768"),
            *("-nodefaults", "-display", "none", "-kernel", str(CACHE / "vmlinuz")),
            *("-initrd", str(initrd(program, folder)), "-append", "console=ttyS0 net.ifnames=0 mitigations=off quiet"),
            *("-drive", f"if=none,id=disk,file={built.disk},format=raw,snapshot=on"),
            *("-device", "virtio-blk-pci,drive=disk", *cards, "-serial", f"file:{console}"),
        ],
        check=True,
        timeout=ENDS_AFTER_S,
    )
    said = console.read_text(errors="replace")
    lines = [line.partition(MARK)[2] for line in said.splitlines() if MARK in line]
    assert lines, said
    return json.loads(lines[-1])


def initrd(program: str, folder: Path) -> Path:
    """Make the file system that the machine begins with: busybox, modules, and the code of the program."""
    root = folder / "initrd"
    for name in ("bin", "proc", "sys", "dev", "root", "code"):
        (root / name).mkdir(parents=True)
    shutil.copy(CACHE / "busybox", root / "bin/busybox")
    init = root / "init"
    init.write_text(INIT.format(modules=" ".join(MODULES), program=program), encoding="utf-8")
    init.chmod(0o755)
    (release,) = (CACHE / "modules/lib/modules").iterdir()
    for module in MODULES:
        argv = ["modprobe", "-d", str(CACHE / "modules"), "-S", release.name, "--show-depends", module]
        shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        for path in (Path(line.split()[1]) for line in shown.splitlines() if line.startswith("insmod")):
            target = root / path.relative_to(CACHE / "modules")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    for path in release.glob("modules.*"):
        shutil.copy(path, root / "lib/modules" / release.name)
    for name in SHARED:
        source, target = TOP / name, root / "code" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    made = folder / "initrd.cpio"
    names = "".join(f"{path.relative_to(root)}\n" for path in sorted(root.rglob("*")))
    with made.open("wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], input=names.encode(), stdout=out, cwd=root, check=True)
    return made

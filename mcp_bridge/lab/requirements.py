# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tools of the machine a lab needs, and which Debian package brings each."""

from __future__ import annotations

import os
import shutil

from mcp_bridge.errors import LabError

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

NAMESPACE_TOOLS = {
    "ip": "iproute2",
    "nc.openbsd": "netcat-openbsd",
    "nsenter": "util-linux",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
VM_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
}
ROOT_TOOLS = {"mmdebstrap": "mmdebstrap"}
IMAGE_TOOLS = {
    **ROOT_TOOLS,
    "busybox": "busybox-static",
    "cpio": "cpio",
    "mkfs.ext4": "e2fsprogs",
    "chroot": "coreutils",
}


def tool(name: str) -> str:
    """Return the path of a tool that ``require`` has found before."""
    return shutil.which(name, path=SEARCH_PATH) or name


def require(tools: dict[str, str]) -> None:
    """Check that this machine can run a lab.

    Args:
        tools: program -> the Debian package that brings it.

    Raises:
        LabError: not root, or something is missing; names every missing package at once.
    """
    if os.geteuid() != 0:
        raise LabError("The lab needs root: it makes namespaces, mounts and disk images", hint="Run it with sudo.")
    missing = [name for name in tools if shutil.which(name, path=SEARCH_PATH) is None]
    if missing:
        packages = " ".join(sorted({tools[name] for name in missing}))
        raise LabError(f"Not installed: {', '.join(missing)}", hint=f"apt-get install -y {packages}")

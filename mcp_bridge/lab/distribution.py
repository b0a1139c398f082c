# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which distribution this machine runs: a VM of the lab runs the same one, from the same package sources."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

from mcp_bridge.errors import LabError

PACKAGES = (
    "conntrack",
    "dbus",
    "ethtool",
    "iperf3",
    "iproute2",
    "iputils-ping",
    "kmod",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
    "python3-apt",
    "systemd",
    "systemd-sysv",
    "udev",
)


@dataclass(frozen=True)
class Distribution:
    """A distribution whose packages make the image.

    Attributes:
        id: as in os-release(5), such as ``debian``.
        codename: of the release, such as ``bookworm``.
        packages: everything the image is made of; the last one brings the kernel.
        sources: the machine's own apt sources.
    """

    id: str
    codename: str
    packages: tuple[str, ...]
    sources: tuple[Path, ...]


def detect() -> Distribution:
    """Return this machine's distribution.

    Raises:
        LabError: not a 64-bit x86 machine, or not a distribution that the lab knows.
    """
    if platform.machine() != "x86_64":
        raise LabError(f"VM labs run on x86_64 only, not on {platform.machine()}", hint="Use --kernel namespace.")
    release = platform.freedesktop_os_release()
    name, codename = release.get("ID", ""), release.get("VERSION_CODENAME", "")
    sources = _sources(name)
    if name == "debian":
        return Distribution(name, codename, (*PACKAGES, "linux-image-cloud-amd64"), sources)
    if name == "ubuntu":
        return Distribution(name, codename, (*PACKAGES, "linux-image-virtual"), sources)
    system = name or "this system"
    raise LabError(f"VM labs are built on Debian or Ubuntu, not on {system}", hint="Use --kernel namespace.")


def _sources(name: str) -> tuple[Path, ...]:
    """Return the machine's apt sources for its own distribution, not those of third parties."""
    apt = Path("/etc/apt")
    candidates = (apt / "sources.list.d" / f"{name}.sources", apt / "sources.list")
    found = tuple(path for path in candidates if path.is_file() and _has_entries(path))
    if not found:
        raise LabError("No apt sources found in /etc/apt", hint="The image is built from this machine's own sources.")
    return found


def _has_entries(path: Path) -> bool:
    lines = path.read_text(encoding="utf-8").splitlines()
    return any(line.startswith(("deb ", "deb\t", "deb[", "Types:")) for line in lines)

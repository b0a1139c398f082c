# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which distribution this machine runs, and where its packages come from: hosts run a release of the same."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcp_bridge.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASES = {
    "debian": ("bullseye", "bookworm", "trixie", "forky", "sid"),
    "ubuntu": ("focal", "jammy", "noble", "resolute"),
}
KERNELS = {"debian": "linux-image-cloud-amd64", "ubuntu": "linux-image-virtual"}
# what a host needs: its kernel's tools, sshd and Python
HOST_PACKAGES = (
    "conntrack",
    "ethtool",
    "iproute2",
    "iputils-ping",
    "kmod",
    "nftables",
    "openssh-server",
    "procps",
    "python3",
)
PACKAGES = tuple(sorted((*HOST_PACKAGES, "dbus", "iperf3", "python3-apt", "systemd", "systemd-sysv", "udev")))


@dataclass(frozen=True)
class Distribution:
    """A release of a distribution.

    Attributes:
        id: as in os-release(5), such as ``debian``.
        codename: of the release, such as ``bookworm``.
        sources: what mmdebstrap takes: the machine's own files for its own release, a line for another one.
    """

    id: str
    codename: str
    sources: tuple[str, ...]

    @property
    def kernel(self) -> str:
        """The package that brings a kernel for virtual machines."""
        return KERNELS[self.id]


def detect(release: str = "") -> Distribution:
    """Return a release of this machine's distribution: its own unless another one is named.

    Raises:
        LabError: not a distribution that the lab knows, or not one of its releases.
    """
    system = platform.freedesktop_os_release()
    name, own = system.get("ID", ""), system.get("VERSION_CODENAME", "")
    if name not in RELEASES:
        raise LabError(f"Releases are built on Debian or Ubuntu, not on {name or 'this system'}")
    if release in ("", own):
        return Distribution(name, own, tuple(str(path) for path in _files(name)))
    if release not in RELEASES[name]:
        raise LabError(f"Not a known release of {name}: {release!r}", hint=f"Use {', '.join(RELEASES[name])}.")
    return Distribution(name, release, (_line(name, release),))


def _files(name: str) -> tuple[Path, ...]:
    """Return the machine's apt sources for its own distribution, not those of third parties."""
    apt = Path("/etc/apt")
    candidates = (apt / "sources.list.d" / f"{name}.sources", apt / "sources.list")
    found = tuple(path for path in candidates if path.is_file() and any(_addresses(path)))
    if not found:
        raise LabError("No apt sources found in /etc/apt", hint="Hosts are built from this machine's own sources.")
    return found


def _line(name: str, release: str) -> str:
    """Return the line of apt's sources that has a release at the place where this machine's own comes from."""
    address = next(address for path in _files(name) for address in _addresses(path) if "security" not in address)
    components = "main universe" if name == "ubuntu" else "main"
    keyring = f"/usr/share/keyrings/{name}-archive-keyring.gpg"
    return f"deb [signed-by={keyring} check-valid-until=no] {address} {release} {components}"


def _addresses(path: Path) -> Iterator[str]:
    """Yield the addresses in one of apt's source files."""
    for line in path.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] in (["URIs:"], ["deb"]):
            yield from (word for word in words[1:] if "://" in word)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds who else sets the settings of a plan on this host, from files alone: no program is run.

Whether a service runs is told by its control group, which systemd makes when it starts it.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._plan.feature_names import long_name
from .._sysctl.keys import same
from . import parse as conflicts_parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

OURS = "90-netopt.conf"
SYSCTL_FOLDERS = ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d", "lib/sysctl.d")
TUNED_FOLDERS = ("etc/tuned/profiles", "etc/tuned", "usr/lib/tuned/profiles", "usr/lib/tuned")
CONNECTION_FOLDERS = (
    "etc/NetworkManager/system-connections",
    "run/NetworkManager/system-connections",
    "usr/lib/NetworkManager/system-connections",
)
CGROUPS = ("sys/fs/cgroup", "sys/fs/cgroup/systemd", "sys/fs/cgroup/unified")
NFT_CHANGES = ("connection_limits", "rate_limits", "nat_rules", "dscp")
FORWARDING = "net.ipv4.ip_forward"
# kube-proxy sets these from its own configuration, conntrack.maxPerCore and others
KUBE_PROXY_KEYS = (
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
)
KUBE_PROXY = ("kube-proxy", ("kubelet.service", "kubepods.slice", "k3s.service"))
INCLUDES = 10  # TuneD profiles include one another; deeper than this is a circle


class ConflictingManagers:
    """Whoever else sets the settings of a plan on this host, as the files of the host say.

    Args:
        root: the folder that they are below.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = Path(root)

    def warnings(
        self, changes: Mapping[str, Any], ifaces: Sequence[str], keys: Mapping[str, str], *, persist: bool
    ) -> list[str]:
        """Return one line for each other owner of a setting of the plan.

        Args:
            changes: normalised changes as they fit the host.
            ifaces: the plan's interfaces, resolved.
            keys: the sysctl values that the plan leads to.
            persist: whether the change shall come back at boot, so that what else is read at boot matters.
        """
        found = [*self._tuned(keys), *self._interfaces(changes, ifaces), *self._firewalls(changes, keys)]
        if persist:
            found += self._sysctl_files(keys)
        elif any(changes.get(name) for name in NFT_CHANGES):
            found += self._nftables()
        return found

    def _text(self, *parts: str) -> str:
        try:
            return self._root.joinpath(*parts).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def _names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(self._root / folder))
        except OSError:
            return []

    def _runs(self, *units: str) -> bool:
        """Say whether one of some units runs."""
        return any(
            (self._root / top / parent / unit).is_dir()
            for top in CGROUPS
            for unit in units
            for parent in ("system.slice", "")
        )

    def _sysctl_files(self, keys: Mapping[str, str]) -> Iterator[str]:
        """Yield what is read at boot after our file, or by ``sysctl --system``, and says otherwise."""
        files: dict[str, tuple[str, str]] = {}
        for folder in SYSCTL_FOLDERS:
            for name in self._names(folder):
                if name.endswith(".conf") and name not in files and name > OURS:
                    files[name] = (f"/{folder}/{name}", self._text(folder, name))
        read = [(name, path, text) for name, (path, text) in files.items()]
        won = conflicts_parse.overriding(read, keys, after=OURS)
        for key, value, path in won:
            yield f"{path} sets {key} to {value} and wins at boot over {keys[key]}: take it out there."
        seen = {key for key, _value, _path in won}
        legacy = [("~", "/etc/sysctl.conf", self._text("etc/sysctl.conf"))]
        for key, value, path in conflicts_parse.overriding(legacy, keys, after=OURS):
            if key not in seen:
                yield f"{path} sets {key} to {value}, which systemd does not read and sysctl --system does."

    def tuned_owners(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return which of some kernel parameters the active TuneD profile sets to these values, with its file."""
        return {
            key: f"by TuneD ({path})"
            for key, (value, path) in self._tuned_sets().items()
            if key in values and same(key, value.lstrip("<>"), values[key])
        }

    def running_owners(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return which of some kernel parameters a service that runs is known to set, with its name."""
        owners = {FORWARDING: ("docker", ("docker.service",)), **dict.fromkeys(KUBE_PROXY_KEYS, KUBE_PROXY)}
        return {key: f"by {name}" for key, (name, units) in owners.items() if key in values and self._runs(*units)}

    def _tuned(self, keys: Mapping[str, str]) -> Iterator[str]:
        """Yield what the active TuneD profile sets."""
        for key, (value, path) in self._tuned_sets().items() if keys else ():
            if key in keys and not same(key, value.lstrip("<>"), keys[key]):
                yield f"TuneD sets {key} to {value} ({path}), and will again when it restarts."

    def _tuned_sets(self) -> dict[str, tuple[str, str]]:
        """Return what the active TuneD profile sets, with the file of each key."""
        if not (self._runs("tuned.service") or (self._root / "run/tuned/tuned.pid").exists()):
            return {}
        waiting = self._text("etc/tuned/active_profile").split()
        sets: dict[str, tuple[str, str]] = {}
        for _step in range(INCLUDES):
            if not waiting:
                break
            name = waiting.pop()
            for folder in TUNED_FOLDERS:
                text = self._text(folder, name, "tuned.conf")
                if text:
                    found = conflicts_parse.sections(text)
                    for key, value in conflicts_parse.tuned_settings(found).items():
                        sets.setdefault(key, (value, f"/{folder}/{name}/tuned.conf"))
                    waiting += (conflicts_parse.value_of(found, "main", "include") or "").replace(",", " ").split()
                    break
        return sets

    def _interfaces(self, changes: Mapping[str, Any], ifaces: Iterable[str]) -> Iterator[str]:
        """Yield what systemd and NetworkManager set of the interfaces."""
        if not _same_network_as_init():
            return  # what lies in /run is about the interfaces of another namespace
        for iface in ifaces:
            for owner, path, settings in self._owners(iface):
                for name, value in conflicts_parse.clashes(settings, changes).items():
                    yield f"{owner} sets {name} of {iface} to {value} ({path}), and will again at its next start."

    def device_owners(self, iface: str, changes: Mapping[str, Any]) -> dict[str, str]:
        """Return who sets settings of an interface, unless to something else than it has: ``by OWNER (FILE)``.

        Args:
            iface: the interface.
            changes: what it has, as the changes of a plan.

        Returns:
            By ``mtu``, ``qdisc``, the name that ethtool prints of an offload, and the flat name of a queue's setting.
        """
        found = {}
        for owner, path, settings in self._owners(iface) if _same_network_as_init() else ():
            others = conflicts_parse.clashes(settings, changes)
            found.update({long_name(name): f"by {owner} ({path})" for name in settings if name not in others})
        return found

    def _owners(self, iface: str) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Yield what systemd and NetworkManager set of an interface, with the file of each."""
        try:
            index = socket.if_nametoindex(iface)
        except OSError:
            return
        yield from self._systemd(index)
        yield from self._network_manager(index)

    def _systemd(self, index: int) -> Iterator[tuple[str, str, dict[str, str]]]:
        device = dict(line.partition("=")[::2] for line in self._text(f"run/udev/data/n{index}").splitlines())
        managed = dict(line.partition("=")[::2] for line in self._text(f"run/systemd/netif/links/{index}").splitlines())
        for owner, path in (
            ("systemd-udevd", device.get("E:ID_NET_LINK_FILE")),
            ("systemd-networkd", managed.get("NETWORK_FILE")),
        ):
            if path:
                yield (
                    owner,
                    path,
                    conflicts_parse.networkd_settings(conflicts_parse.sections(self._text(path.lstrip("/")))),
                )

    def _network_manager(self, index: int) -> Iterator[tuple[str, str, dict[str, str]]]:
        device = conflicts_parse.sections(self._text(f"run/NetworkManager/devices/{index}"))
        uuid = conflicts_parse.value_of(device, "device", "connection-uuid")
        for folder in CONNECTION_FOLDERS if uuid else ():
            for name in self._names(folder):
                profile = conflicts_parse.sections(self._text(folder, name))
                if conflicts_parse.value_of(profile, "connection", "uuid") == uuid:
                    yield "NetworkManager", f"/{folder}/{name}", conflicts_parse.networkmanager_settings(profile)

    def _firewalls(self, changes: Mapping[str, Any], keys: Mapping[str, str]) -> Iterator[str]:
        """Yield who else filters or translates packets."""
        filters = any(changes.get(name) for name in NFT_CHANGES)
        if filters and self._runs("firewalld.service"):
            yield "firewalld is active (/etc/firewalld): packets pass its rules as well, and either may drop them."
        if (changes.get("nat_rules") or FORWARDING in keys) and self._runs("docker.service"):
            yield f"docker is active (/etc/docker/daemon.json): it sets {FORWARDING} to 1 and translates addresses too."
        kube = self._runs(*KUBE_PROXY[1])
        shared = [key for key in KUBE_PROXY_KEYS if key in keys]
        if kube and (changes.get("nat_rules") or shared):
            what = ", ".join(shared) or "its own rules that translate addresses"
            yield f"Kubernetes runs here (kube-proxy's configuration): kube-proxy sets {what}."

    def _nftables(self) -> Iterator[str]:
        """Yield what would take our table away while the host runs."""
        text = self._text("etc/nftables.conf")
        if "flush ruleset" in text and self._runs_once("nftables.service"):
            yield "nftables.service flushes all tables when it is restarted (/etc/nftables.conf), ours as well."

    def _runs_once(self, unit: str) -> bool:
        """Say whether a unit without a process of its own is enabled."""
        folder = "etc/systemd/system"
        return any(
            (self._root / folder / name / unit).is_symlink() for name in self._names(folder) if name.endswith(".wants")
        )


def _same_network_as_init() -> bool:
    try:
        return os.path.samefile("/proc/1/ns/net", "/proc/self/ns/net")
    except OSError:
        return False

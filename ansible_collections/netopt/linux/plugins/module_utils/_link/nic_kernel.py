# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and sets what a device has of ``nic.py`` over netlink, and of ``steering.py`` in the files of its queues."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import text_of
from .._netlink.ethtool import EthtoolSocket, NoEthtoolFamilyError
from .._netlink.route_socket import KernelRefusedError
from .._plan.nic_words import GROUPS, OF_LINK, PROMISC, TXQUEUELEN
from . import nic, steering
from .steering import EACH, MASKS, QUEUES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .._host.commands import Tools

NEGOTIATED = "While autoneg is on both ends of the link decide on pause frames: turn it off as well, or leave this out."
NODES = "/sys/devices/system/node"


def read_nic(iface: str, groups: Iterable[str], link: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``nic`` and ``nic_most`` of an interface, as far as groups are asked for; see ``nic.py``.

    Args:
        iface: the interface.
        groups: of ``GROUPS``, and words of ``OF_LINK``.
        link: as ``ip -j link`` shows it.
    """
    found: dict[str, Any] = {"nic": {}, "nic_most": {}}
    asked = [group for group in groups if group in GROUPS]
    try:
        with EthtoolSocket() as kernel:
            for group in asked:
                _read_group(kernel, iface, group, found)
    except NoEthtoolFamilyError:
        found["no_ethtool"] = True
    if TXQUEUELEN in groups:
        found["nic"][TXQUEUELEN] = link.get("txqlen", 0)
    if PROMISC in groups:
        found["nic"][PROMISC] = "PROMISC" in link.get("flags", ())
    return found


def _read_group(kernel: EthtoolSocket, iface: str, group: str, found: dict[str, Any]) -> None:
    """Add the settings of one group; where a driver does not say, as of a device that sleeps, why."""
    try:
        values, most = kernel.read(iface, group)
    except KernelRefusedError as error:
        found.setdefault("nic_refused", {})[group] = error.words
        return
    found["nic"].update({f"{group}.{word}": value for word, value in values.items()})
    found["nic_most"].update({f"{group}.{word}": value for word, value in most.items()})


def probe(iface: str, wanted: Mapping[str, Any], link: Mapping[str, Any]) -> None:
    """Have the kernel say whether settings can be set at all, by setting them to what they are: it does nothing then.

    Raises:
        NetoptError: it refuses.
    """
    for group in nic.groups_of(wanted):
        names = [name for name in wanted if name.startswith(f"{group}.")]
        if group not in GROUPS:
            continue
        try:
            with EthtoolSocket() as kernel:
                kernel.write(iface, group, {name.partition(".")[2]: link["nic"][name] for name in names})
        except KernelRefusedError as error:
            raise nic.not_settable(iface, group, None if error.errno == errno.EOPNOTSUPP else error.words) from None


def read_steering(iface: str) -> dict[str, Any]:
    """Return ``steering`` and ``cpus`` of an interface; no queues where ``/sys`` is of another network namespace."""
    found: dict[str, dict[str, Any]] = {}
    folder = f"{steering.BASE}/{iface}/queues"
    if _is_here(iface):
        for queue in sorted(os.listdir(folder), key=lambda name: (name[:2], int(name[3:]))):
            for word in (word for word, kind in QUEUES.items() if queue.startswith(f"{kind}-")):
                text = _text(f"{folder}/{queue}/{word}")
                if text is not None:
                    found.setdefault(word, {})[queue] = steering.list_of_mask(text) if word in MASKS else int(text)
    node = _text(f"{steering.BASE}/{iface}/device/numa_node") or "-1"
    nodes = [name for name in _names(NODES) if name[:4] == "node" and name[4:].isdigit()]
    cpus = {
        "online": _text(steering.ONLINE) or "0",
        "numa": _text(f"{NODES}/node{node}/cpulist") if f"node{node}" in nodes else None,
        "nodes": len(nodes),
    }
    return {"steering": found, "cpus": cpus}


def _is_here(iface: str) -> bool:
    """Return whether ``/sys`` is of this network namespace, as far as an interface can tell."""
    try:
        return int(_text(f"{steering.BASE}/{iface}/ifindex") or 0) == socket.if_nametoindex(iface)
    except OSError:
        return False


def _text(path: str) -> str | None:
    """Return what a file of the kernel says; ``None`` where it says nothing, as of a single queue."""
    try:
        return text_of(path).strip()
    except OSError:
        return None


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def set_nic(todo: Mapping[str, Any], tools: Tools) -> None:
    """Set some settings of one group, and read them back.

    Raises:
        NetoptError: the kernel or the driver refuses, or the device keeps another value.
    """
    iface, group, values = todo["iface"], todo["group"], todo["values"]
    if group in OF_LINK:
        tools.run(["ip", "link", "set", "dev", iface, group, nic.said(values[group])], stage="apply")
        return
    by_word = {name.partition(".")[2]: value for name, value in values.items()}
    key = f"{iface} {' '.join(values)}"
    wanted = " ".join(f"{word} {nic.said(value)}" for word, value in by_word.items())
    try:
        with EthtoolSocket() as kernel:
            kernel.write(iface, group, by_word)
            kept, _most = kernel.read(iface, group)
    except (KernelRefusedError, NoEthtoolFamilyError) as error:
        raise NetoptError(
            f"The kernel refused {nic.command(iface, group, values)}: {error}",
            stage="apply",
            key=key,
            wanted=wanted,
            after=str(error),
            hint=f"ethtool -{nic.LETTERS[group].lower()} {iface} shows what the device takes.",
        ) from None
    for word, value in by_word.items():
        if kept.get(word) != value:
            raise NetoptError(
                f"{group}.{word} of {iface} was set to {nic.said(value)}, but the device keeps "
                f"{nic.said(kept.get(word))}",
                stage="verify",
                key=f"{iface} {group}.{word}",
                wanted=nic.said(value),
                after=nic.said(kept.get(word)),
                hint=NEGOTIATED
                if kept.get("autoneg") is True
                else "The driver rounds or bounds it: ask for a value that it keeps.",
            )


def set_steering(todo: Mapping[str, Any]) -> None:
    """Write what the queues of a device shall have.

    Raises:
        NetoptError: the kernel refuses, or keeps another value.
    """
    iface, word, values = todo["iface"], todo["word"], todo["values"]
    folder = f"{steering.BASE}/{iface}/queues"
    queues = [queue for queue in _names(folder) if queue.startswith(f"{QUEUES[word]}-")] if EACH in values else values
    for queue in queues:
        path, value = f"{folder}/{queue}/{word}", values.get(EACH, values.get(queue))
        if not os.path.exists(path):  # another number of channels took it
            continue
        try:
            with open(path, "w", encoding="ascii") as stream:
                stream.write(steering.written(word, value))
            kept = text_of(path).strip()
        except OSError as error:
            raise _refused(iface, word, f"The kernel refused to set {path}: {error.strerror}", value, None) from None
        if (steering.list_of_mask(kept) if word in MASKS else int(kept)) != value:
            message = f"{path} was set to {value or 'none'}, but the kernel keeps {kept}"
            raise _refused(iface, word, message, value, kept)


def _refused(iface: str, word: str, message: str, value: Any, kept: str | None) -> NetoptError:
    return NetoptError(
        message,
        stage="apply",
        key=f"{iface} {word}",
        wanted=str(value),
        after=kept,
        hint="CPUs that the kernel keeps free of such work (isolcpus) cannot be named, and /sys has to be writable.",
    )

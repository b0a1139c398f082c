# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of ``changes.nic`` and ``changes.steering``, and a flat name for each, e.g. ``rings.rx``. Pure.

Words are those of ethtool(8) with ``_`` for ``-``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NIC, STEERING = "nic", "steering"
BY_NAME = (NIC, STEERING)  # fields of changes of which each flat name is a section of its own
MAX = "max"  # as many as the device can
RINGS = ("rx", "tx", "rx_mini", "rx_jumbo")
CHANNELS = ("combined", "rx", "tx", "other")
PAUSE = ("autoneg", "rx", "tx")
COALESCE_FLAGS = ("adaptive_rx", "adaptive_tx", "cqe_mode_rx", "cqe_mode_tx")
COALESCE_NUMBERS = (
    *("rx_usecs", "rx_frames", "rx_usecs_irq", "rx_frames_irq", "tx_usecs", "tx_frames", "tx_usecs_irq"),
    *("tx_frames_irq", "stats_block_usecs", "pkt_rate_low", "rx_usecs_low", "rx_frames_low", "tx_usecs_low"),
    *("tx_frames_low", "pkt_rate_high", "rx_usecs_high", "rx_frames_high", "tx_usecs_high", "tx_frames_high"),
    *("sample_interval", "tx_aggr_max_bytes", "tx_aggr_max_frames", "tx_aggr_time_usecs"),
)
# in the order in which they are set: a driver makes rings anew for another number of channels
GROUPS = {"channels": CHANNELS, "rings": RINGS, "coalesce": (*COALESCE_FLAGS, *COALESCE_NUMBERS), "pause": PAUSE}
TXQUEUELEN, PROMISC = OF_LINK = ("txqueuelen", "promisc")  # what ip link sets
NIC_NAMES = (*(f"{group}.{word}" for group, words in GROUPS.items() for word in words), *OF_LINK)

PER_QUEUE = ("rps_cpus", "rps_flow_cnt", "xps_cpus")  # files of each queue in /sys
RFS_ENTRIES = "rfs_entries"
RFS_KEY = "net.core.rps_sock_flow_entries"  # the kernel parameter that it is
STEERING_NAMES = (*PER_QUEUE, RFS_ENTRIES)
ALL_CPUS, NUMA, NO_CPUS = "all", "numa", "none"
CPUS_WANTED = "a list such as 0-3,8, or all, numa (those of the device's node) or none"
LIST_MAX = 1024  # characters
_LIST = pattern(r"[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?)*")


def cpus_of(text: str) -> set[int]:
    """Return the CPUs of a list such as ``0-3,8``, as the kernel writes it."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _dash, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def list_of(cpus: Iterable[int]) -> str:
    """Return CPUs as a list, empty for none."""
    ranges: list[list[int]] = []
    for cpu in sorted(cpus):
        if ranges and cpu == ranges[-1][1] + 1:
            ranges[-1][1] = cpu
        else:
            ranges.append([cpu, cpu])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def cpu_list(text: str) -> str | None:
    """Return CPUs that a plan names as the kernel lists them, or as the word for some; ``None`` where it is neither."""
    if text in (ALL_CPUS, NUMA, NO_CPUS):
        return text
    if len(text) > LIST_MAX or not _LIST.fullmatch(text):
        return None
    if any(not cpus_of(part) for part in text.split(",")):  # a range from more to less
        return None
    return list_of(cpus_of(text))


def is_max(name: str, value: Any) -> bool:
    """Return whether a value of a plan is as much as the device can, which its host knows.

    Args:
        name: where it stands below ``changes``.
        value: any.
    """
    return name.startswith(f"{NIC}.") and value == MAX


def flat(field: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a plan says of ``nic`` or ``steering``, by flat name; null stands for all that is below it.

    Args:
        field: ``nic`` or ``steering``.
        value: what the plan says; only known words in it.
    """
    if value is None:
        return dict.fromkeys(NIC_NAMES if field == NIC else STEERING_NAMES)
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if field == NIC and name in GROUPS:
            words = dict.fromkeys(GROUPS[name]) if inner is None else inner
            found.update({f"{name}.{word}": said for word, said in words.items()})
        else:
            found[name] = inner
    return found


def nested(names: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``flat`` gave as a plan has it."""
    found: dict[str, Any] = {}
    for name, said in names.items():
        group, dot, word = name.partition(".")
        if dot:
            found.setdefault(group, {})[word] = said
        else:
            found[name] = said
    return found


def with_counts(words: dict[str, Any], path: str) -> None:
    """Make numbers of what an option of Ansible has as text, where it is not ``max``.

    Args:
        words: of rings or channels; altered.
        path: where they stand.

    Raises:
        NetoptError: one is neither.
    """
    for word, text in words.items():
        if text != MAX and not (text.isascii() and text.isdecimal()):
            raise NetoptError(
                f"{path}.{word} is {text!r}, wanted a whole number or {MAX}", stage="plan", key=f"{path}.{word}"
            )
        words[word] = text if text == MAX else int(text)


def power_of_two(count: int) -> int:
    """Return the size that the kernel gives a table of flows: the next power of two, or none at all."""
    return 1 << (count - 1).bit_length() if count > 0 else 0

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and sets rings, channels, coalescing and pause frames over the kernel's netlink family ``ethtool``.

As of Linux 5.7 (Documentation/networking/ethtool-netlink.rst). The program ethtool prints JSON of them since 6.10 only.
"""

from __future__ import annotations

import errno
import struct
from typing import TYPE_CHECKING, NamedTuple, Union

from . import messages as rt
from .route_socket import KernelRefusedError, RouteSocket

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    Value = Union[int, bool]

NETLINK_GENERIC, GENL_ID_CTRL = 16, 16
CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 3, 1, 2
GENL_HEADER_BYTES = 4  # struct genlmsghdr: command, version, reserved
FAMILY = "ethtool"
U16 = struct.Struct("=H")
A_HEADER, A_HEADER_DEV_NAME = 1, 2


class Messages(NamedTuple):
    """The two commands of a group of settings, and its attributes by the words of a plan.

    Attributes:
        get: the command that asks.
        set: the command that sets.
        values: numbers of attributes.
        most: numbers of the attributes that say how much the device can.
        flags: words that are on or off; the others are numbers.
    """

    get: int
    set: int
    values: Mapping[str, int]
    most: Mapping[str, int] = {}
    flags: frozenset[str] = frozenset()


# include/uapi/linux/ethtool_netlink.h
_COALESCE = (
    *("rx_usecs", "rx_frames", "rx_usecs_irq", "rx_frames_irq", "tx_usecs", "tx_frames", "tx_usecs_irq"),
    *("tx_frames_irq", "stats_block_usecs", "adaptive_rx", "adaptive_tx", "pkt_rate_low", "rx_usecs_low"),
    *("rx_frames_low", "tx_usecs_low", "tx_frames_low", "pkt_rate_high", "rx_usecs_high", "rx_frames_high"),
    *("tx_usecs_high", "tx_frames_high", "sample_interval", "cqe_mode_tx", "cqe_mode_rx", "tx_aggr_max_bytes"),
    *("tx_aggr_max_frames", "tx_aggr_time_usecs"),
)
MESSAGES = {
    "rings": Messages(
        15,
        16,
        {"rx": 6, "rx_mini": 7, "rx_jumbo": 8, "tx": 9},
        {"rx": 2, "rx_mini": 3, "rx_jumbo": 4, "tx": 5},
    ),
    "channels": Messages(
        17,
        18,
        {"rx": 6, "tx": 7, "other": 8, "combined": 9},
        {"rx": 2, "tx": 3, "other": 4, "combined": 5},
    ),
    "coalesce": Messages(
        19,
        20,
        {word: number for number, word in enumerate(_COALESCE, start=2)},
        flags=frozenset({"adaptive_rx", "adaptive_tx", "cqe_mode_rx", "cqe_mode_tx"}),
    ),
    "pause": Messages(21, 22, {"autoneg": 2, "rx": 3, "tx": 4}, flags=frozenset({"autoneg", "rx", "tx"})),
}


class NoEthtoolFamilyError(Exception):
    """This kernel has no netlink family ``ethtool``."""


class EthtoolSocket:
    """A socket of the netlink family ``ethtool`` in the namespace of the process; use it in a ``with`` block.

    Raises:
        NoEthtoolFamilyError: the kernel has none.
    """

    def __init__(self) -> None:
        self._socket = RouteSocket(NETLINK_GENERIC)
        asked = rt.text(CTRL_ATTR_FAMILY_NAME, FAMILY)
        try:
            body = self._socket.ask(GENL_ID_CTRL, _generic(CTRL_CMD_GETFAMILY) + asked)
        except KernelRefusedError as error:
            self._socket.close()
            raise NoEthtoolFamilyError(error.words) from None
        told = dict(rt.attributes(body[GENL_HEADER_BYTES:]))
        self._family = int(U16.unpack_from(told[CTRL_ATTR_FAMILY_ID])[0])

    def __enter__(self) -> EthtoolSocket:  # noqa: PYI034 - typing.Self came with 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def read(self, iface: str, group: str) -> tuple[dict[str, Value], dict[str, int]]:
        """Return the settings of a group that a device has, and how much it can; empty where it has none of them.

        Args:
            iface: the interface.
            group: a key of ``MESSAGES``.

        Raises:
            KernelRefusedError: the kernel says something else than that there are none.
        """
        known = MESSAGES[group]
        try:
            body = self._socket.ask(self._family, _generic(known.get) + _device(iface))
        except KernelRefusedError as error:
            if error.errno == errno.EOPNOTSUPP:
                return {}, {}
            raise
        told = dict(rt.attributes(body[GENL_HEADER_BYTES:]))
        values: dict[str, Value] = {}
        for word, number in known.values.items():
            if number in told:
                values[word] = bool(told[number][0]) if word in known.flags else rt.as_u32(told[number])
        return values, {word: rt.as_u32(told[number]) for word, number in known.most.items() if number in told}

    def write(self, iface: str, group: str, values: Mapping[str, Value]) -> None:
        """Set some settings of a group. With those that the device has, nothing is done, but what it lacks is refused.

        Args:
            iface: the interface.
            group: a key of ``MESSAGES``.
            values: by word.

        Raises:
            KernelRefusedError: the kernel or the driver refuses.
        """
        known = MESSAGES[group]
        body = _generic(known.set) + _device(iface)
        for word, value in values.items():
            number = known.values[word]
            body += rt.attribute(number, bytes([bool(value)])) if word in known.flags else rt.u32(number, value)
        self._socket.change([(self._family, 0, body)])


def _generic(command: int) -> bytes:
    return bytes([command, 1, 0, 0])


def _device(iface: str) -> bytes:
    """Return the attribute that says which device a message is about."""
    return rt.attribute(A_HEADER | rt.NESTED, rt.text(A_HEADER_DEV_NAME, iface))

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the kernel about nftables without a program, over nfnetlink (linux/netfilter/nf_tables.h), in microseconds.

Whether table ``inet netopt`` finds classes: a plan that replaces a large tree with a small one must not leave the large
one's maps behind, and most plans that say nothing of nftables need not read it. And how often the rules have changed:
as long as that number stays, they need not be read again.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

from .._host.kernel_modules import loaded
from .._netlink import messages as rt
from .._tc.intent import CHAIN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

NETLINK_NETFILTER = 12
NEWCHAIN, GETCHAIN = 10 << 8 | 3, 10 << 8 | 4  # NFNL_SUBSYS_NFTABLES
NEWTABLE, GETTABLE = 10 << 8 | 0, 10 << 8 | 1
NEWGEN, GETGEN = 10 << 8 | 15, 10 << 8 | 16
TABLE_NAME = 1
CHAIN_TABLE, CHAIN_NAME = 1, 3
GEN_ID = 1
NFGENMSG = struct.pack("=BBH", 1, 0, 0)  # NFPROTO_INET, NFNETLINK_V0
ALL_FAMILIES = struct.pack("=BBH", 0, 0, 0)  # NFPROTO_UNSPEC
TIMEOUT_S = 5.0
RECEIVE_BYTES = 1 << 16


def finds_classes() -> bool:
    """Return whether table ``inet netopt`` has a chain that finds classes. Loads no module of the kernel."""
    modules = loaded()
    if modules and "nf_tables" not in modules and not os.path.exists("/sys/module/nf_tables"):
        return False  # not there; asking would load it. One that is built in without parameters asks for nothing
    return any(reply.type == NEWCHAIN and _finds(reply.body) for reply in _answers(GETCHAIN, rt.NLM_F_DUMP))


def generation() -> tuple[int, int] | None:
    """Return what changes with every change to the rules of this network namespace, whoever makes it.

    Counters and what packets put into sets are no changes to rules. ``None`` where the kernel does not say.
    """
    for reply in _answers(GETGEN, 0):
        number = dict(rt.attributes(reply.body[len(NFGENMSG) :])).get(GEN_ID) if reply.type == NEWGEN else None
        if number is not None:
            return os.stat("/proc/self/ns/net").st_ino, int.from_bytes(number, "big")
    return None


def is_last_table() -> bool:
    """Return whether no table stands behind ``inet netopt``, in the order in which the ruleset is listed."""
    last = None
    for reply in _answers(GETTABLE, rt.NLM_F_DUMP, ALL_FAMILIES):
        if reply.type == NEWTABLE:
            told = dict(rt.attributes(reply.body[len(NFGENMSG) :]))
            last = reply.body[:1], rt.as_text(told.get(TABLE_NAME, b""))
    return last in (None, (NFGENMSG[:1], "netopt"))


def _answers(kind: int, flags: int, asked_for: bytes = NFGENMSG) -> Iterator[rt.Message]:
    """Yield the kernel's answers to a question; none where it has no nfnetlink."""
    try:
        asked = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    except OSError:
        return
    with asked:
        asked.settimeout(TIMEOUT_S)
        asked.bind((0, 0))
        asked.send(rt.message(kind, rt.NLM_F_REQUEST | flags, 1, asked_for))
        while True:
            for reply in rt.messages(asked.recv(RECEIVE_BYTES)):
                if reply.type in (rt.NLMSG_DONE, rt.NLMSG_ERROR):
                    return
                yield reply
                if not flags:
                    return


def _finds(body: bytes) -> bool:
    """Return whether a dumped chain is one of ours that finds classes."""
    told = dict(rt.attributes(body[len(NFGENMSG) :]))
    ours = rt.as_text(told.get(CHAIN_TABLE, b"")) == "netopt"
    return ours and rt.as_text(told.get(CHAIN_NAME, b"")).startswith(CHAIN_PREFIX + "_")

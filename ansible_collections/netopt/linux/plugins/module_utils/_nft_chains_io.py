# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the kernel whether table ``inet netopt`` finds classes, without a program: most plans then need not read it.

One dump over nfnetlink (linux/netfilter/nf_tables.h) takes microseconds; a plan that replaces a large tree with a
small one must not leave the large one's maps behind.
"""

from __future__ import annotations

import os
import socket
import struct

from . import _rtnetlink as rt
from ._modules_io import loaded
from ._tc_intent import CHAIN_PREFIX

NETLINK_NETFILTER = 12
NEWCHAIN, GETCHAIN = 10 << 8 | 3, 10 << 8 | 4  # NFNL_SUBSYS_NFTABLES
CHAIN_TABLE, CHAIN_NAME = 1, 3
NFGENMSG = struct.pack("=BBH", 1, 0, 0)  # NFPROTO_INET, NFNETLINK_V0
TIMEOUT_S = 5.0
RECEIVE_BYTES = 1 << 16


def finds_classes() -> bool:
    """Return whether table ``inet netopt`` has a chain that finds classes. Loads no module of the kernel."""
    modules = loaded()
    if modules and "nf_tables" not in modules and not os.path.exists("/sys/module/nf_tables"):
        return False  # not there; asking would load it. One that is built in without parameters asks for nothing
    try:
        asked = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    except OSError:
        return False  # a kernel without nfnetlink
    with asked:
        asked.settimeout(TIMEOUT_S)
        asked.bind((0, 0))
        asked.send(rt.message(GETCHAIN, rt.NLM_F_REQUEST | rt.NLM_F_DUMP, 1, NFGENMSG))
        while True:
            for reply in rt.messages(asked.recv(RECEIVE_BYTES)):
                if reply.type in (rt.NLMSG_DONE, rt.NLMSG_ERROR):
                    return False
                if reply.type == NEWCHAIN and _finds(reply.body):
                    return True


def _finds(body: bytes) -> bool:
    """Return whether a dumped chain is one of ours that finds classes."""
    told = dict(rt.attributes(body[len(NFGENMSG) :]))
    ours = rt.as_text(told.get(CHAIN_TABLE, b"")) == "netopt"
    return ours and rt.as_text(told.get(CHAIN_NAME, b"")).startswith(CHAIN_PREFIX + "_")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the steps for filters and chains: chains and tables that no dump lists go and come as wholes."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc.filter_steps import filter_steps
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import TcObject
from ansible_collections.netopt.linux.plugins.module_utils._tc.show_parse import command_of

HOOK, IP = 0xFFFFFFF2, 0x0008
PREF = 0x10000


def chain(number: int, kind: str = "", options: bytes | None = None) -> TcObject:
    """Return a chain at the ingress hook, with a template where it has a kind."""
    return TcObject("chain", kind, 0, HOOK, chain=number, options=options)


def matchall(pref: int, number: int) -> TcObject:
    """Return a filter of matchall in a chain."""
    return TcObject("filter", "matchall", 1, HOOK, pref * PREF | IP, number, b"")


def table(pref: int, number: int) -> TcObject:
    """Return a hash table of u32."""
    return TcObject("filter", "u32", number << 20, HOOK, pref * PREF | IP, 0, rt.u32(4, 1))


def node(pref: int, number: int) -> TcObject:
    """Return a node of u32 in a table."""
    return TcObject("filter", "u32", number << 20 | 1, HOOK, pref * PREF | IP, 0, b"")


def commands(current: list[TcObject], wanted: list[TcObject]) -> list[str]:
    """Return the steps as the commands that an operator would type, without the interface."""
    deletions, creations = filter_steps(current, wanted, lambda _handle: False)
    return [
        command_of("eth0", verb, one).replace("tc ", "").replace(" dev eth0", "") for verb, one in deletions + creations
    ]


def unlisted(*found: TcObject) -> list[TcObject]:
    """Return tables and nodes of u32 as those of a preference that was deleted by hand."""
    return [TcObject(**{**vars(one), "info": 0}) for one in found]


LINKING = [table(9, 0x800), node(9, 0x800)]
TEMPLATE = rt.u32(1, 5)
CASES = {
    "an empty chain goes": ([chain(7)], [], ["chain del ingress chain 7"]),
    "an empty chain comes": ([], [chain(7)], ["chain add ingress chain 7"]),
    "an empty chain stays": ([chain(7)], [chain(7)], []),
    "filters alone make their chain": (
        [],
        [matchall(1, 9)],
        ["filter add ingress protocol ip pref 1 chain 9 handle 0x1 matchall"],
    ),
    "a chain that is emptied goes as a whole": ([matchall(1, 9), matchall(2, 9)], [], ["chain del ingress chain 9"]),
    "chain 0 stays when it is emptied": ([matchall(1, 0)], [], ["filter del ingress protocol ip pref 1"]),
    "a chain with filters is to be empty": (
        [matchall(1, 9)],
        [chain(9)],
        ["chain del ingress chain 9", "chain add ingress chain 9"],
    ),
    "another template takes the filters along": (
        [chain(4, "flower", TEMPLATE), matchall(1, 4)],
        [chain(4, "flower", b""), matchall(1, 4)],
        [
            "chain del ingress chain 4",
            "chain add ingress chain 4 flower with the template's match",
            "filter add ingress protocol ip pref 1 chain 4 handle 0x1 matchall",
        ],
    ),
    "tables alone need no placeholder": (
        [],
        [table(9, 0x43), table(9, 0x42), table(9, 0x800)],
        [
            "filter add ingress protocol ip pref 9 handle 42: u32",
            "filter add ingress protocol ip pref 9 handle 43: u32",
        ],
    ),
    "tables beside a node": (
        [],
        [table(9, 0x42), table(9, 0x800), node(9, 0x800)],
        [
            "filter add ingress protocol ip pref 9 handle 800::ffe u32",
            "filter add ingress protocol ip pref 9 handle 42: u32",
            "filter add ingress protocol ip pref 9 handle 800::1 u32",
            "filter del ingress protocol ip pref 9 handle 800::ffe u32",
        ],
    ),
    "what no dump lists is made by a preference that goes again": (
        [],
        [*LINKING, *unlisted(table(3, 1), node(3, 1))],
        [
            "filter add ingress protocol ip pref 9 handle 800::ffe u32",
            "filter add ingress protocol all pref 65535 handle 1: u32",
            "filter add ingress protocol ip pref 9 handle 800::1 u32",
            "filter add ingress protocol all pref 65535 handle 1::1 u32",
            "filter del ingress protocol ip pref 9 handle 800::ffe u32",
            "filter del ingress protocol all pref 65535",
        ],
    ),
    "what no dump lists goes with the last that is listed": (
        [*LINKING, *unlisted(table(3, 1), node(3, 1))],
        LINKING,
        ["filter del ingress protocol ip pref 9", "filter add ingress protocol ip pref 9 handle 800::1 u32"],
    ),
    "what no dump lists stays where it is to stay": (
        [*LINKING, *unlisted(table(3, 1), node(3, 1))],
        [*LINKING, *unlisted(table(3, 1), node(3, 1))],
        [],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_steps(name: str) -> None:
    """Deletions first, a chain before its filters."""
    current, wanted, steps = CASES[name]
    assert commands(current, wanted) == steps

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the parts of a tree: hooks are known by their place, and what shares their handle is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import HOOKS, INGRESS, ROOT, TcObject, packed
from ansible_collections.netopt.linux.plugins.module_utils._tc.root_and_ingress import gives_back, part, refuse_unshown

HOOK = TcObject("qdisc", "ingress", HOOKS, INGRESS, options=b"")
QUEUE = TcObject("qdisc", "bfifo", HOOKS, ROOT, options=b"\1\0\0\0")
BY_NAME = TcObject("filter", "u32", 1, 0xFFFFFFF2, 1, 0, b"")
BY_HANDLE = TcObject("filter", "u32", 1, HOOKS, 1, 0, b"", ingress=True)
OF_THE_QUEUE = TcObject("filter", "u32", 1, HOOKS, 1, 0, b"")
TO_NOWHERE = TcObject("filter", "u32", 0x80000800, 0xFFFFFFF2, 1, 0, b"", devices=("*",))
TABLE = TcObject("filter", "u32", 0x80000000, 0xFFFFFFF2, 1, 0, b"")
CLSACT = TcObject("qdisc", "clsact", HOOKS, INGRESS, options=b"")


def state(*found: TcObject) -> dict[str, Any]:
    """Return a State of one interface, without a device of ours."""
    return {"interfaces": {"eth0": {"link": {}, "default": False, **packed(found)}, "ifb-eth0": None}}


def test_hooks_are_known_by_their_place() -> None:
    """The handle ffff: alone makes nothing a hook."""
    found = [HOOK, QUEUE, BY_NAME, BY_HANDLE, OF_THE_QUEUE]
    assert part(found, hooks=True) == [HOOK, BY_NAME, BY_HANDLE]
    assert part(found, hooks=False) == [QUEUE, OF_THE_QUEUE]


@pytest.mark.parametrize(
    ("found", "shaper", "refused"),
    [
        ((QUEUE,), {"egress_mbit": 5}, False),
        ((QUEUE,), {"egress_mbit": 5, "ingress_mbit": 5}, False),
        ((QUEUE,), {"ingress_mbit": 5}, True),
        ((QUEUE, HOOK), {"egress_mbit": 5}, True),
        ((QUEUE, HOOK), {"ingress_mbit": 5}, True),
        ((HOOK,), {"egress_mbit": 5, "ingress_mbit": 5}, False),
    ],
)
def test_a_queue_with_the_handle_of_the_hook(
    found: tuple[TcObject, ...], shaper: dict[str, Any], *, refused: bool
) -> None:
    """A plan that would have both, or finds both, is refused with the queue named."""
    asked = intent({"shaper": shaper}, ("eth0",))
    if not refused:
        refuse_unshown(asked, state(*found))
        return
    with pytest.raises(NetoptError, match="eth0 qdisc root has the handle ffff:"):
        refuse_unshown(asked, state(*found))


@pytest.mark.parametrize(
    ("found", "given"),
    [
        ((HOOK, TABLE, TO_NOWHERE), True),
        ((HOOK,), True),
        ((HOOK, BY_NAME), False),
        ((HOOK, TABLE, TO_NOWHERE, BY_NAME), False),
        ((CLSACT, TABLE, TO_NOWHERE), False),
        ((), False),
    ],
)
def test_hooks_whose_device_was_removed_by_hand(found: tuple[TcObject, ...], *, given: bool) -> None:
    """What only led to our device goes with the plan; what others have put there is left alone."""
    calm = replace(intent({}, ("eth0",)), former_hook={"hook": {"objects": []}, "device": None})
    assert gives_back(calm, state(*found), "eth0") is given
    assert not gives_back(intent({}, ("eth0",)), state(*found), "eth0")

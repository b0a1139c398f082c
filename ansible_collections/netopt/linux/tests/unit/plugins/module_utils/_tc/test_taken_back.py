# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of what is made of a dump so that the kernel takes it back."""

from __future__ import annotations

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc.taken_back import replayable, resent

OPTION = rt.attribute(1, b"\1\2") + rt.attribute(2, b"\x80") + rt.attribute(3, b"\0\x88\0\x22")
OTHER = rt.attribute(1, b"\4\x08") + rt.attribute(2, b"\x42") + rt.attribute(3, bytes(8))
DUMPED = rt.attribute(1, OPTION + OTHER)
APART = rt.attribute(1, OPTION) + rt.attribute(1, OTHER)
ENTRIES = rt.attribute(2, rt.attribute(1, rt.u32(4, 300000)))


@pytest.mark.parametrize("place", [84, 85])
def test_options_of_a_tunnel_go_apart_in_flower(place: int) -> None:
    """Each option of geneve is sent by itself, in the key and in the mask."""
    assert replayable("flower", rt.attribute(place, DUMPED), (), {}) == rt.attribute(place, APART)


def test_options_of_a_tunnel_go_apart_in_an_action() -> None:
    """The action tunnel_key gets each option of geneve by itself, too."""
    action = rt.text(1, "tunnel_key") + rt.attribute(2, rt.attribute(11, DUMPED))
    sent = replayable("matchall", rt.attribute(2, rt.attribute(1, action)), (), {})
    assert rt.attribute(11, APART) in sent
    assert DUMPED not in sent


def test_other_options_of_a_tunnel_stay() -> None:
    """What is not of geneve is sent as it was dumped."""
    vxlan = rt.attribute(84, rt.attribute(2, rt.u32(1, 7)))
    assert replayable("flower", vxlan, (), {}) == vxlan


def test_a_schedule_that_has_not_begun_is_sent_as_the_first() -> None:
    """A taprio that follows no schedule yet gets the one that it was to follow."""
    clock = rt.u32(5, 11)
    assert resent("taprio", clock + rt.attribute(7, ENTRIES)) == clock + ENTRIES


def test_a_schedule_that_is_followed_stays() -> None:
    """A taprio that follows a schedule is sent as it was dumped."""
    assert resent("taprio", ENTRIES + rt.attribute(7, ENTRIES)) == ENTRIES + rt.attribute(7, ENTRIES)

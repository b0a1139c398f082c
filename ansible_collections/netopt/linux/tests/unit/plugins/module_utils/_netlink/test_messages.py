# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the netlink codec."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt

ATTRIBUTES = st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=6)


@given(ATTRIBUTES)
def test_attributes_come_back(pairs: list[tuple[int, bytes]]) -> None:
    """What was put into attributes is what is read from them, in order."""
    assert rt.attributes(b"".join(rt.attribute(number, payload) for number, payload in pairs)) == pairs


def test_flag_bits() -> None:
    """The flag bits of an attribute are left out, unless they are asked for."""
    data = rt.attribute(5 | rt.NESTED, b"")
    assert rt.attributes(data) == [(5, b"")]
    assert rt.attributes(data, flags=True) == [(5 | rt.NESTED, b"")]


@pytest.mark.parametrize("data", [b"\x09\x00\x01\x00abcd", b"\x03\x00\x01\x00"])
def test_attributes_that_lie(data: bytes) -> None:
    """A length that does not fit is an error, not a wrong value."""
    with pytest.raises(ValueError, match="attribute 1 claims"):
        rt.attributes(data)


@given(st.lists(st.tuples(st.integers(16, 99), st.binary(max_size=30)), max_size=5))
def test_messages_come_back(pairs: list[tuple[int, bytes]]) -> None:
    """Messages one behind the other are told apart; padding stays with the sender."""
    data = b"".join(rt.message(kind, 0, place, body) for place, (kind, body) in enumerate(pairs))
    assert [(one.type, one.sequence, one.body) for one in rt.messages(data)] == [
        (kind, place, body) for place, (kind, body) in enumerate(pairs)
    ]


@pytest.mark.parametrize("capped", [True, False])
def test_error_text(capped: bool) -> None:  # noqa: FBT001 - a case of the table
    """The kernel's words are found behind the quoted request, whole or capped."""
    request = rt.message(36, 0, 7, b"some body")
    quoted = request[:16] if capped else request
    body = struct.pack("=i", -22) + quoted + rt.text(rt.NLMSGERR_ATTR_MSG, "Invalid qdisc name")
    flags = rt.NLM_F_ACK_TLVS | (rt.NLM_F_CAPPED if capped else 0)
    assert rt.error_of(rt.Message(rt.NLMSG_ERROR, flags, 7, body)) == (22, "Invalid qdisc name")


def test_acknowledgement() -> None:
    """An error of 0 is an acknowledgement."""
    assert rt.error_of(rt.Message(rt.NLMSG_ERROR, 0, 7, bytes(20))) == (0, "")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the tables that packets are led to."""

from __future__ import annotations

from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._tc.u32_tables import filters

FRAGMENT = "match ip6 protocol 44 0xff"
FIRST = "match u16 0x0000 0xfff8 at 42"


def led(*matches: dict[str, Any]) -> list[str]:
    """Return the ways of fragments of IPv6 to their tables."""
    found = filters([{"classid": "1:10", "match": list(matches)}])
    return [text for _protocol, _preference, words, _class in found if FRAGMENT in (text := " ".join(words))]


def test_later_fragments_have_a_table_where_a_protocol_is_matched() -> None:
    """All fragments are led somewhere, the first one first, as it has ports."""
    first, later = led({"proto": "udp"}, {"dports": ["7000"]})
    assert FIRST in first
    assert FIRST not in later


def test_later_fragments_have_none_where_it_would_tell_nothing() -> None:
    """Ports they have not, and addresses are told in the table of IPv6: small plans get no more filters."""
    assert [FIRST in way for way in led({"proto": "udp", "dports": ["7000"]}, {"src": "2001:db8::/32"})] == [True]


def test_their_table_asks_for_no_ports() -> None:
    """A match on ports is left out of it, the others keep their order."""
    matches = [{"dscp": 46}, {"dports": ["7000"]}, {"proto": "sctp"}]
    found = [
        " ".join(words) for _protocol, _preference, words, _class in filters([{"classid": "1:10", "match": matches}])
    ]
    table = led(*matches)[1].partition(" link ")[2].split()[0]
    asked = [text for text in found if text.startswith(f"u32 ht {table} ")]
    assert ["priority" in text for text in asked] == [True, False]
    assert "match u8 132 0xff at 40" in asked[1]

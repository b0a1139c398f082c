# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What table inet netopt was before any plan, and how it gets that again."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._common.intents import Intents, together
from ansible_collections.netopt.linux.plugins.module_utils._nft.intent import Intent
from ansible_collections.netopt.linux.plugins.module_utils._nft.origin import claims, give_back, remember
from ansible_collections.netopt.linux.plugins.module_utils._nft.subsystem import ABSENT

RULES = Intent(ifaces=("eth0",), dscp=({"match": {"proto": "udp"}, "dscp": 46},))
CLASSES = Intent(ifaces=("eth0",), classes=({"classid": "1:10", "rate_mbit": 1},), shapes=True)
MINE = "\tchain mine {\n\t\tcounter accept\n\t}\n"
FOUND = (
    "\tmap classes_eth0_0 {\n\t\ttype ipv4_addr : classid\n\t}\n"
    '\tchain classify_eth0 {\n\t\toifname "eth0" meta priority set ip daddr map @classes_eth0_0\n\t}\n'
)


def listing(*blocks: str) -> dict[str, object]:
    """Return a state of the table."""
    text = f"table inet netopt {{\n{''.join(blocks)}}}\n"
    return {"present": True, "listing": text, "text": text}


def test_claims() -> None:
    """Rules claim the table; what only finds classes does not."""
    assert claims(together([CLASSES, RULES])) == {"table"}
    assert claims(CLASSES) == set()
    assert claims(Intents(())) == set()


def test_origin_is_without_what_finds_classes() -> None:
    """That comes and goes with its tree; a table of nothing else was not there."""
    assert remember(CLASSES, listing(MINE)) == {}
    assert remember(RULES, ABSENT) == {"table": ABSENT}
    assert remember(RULES, listing(MINE)) == {"table": listing(MINE)}
    assert remember(RULES, listing(FOUND, MINE)) == {"table": listing(MINE)}
    assert remember(RULES, listing(FOUND)) == {"table": ABSENT}


def test_give_back() -> None:
    """Once no plan has rules the table is as before, beside what finds classes."""
    assert give_back(RULES, {}, {}) is RULES
    found = give_back(CLASSES, {"table": listing(MINE)}, {})
    assert found.parts == (CLASSES, Intent(former=listing(MINE)))

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the table stays when it is changed in place, and what is told of what does not."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._nft import kept

SET = "\tset connlimit_tcp_v4 {\n\t\ttype ipv4_addr . inet_service\n\t\tsize 65535\n\t\tflags dynamic\n\t}\n"
RATES = "\tset ratelimit_udp_v4 {\n\t\ttype ipv4_addr\n\t\tsize 65535\n\t\tflags dynamic,timeout\n\t}\n"
LIMIT = "tcp dport 80 ct state new add @connlimit_tcp_v4 { ip saddr . tcp dport ct count over 5 } counter drop"
RATE = "ct state new limit rate over 5/second counter drop"
INPUT = "type filter hook input priority filter - 10; policy accept;"
FLUSH, DELETE = "flush chain inet netopt input", "delete set inet netopt connlimit_tcp_v4"
FILL = ("table inet netopt {", "\tchain input {")
EGRESS = "\tchain egress {\n\t\ttype filter hook postrouting priority mangle; policy accept;\n\t\taccept\n\t}\n"


def chain(*rules: str, hook: str = INPUT) -> str:
    """Return the chain that guards a host."""
    return "\tchain input {\n" + "".join(f"\t\t{rule}\n" for rule in (hook, *rules)) + "\t}\n"


def state(*blocks: str, text: str | None = None, in_place: bool = True) -> dict[str, Any]:
    """Return the State of a table."""
    listing = f"table inet netopt {{\n{''.join(blocks)}}}\n"
    return {"present": True, "listing": listing, "text": text or listing, "in_place": in_place}


BEFORE = state(SET, chain(LIMIT))


@pytest.mark.parametrize(
    ("wanted", "touched"),
    [
        (state(SET, chain(LIMIT), EGRESS), ["table inet netopt {", "\tchain egress {"]),
        (
            state(SET, chain(LIMIT, "accept")),
            ["flush chain inet netopt input", "table inet netopt {", "\tchain input {"],
        ),
        (state(SET, RATES, chain(LIMIT)), ["table inet netopt {", "\tset ratelimit_udp_v4 {"]),
        (state(chain("accept")), [FLUSH, DELETE, *FILL]),
        (
            state(SET.replace("65535", "9"), chain(LIMIT)),
            [FLUSH, DELETE, FILL[0], "\tset connlimit_tcp_v4 {", FILL[1]],
        ),
        (
            state(SET, chain(LIMIT, hook=INPUT.replace("10", "5"))),
            [FLUSH, "delete chain inet netopt input", *FILL],
        ),
        (
            state(RATES, SET, chain(LIMIT)),
            [FLUSH, DELETE, FILL[0], "\tset ratelimit_udp_v4 {", "\tset connlimit_tcp_v4 {", FILL[1]],
        ),
    ],
)
def test_only_what_differs_is_touched(wanted: dict[str, Any], touched: list[str]) -> None:
    """Sets and chains that read the same are left alone, as far as the order in which nft lists them allows."""
    lines = (kept.transaction(BEFORE, wanted) or "").splitlines()
    assert [line for line in lines if not line.startswith("\t\t") and line not in ("}", "\t}")] == touched


def test_rules_that_stay_have_counted_on() -> None:
    """A chain that gets one rule more keeps the counters of the others."""
    counted = BEFORE["listing"].replace("counter drop", "counter packets 7 bytes 70 drop")
    text = kept.transaction({**BEFORE, "text": counted}, state(SET, chain("accept", LIMIT)))
    assert "counter packets 7 bytes 70 drop" in (text or "")


@pytest.mark.parametrize("line", ["\tflags dormant\n", "\tcounter mine {\n\t\tpackets 1 bytes 2\n\t}\n"])
def test_what_others_have_put_there_is_made_anew(line: str) -> None:
    """A table with flags, or with objects that no plan makes, is not changed in place."""
    assert kept.transaction(state(line, SET, chain(LIMIT)), BEFORE) is None


@pytest.mark.parametrize(
    ("current", "wanted", "words"),
    [
        (BEFORE, state(SET, chain(LIMIT), EGRESS), []),
        ({**BEFORE, "in_place": False}, state(SET, chain(LIMIT), EGRESS), ["connection_limits"]),
        (state(chain(RATE)), state(chain(RATE), EGRESS), []),
        (state(chain(RATE)), state(chain(RATE, "accept")), ["rate_limits"]),
        (state(RATES, chain("accept")), state(SET, RATES, chain("accept")), ["rate_limits"]),
        (BEFORE, state(chain("accept")), []),
        ({"present": False, "listing": "", "text": ""}, BEFORE, []),
    ],
)
def test_what_is_lost_is_told(current: dict[str, Any], wanted: dict[str, Any], words: list[str]) -> None:
    """Counts that a limit starts anew without are named by the plan's field; those of limits that go are not."""
    assert [one.partition(":")[0] for one in kept.warnings(current, wanted)] == words


@pytest.mark.parametrize(
    ("current", "ports"),
    [({"present": False, "listing": "", "text": ""}, [80]), (BEFORE, []), ({**BEFORE, "in_place": False}, [80])],
)
def test_ports_that_are_limited_anew(current: dict[str, Any], ports: list[int]) -> None:
    """A port is new to its limit where nothing was counted of it, or that was lost."""
    found = kept.newly_limited(current, state(SET, chain(LIMIT), EGRESS))
    assert [port for each in found for port in each] == ports


@pytest.mark.parametrize(
    ("words", "ranges"),
    [("tcp dport { 80, 8000-8002 } ", [range(80, 81), range(8000, 8003)]), ("meta l4proto tcp ", [kept.ALL_PORTS])],
)
def test_ports_that_are_limited_together(words: str, ranges: list[range]) -> None:
    """They are all told, and all ports where a limit names none."""
    rule = f"{words}ct state new add @connlimit_tcp_together_v4 {{ ip saddr ct count over 5 }} counter drop"
    nothing = {"present": False, "listing": "", "text": ""}
    assert kept.newly_limited(nothing, state(SET, chain(rule), EGRESS)) == ranges

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random plans with random names on random interfaces, applied, replaced, removed and rolled back in random order.

After each step the host reads as the plans in force say, and after the last removal exactly as in the beginning.
``NETOPT_SEQUENCES`` says how many sequences of ten steps are tried; ``make properties`` tries many.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.faults.conftest import SAID
from tests.faults.hosts import host
from tests.faults.side_by_side import IFACES, STATE, journey

SEQUENCES = int(os.environ.get("NETOPT_SEQUENCES", "12"))
STEPS = 10
NAMES = ("", "base", "web")
TRIED: Counter[str] = Counter()

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

MARKS = st.lists(
    st.fixed_dictionaries(
        {
            "match": st.fixed_dictionaries(
                {"proto": st.just("udp"), "dports": st.lists(st.sampled_from([53, 3478]), min_size=1, max_size=1)}
            ),
            "dscp": st.sampled_from([46, 34]),
        }
    ),
    max_size=2,
)
LIMITS = st.lists(
    st.fixed_dictionaries(
        {"protocol": st.just("tcp"), "port": st.sampled_from([80, 443]), "limit": st.sampled_from([50, 60])}
    ),
    max_size=2,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "sysctl": st.dictionaries(
        st.sampled_from(["net.core.somaxconn", "net.ipv4.tcp_fin_timeout"]),
        st.sampled_from(["31", "32", None]),
        min_size=1,
    ),
    "mtu": st.sampled_from([1400, 1410, None]),
    "offloads": st.fixed_dictionaries({"gro": st.sampled_from([False, True, None])}),
    "dscp": MARKS,
    "connection_limits": LIMITS,
    "shaper": st.sampled_from([{"egress_mbit": 20}, {"egress_mbit": 30}, None]),
    "qdisc": st.sampled_from(
        [{"type": "pfifo", "params": {"limit": 11}}, {"type": "pfifo", "params": {"limit": 12}}, None]
    ),
}
CHANGES = st.lists(st.sampled_from(sorted(FIELDS)), min_size=1, max_size=3, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in names})
)
STEP = st.one_of(
    *[
        st.fixed_dictionaries(
            {
                "do": st.just("apply"),
                "name": st.sampled_from(NAMES),
                "ifaces": st.sampled_from([["eth0"], ["wan0"], list(IFACES)]),
                "changes": CHANGES,
            }
        )
    ]
    * 4,
    st.fixed_dictionaries({"do": st.just("remove"), "name": st.sampled_from(NAMES[1:])}),
    st.fixed_dictionaries({"do": st.just("rollback"), "back": st.integers(1, 3)}),
)
END = [
    *({"do": "remove", "name": name} for name in NAMES[1:]),
    {
        "do": "apply",
        "name": "",
        "ifaces": list(IFACES),
        "changes": {
            "sysctl": {"net.core.somaxconn": None, "net.ipv4.tcp_fin_timeout": None},
            "offloads": {"gro": None},
            **dict.fromkeys(["mtu", "shaper", "qdisc", "dscp", "connection_limits"]),
        },
    },
]


@settings(
    max_examples=SEQUENCES,
    deadline=None,
    database=None,
    derandomize="NETOPT_SEQUENCES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(steps=st.lists(STEP, min_size=STEPS, max_size=STEPS))
def check_sequence(steps: list[dict[str, Any]]) -> None:
    """One sequence on a new host."""
    with host(STATE) as made:
        before = made.dump()
        problems = made.run(lambda: journey([*steps, *END])).value
        note("\n".join(map(str, steps)))
        assert not problems, "\n".join(problems)[:3000]
        made.check(before)
        TRIED["sequences"] += 1
        TRIED["steps"] += len(steps)


def test_sequences() -> None:
    """Each step leads where the plans in force say, and the end is the beginning."""
    check_sequence()
    SAID.append("plans side by side: " + ", ".join(f"{number} {what}" for what, number in sorted(TRIED.items())))
    assert TRIED["sequences"] >= SEQUENCES

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How large a plan may be: a class for each of ten thousand subscribers, and nothing that no kernel could bear."""

from __future__ import annotations

from typing import Any

import pytest

from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate


def plan(classes: int, *, match: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Return a plan with classes, each with an address of its own or with the same match."""
    entries = [
        {
            "classid": f"1:{number + 2:x}",
            "rate_mbit": 1,
            "match": [match or {"dst": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}],
        }
        for number in range(classes)
    ]
    return {"iface": "eth0", "changes": {**({"htb_classes": entries} if entries else {}), **changes}}


def rates(count: int, *, per_source: bool) -> list[dict[str, Any]]:
    """Return limits of new connections to ports of their own."""
    return [
        {"rate": "50/second", "protocol": "tcp", "port": 1000 + number, "per_source": per_source}
        for number in range(count)
    ]


PLANS: dict[str, tuple[dict[str, Any], str, str]] = {
    "ten thousand classes with an address each": (plan(10_000), "", ""),
    "too many classes": (plan(10_241), "changes.htb_classes", "10241 entries, more than the 10240 allowed"),
    "rules that no map holds": (
        plan(1200, match={"dscp": 10}),
        "changes.htb_classes[1024].match",
        "rules beside the maps",
    ),
    "ten thousand limits": (plan(0, rate_limits=rates(10_000, per_source=False)), "", ""),
    "too many sets of sources": (
        plan(0, rate_limits=rates(65, per_source=True)),
        "changes.rate_limits[64].per_source",
        "more than the 64 allowed",
    ),
    "ten thousand marks": (
        plan(0, dscp=[{"match": {"dst": f"10.0.{n >> 8}.{n & 255}"}, "dscp": n % 64} for n in range(10_000)]),
        "",
        "",
    ),
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.long if name.startswith("ten thousand classes") else ()) for name in PLANS],
)
def test_sizes(name: str) -> None:
    """Each plan is taken, or refused at the entry that is too much, with what to do about it."""
    asked, path, words = PLANS[name]
    errors = [issue for issue in validate(asked, load_policy()).issues if issue.severity == "error"]
    assert [issue.path for issue in errors] == ([path] if path else [])
    assert all(words in issue.message and issue.hint for issue in errors)

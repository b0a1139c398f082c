# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``netopt_apply`` knows of bounds by itself is what the shipped policy says, for every range that it has."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.plugin_utils import _shipped_bounds
from ansible_collections.netopt.linux.plugins.plugin_utils._bounds import beyond
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate
from tools.shipped_bounds import bounds

ROOT = Path(__file__).resolve().parents[2]
POLICY = load_policy(ROOT / "policy")
AROUND: dict[str, dict[str, Any]] = {
    "htb_classes": {"classid": "1:10", "rate_mbit": 100},
    "dscp": {"match": {"proto": "udp", "dports": [53]}, "dscp": 46},
    "connection_limits": {"protocol": "tcp", "port": 443, "limit": 100},
    "rate_limits": {"rate": "10/second"},
    "nat_rules": {"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "192.0.2.1"},
}


def changes(name: str, value: object) -> dict[str, Any]:
    """Return changes in which the parameter of a range has a value."""
    field, _dot, below = name.partition(".")
    if field == "sysctl":
        return {"sysctl": {below: value}}
    if field == "qdisc":
        kind, _dot, key = below.partition(".")
        return {"qdisc": {"type": kind, "params": {"rate_mbit": 10, "burst_bytes": 9999, key: value}}}
    if name.startswith("rate_limits.rate"):
        return {field: [{"rate": f"5/{value}" if name.endswith("unit") else f"{value}/second"}]}
    if name.startswith("htb_classes.match."):
        return {field: [{**AROUND[field], "match": [{below.partition(".")[2]: value}]}]}
    if field in AROUND:
        return {field: [{**AROUND[field], below: value}]}
    return {field: {below: value} if below else value}


def cases() -> Iterator[tuple[str, object]]:
    """Yield each range with the values at its ends and beyond them."""
    for name, span in POLICY.limits.ranges.items():
        if span.type == "row":
            fields = span.fields or []
            for more, end in ((0, "min"), (-1, "min"), (0, "max"), (1, "max")):
                yield name, " ".join(str(getattr(field, end) + more) for field in fields)
        elif span.type == "enum":
            yield from ((name, word) for word in (*(span.valid_values or []), "nothing"))
        elif span.type == "words":
            yield from ((name, words) for words in (" ".join(span.valid_values or []), "nothing"))
        elif span.type == "text":
            yield from ((name, text) for text in ("1", "0-7,12", "nf_log_ipv4", "NONE", "ff,ffffffff", "a b", ""))
        elif span.bits:
            yield from ((name, value) for value in (*span.bits, sum(span.bits), sum(span.bits) ^ span.max, 8, 2048))
        elif span.type != "bool":
            assert span.min is not None
            assert span.max is not None
            yield from ((name, value) for value in (span.min, span.min - 1, span.max, span.max + 1))


def test_the_file_is_the_policys() -> None:
    """After a change of ``policy/`` run ``python -m tools.shipped_bounds``."""
    assert bounds(POLICY) == {name: getattr(_shipped_bounds, name) for name in ("RANGES", "SIZES")}


@pytest.mark.parametrize(("name", "value"), list(cases()))
def test_every_end_of_every_range(name: str, value: object) -> None:
    """A value that the policy's range refuses is refused with its path, and one that it permits is not."""
    found = beyond(changes(name, value))
    problem = POLICY.limits.ranges[name].problem(value)
    assert bool(found) == bool(problem), (found, problem)
    if found and name.startswith("sysctl"):
        (judged, *_more) = validate({"iface": "eth0", "changes": changes(name, value)}, POLICY).issues
        assert (judged.path, judged.severity) == (found[0]["path"], "error")


def test_what_is_no_number_and_what_has_no_card() -> None:
    """A kernel parameter is refused without a card, or where it says no number; sizes with a unit are the host's."""
    assert [one["path"] for one in beyond({"sysctl": {"net.core.nothing": 1, "net.core.somaxconn": "many"}})] == [
        "changes.sysctl.net.core.nothing",
        "changes.sysctl.net.core.somaxconn",
    ]
    assert beyond({"htb_classes": [{"classid": "1:1", "rate_mbit": 1, "burst": "15k"}], "mtu": None}) == []
    assert beyond({"sysctl": {"net.core.somaxconn": "0x400"}, "connection_tracking": {"drop_invalid": True}}) == []


@pytest.mark.parametrize("name", ["all", "default", "eth0", "eth0.7"])
def test_keys_of_interfaces_have_the_bounds_of_their_family(name: str) -> None:
    """A key of any interface is held against the range of its family."""
    key = f"net.ipv4.conf.{name.replace('.', '/')}.rp_filter"
    assert beyond({"sysctl": {key: 2}}) == []
    (found,) = beyond({"sysctl": {key: 3}})
    assert (found["path"], found["message"]) == (f"changes.sysctl.{key}", "Value exceeds maximum allowed: 2")


def test_too_many_entries() -> None:
    """Lists are as long as the policy allows."""
    one = AROUND["connection_limits"]
    assert beyond({"connection_limits": [one] * 64}) == []
    assert [found["path"] for found in beyond({"connection_limits": [one] * 65})] == ["changes.connection_limits"]


@pytest.mark.parametrize("bare", [False, True], ids=["with bounds", "without bounds"])
def test_the_module_alone(tmp_path: Path, *, bare: bool) -> None:
    """In a playbook of a user's own ``netopt_apply`` refuses all that is out of bounds, before it connects."""
    plan = {"iface": "eth0", "changes": {"mtu": 67, "sysctl": {"net.core.somaxconn": 10**9}}}
    book = tmp_path / "own.yml"
    options = {"plan": plan, **({"without_bounds": True} if bare else {})}
    book.write_text(
        f"[{{hosts: all, gather_facts: false, tasks: [{{netopt.linux.netopt_apply: {options!r}}}]}}]".replace(
            "True", "true"
        ),
        encoding="utf-8",
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(book), "-i", "127.0.0.1:1,"],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_NOCOLOR": "1"},
    )
    if bare:
        assert (done.returncode, "UNREACHABLE" in done.stdout) == (4, True), done.stdout
    else:
        assert done.returncode == 2, done.stdout
        assert "changes.mtu" in done.stdout
        assert "changes.sysctl.net.core.somaxconn" in done.stdout
        assert f"maximum allowed: {POLICY.limits.ranges['sysctl.net.core.somaxconn'].max}" in done.stdout

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Classes that packets bring along from an interface on top are told where the one below has such classes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._plans.brought_along import brought_along
from ansible_collections.netopt.linux.plugins.module_utils._plans.change import Fitted, plans_change
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce

PORT, SOURCE, USER = {"dports": ["53"]}, {"src": "10.0.0.0/8"}, {"uid": 7}
SHAPER = {"shaper": {"egress_mbit": 50}}


def tree(match: dict[str, Any], classid: str = "1:10", **more: Any) -> dict[str, Any]:
    """Return changes with one class."""
    return {"htb_classes": [{"classid": classid, "rate_mbit": 5, "match": [match]}], **more}


CASES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "by sender": (tree(SOURCE), tree(PORT), "1:10"),
    "by user": (tree(USER), tree(PORT), "1:10"),
    "by filters": (tree(PORT), tree(SOURCE), ""),
    "another number": (tree(SOURCE), tree(PORT, "1:20"), ""),
    "the rest": (tree(SOURCE, **SHAPER), tree(PORT, "1:20", **SHAPER), "1:fffe"),
    "the rest, by user": (tree(USER, **SHAPER), tree(PORT, "1:20", **SHAPER), ""),
    "no classes": (tree(SOURCE), SHAPER, ""),
}


@pytest.mark.parametrize(("above", "below", "told"), CASES.values(), ids=CASES)
def test_told(above: dict[str, Any], below: dict[str, Any], told: str) -> None:
    """Classes of the same number are told, which packets are given by rules and not by filters, of what is changed."""
    plans = [Fitted({"name": iface}, None, changes, (iface,)) for iface, changes in (("vlan0", above), ("eth0", below))]
    about = {"checkpoint": "c", "since": "", "by": None}
    ifaces = {"eth0": {"upper": {"vlan0": "vlan", "vlan1": "vlan"}}, "vlan0": {}, "vlan1": {}}
    after = plans_change(InForce(), plans, (), ifaces, about, persist=False, skippable={}, modules={}).after
    found = list(brought_along(after, {"eth0"}, ifaces))
    assert [one.partition("match: ")[2].partition(". ")[0] for one in found] == ([told] if told else [])
    assert list(brought_along(after, {"vlan1"}, ifaces)) == []


@pytest.mark.parametrize(("kind", "told"), [("gre", True), ("vxlan", True), ("wireguard", False), ("dummy", False)])
def test_of_a_tunnel(kind: str, told: bool) -> None:  # noqa: FBT001 - a case
    """A tunnel's packets bring their class along to whatever carries it; those of WireGuard do not."""
    changes = (("top0", tree(SOURCE)), ("eth0", tree(PORT)))
    plans = [Fitted({"name": iface}, None, one, (iface,)) for iface, one in changes]
    ifaces: dict[str, Any] = {"eth0": {"type": "ethernet", "upper": {}}, "top0": {"type": kind}}
    about = {"checkpoint": "c", "since": "", "by": None}
    after = plans_change(InForce(), plans, (), ifaces, about, persist=False, skippable={}, modules={}).after
    found = [" eth0, where that carries the tunnel, " in one for one in brought_along(after, {"eth0"}, ifaces)]
    assert found == ([True] if told else [])

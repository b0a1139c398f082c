# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces of every kind, named as what they are, on a kernel of its own that has them."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.own_kernel import answer_of

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="user-mode Linux needs root")]
KINDS = {
    "dum0": "dummy",
    "dum0.5": "vlan",
    "bond9": "bond",
    "team0": "team",
    "br0": "bridge",
    "mac0": "macvlan",
    "mac1": "ipvlan",
    "red": "vrf",
    "wg0": "wireguard",
    "gre9": "gre",
    "tun9": "ipip",
    "vx0": "vxlan",
    "ve0": "veth",
    "ifb9": "ifb",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what ``interfaces_program`` prints there."""
    return answer_of("tests.kernel.interfaces_program", tmp_path_factory.mktemp("interfaces"))


def test_kinds(found: dict[str, Any]) -> None:
    """Each interface is called what the kernel calls it, and so is what stands on another one."""
    kinds = found["kinds"]
    assert kinds == {name: KINDS[name] for name in kinds}
    assert kinds.keys() >= {"dum0", "dum0.5", "bond9", "br0", "mac0", "red", "gre9", "ve0", "ifb9"}
    assert found["upper"] == {"dum0.5": "vlan", "mac0": "macvlan"}


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("vlan", {"dum0.5"}),
        ("bond", {"bond9"}),
        ("gre", {"gre0", "gre9"}),
        ("default routes", {"dum0", "br0"}),
    ],
)
def test_plans(found: dict[str, Any], name: str, changed: set[str]) -> None:
    """A plan is for the interfaces of a kind, and for both of a route with two ways."""
    answer = found["plans"][name]
    assert answer["error"] is None, answer["error"]
    lower_too = {"dum0.5", "mac0"} if "dum0" in changed else set()  # the kernel keeps them at the size of what is below
    assert set(answer["changed"]) == changed | lower_too
    assert [text for text in answer["warnings"] if "as 2 default routes" in text] or name != "default routes"


def test_twice(found: dict[str, Any]) -> None:
    """That a glob takes an interface and a VLAN on it is told."""
    assert "dum* is dum0 and also dum0.5 on top of it" in found["plans"]["dummy"]["warnings"][0]


def test_none_of_a_kind(found: dict[str, Any]) -> None:
    """A plan for a kind that the host does not have is refused, with all that it has."""
    error = found["plans"]["wireless"]["error"]
    assert error["message"] == "This host has no interface with type wireless"
    assert "bond9 (bond, bonding), br0 (bridge), dum0 (dummy), dum0.5 (vlan" in error["hint"]
    assert found["plans"]["wireless"]["changed"] == []

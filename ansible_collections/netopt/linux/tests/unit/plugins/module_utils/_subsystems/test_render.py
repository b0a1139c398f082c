# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as text, and the digest over both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import named
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.render import TEXT_FIELDS, digest, render

PLAN = {
    "iface": "eth0",
    "changes": {
        "sysctl": {"net.ipv4.tcp_syncookies": "1"},
        "qdisc": {"type": "fq_codel", "params": {"limit": 1000}},
        "connection_limits": [{"protocol": "tcp", "port": 80, "limit": 100, "mask": 32, "action": "reject"}],
        "offloads": {"gro": True},
        "mtu": 1400,
    },
    "rationale": [],
}


def test_every_field_is_rendered() -> None:
    """Each part of a plan is in the field of its subsystem, and in no other."""
    text = render(PLAN)

    assert set(text) == set(TEXT_FIELDS)
    words = {
        "sysctl_cmds": "tcp_syncookies=1",
        "tc_script": "fq_codel",
        "nft_script": "ct count over 100",
        "ethtool_cmds": "gro on",
        "ip_link_cmds": "mtu 1400",
    }
    for name, word in words.items():
        assert [field for field in TEXT_FIELDS if word in json.dumps(text[field])] == [name]


def test_an_empty_plan_renders_to_nothing() -> None:
    """What is not asked for leaves no command behind."""
    assert not any(render({"iface": "eth0", "changes": {}}).values())


@pytest.mark.parametrize(
    ("iface", "expected"), [("eth0", ("eth0",)), (["eth0", "eth1"], ("eth0", "eth1")), ("auto", ("auto",))]
)
def test_interfaces(iface: Any, expected: Any) -> None:
    """One interface or several; auto stands for itself."""
    assert named({"iface": iface}) == expected


def test_every_interface_is_named() -> None:
    """Commands for an interface are there for each."""
    text = render({**PLAN, "iface": ["eth0", "eth1"]})
    for name in ("tc_script", "ethtool_cmds", "ip_link_cmds"):
        assert "eth0" in json.dumps(text[name])
        assert "eth1" in json.dumps(text[name])


def test_digest_depends_on_plan_and_text_alone() -> None:
    """The order of keys and other fields do not matter; every part of plan and text does."""
    text = render(PLAN)
    known = digest(PLAN, text)

    assert digest(dict(reversed(list(PLAN.items()))), {**text, "warnings": ["x"], "digest": "y"}) == known
    assert digest({**PLAN, "rationale": ["\u00fc"]}, text) != known
    for name in TEXT_FIELDS:
        assert digest(PLAN, {**text, name: "x"}) != known


def test_digest_is_fixed() -> None:
    """The digest of a given plan never changes from one release to the next by itself."""
    text = {"sysctl_cmds": [], "tc_script": "", "nft_script": "", "ethtool_cmds": [], "ip_link_cmds": []}
    assert digest({"iface": "eth0"}, text) == "2fa403ada0fbc1256b4e7cbb190ada4491d8ca65e35d606317d83127179385eb"

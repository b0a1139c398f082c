# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether what is asked touches what a failed rollback has left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import model
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store, boot_id
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.table import TABLE
from ansible_collections.netopt.linux.plugins.module_utils._transaction.remains import touches

KEY = "net.core.somaxconn"
SCOPES = {"sysctl": {"keys": [KEY]}, "link": {"ifaces": ["eth0"]}, "nft": {}}
MARK = {"dscp": [{"match": {"proto": "udp"}, "dscp": 46}]}


def asked(changes: dict[str, Any], iface: str = "wan0") -> dict[str, Any]:
    """Return what changes ask of each subsystem."""
    every = {name: subsystem.pure.intent(changes, (iface,)) for name, subsystem in TABLE.items()}
    return {name: intent for name, intent in every.items() if intent}


@pytest.mark.parametrize(
    ("changes", "iface", "left", "expected"),
    [
        ({"sysctl": {KEY: "1"}}, "wan0", SCOPES, True),
        ({"sysctl": {"net.ipv4.tcp_fin_timeout": "1"}}, "wan0", SCOPES, False),
        ({"mtu": 1400}, "eth0", SCOPES, True),
        ({"mtu": 1400}, "wan0", SCOPES, False),
        ({"qdisc": {"type": "pfifo", "params": {"limit": 1}}}, "eth0", SCOPES, True),  # its defaults come from the MTU
        (MARK, "wan0", SCOPES, True),
        (MARK, "wan0", {"sysctl": {"keys": [KEY]}}, False),
        ({"sysctl": {KEY: "1"}}, "wan0", {"sysctl": {"keys": ["net.ipv6.conf.*.forwarding"]}}, True),
        ({"sysctl": {"net.ipv6.conf.all.forwarding": "1"}}, "wan0", SCOPES, True),  # it resets keys by a pattern
        ({}, "eth0", SCOPES, False),
    ],
)
def test_touches(tmp_path: Path, changes: dict[str, Any], iface: str, left: dict[str, Any], *, expected: bool) -> None:
    """Keys, interfaces and the table are shared, or may be where a pattern stands for many keys."""
    store = Store(str(tmp_path))
    header = model.Header(id="one", sequence=1, created="", boot_id=boot_id(), status=model.RESTORE_FAILED)
    store.create(header, model.Content(scopes=left, before={}), b"")
    assert touches(asked(changes, iface), store, header) is expected


def test_damage(tmp_path: Path) -> None:
    """Where a checkpoint cannot be read, anything may be its."""
    header = model.Header(id="one", sequence=1, created="", boot_id=boot_id(), status=model.RESTORE_FAILED)
    assert touches({}, Store(str(tmp_path)), header) is True

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has set what an interface has, from files of systemd and NetworkManager."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._conflicts import find as conflicts_find
from ansible_collections.netopt.linux.plugins.module_utils._drift.cause import Culprits

LINK = "[Link]\nMTUBytes=9000\nGenericReceiveOffload=no\nRxBufferSize=512\nTxBufferSize=64\n[CAKE]\nParent=root\n"
PROFILE = "[connection]\nuuid=0b1c\n[ethtool]\nfeature-tso=false\ncoalesce-adaptive-rx=1\npause-rx=false\n"
HELD: dict[str, Any] = {
    "mtu": 9000,
    "offloads.generic-receive-offload": False,
    "offloads.tcp-segmentation-offload": False,
    "nic.rings.rx": 512,
    "nic.rings.tx": 128,
    "nic.coalesce.adaptive_rx": True,
    "nic.pause.rx": True,
    "steering.rps_cpus": "0-3",
}


@pytest.mark.parametrize(
    ("files", "owner", "names"),
    [
        (
            {"run/systemd/netif/links/{index}": "NETWORK_FILE=/etc/a\n", "etc/a": LINK},
            "by systemd-networkd (/etc/a)",
            {"mtu", "offloads.generic-receive-offload", "nic.rings.rx", "qdisc"},
        ),
        (
            {
                "run/NetworkManager/devices/{index}": "[device]\nconnection-uuid=0b1c\n",
                "etc/NetworkManager/system-connections/a": PROFILE,
            },
            "by NetworkManager (/etc/NetworkManager/system-connections/a)",
            {"offloads.tcp-segmentation-offload", "nic.coalesce.adaptive_rx"},
        ),
        ({}, "", set()),
    ],
)
def test_who_has_set_what_a_device_has(
    files: dict[str, str], owner: str, names: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file sets to the very value is that file's; what is another value now somebody else has set."""
    monkeypatch.setattr(conflicts_find, "_same_network_as_init", lambda: True)
    for path, text in files.items():
        where = tmp_path / path.format(index=socket.if_nametoindex("lo"))
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text, encoding="utf-8")
    assert Culprits(str(tmp_path)).device_setters("lo", HELD) == dict.fromkeys(names, owner)
    assert Culprits(str(tmp_path)).device_setters("no-such", HELD) == {}

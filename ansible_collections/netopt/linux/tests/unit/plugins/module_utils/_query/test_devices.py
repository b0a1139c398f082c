# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What interfaces and routes hold beyond what is usual is found, and nothing of a new one."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._query.devices import devices

BY_HAND = """
ip link set eth0 mtu 1400 txqueuelen 77
ethtool -K eth0 tso off
tc qdisc add dev eth0 root pfifo limit 9
ip route add 198.51.100.0/24 via 192.0.2.9 dev eth0 initcwnd 20
"""


@pytest.mark.own_host
def test_what_somebody_has_set() -> None:
    """Each value stands beside the usual one; a new interface has nothing to tell."""
    before = devices(Tools())
    assert before["held"].get("eth0", {}) == {}
    assert before["routes"] == {}
    subprocess.run(["sh", "-e", "-c", BY_HAND], check=True)
    found = devices(Tools())
    tso = "offloads.tcp-segmentation-offload"
    assert found["held"]["eth0"] == {"mtu": [1400, 1500], tso: [False, "on"], "nic.txqueuelen": [77, 1000]}
    (route,) = found["routes"]["eth0"]["198.51.100.0/24"]
    assert route["metrics"] == {"initcwnd": "20"}
    assert "pfifo" in str(found["tc"])
    assert "pfifo" not in str(before["tc"])

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The program that hosts are sent: kept until they restart, for root alone, and sent again where it is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import Fleet, ready

pytestmark = pytest.mark.lab

KEPT = "/run/netopt/program-*.zip"


@pytest.fixture
def fleet(fresh_lab: Lab, tmp_path: Path) -> Fleet:
    """Two hosts to be treated badly."""
    return ready(fresh_lab, tmp_path)


@pytest.mark.long
def test_what_is_kept_is_used_while_it_is_whole(fleet: Fleet) -> None:
    """A host that lost the program, or half of it, is sent it again and carries on."""
    change = {"sysctl": {"net.ipv4.tcp_fin_timeout": 21}}
    assert fleet.apply(change).statuses == {"applied"}
    host = fleet.host(1)
    kept = host.run("sh", "-c", f"stat -c '%a %U' /run/netopt; stat -c %s {KEPT}").split()
    assert kept[:2] == ["700", "root"]
    size = int(kept[2])
    assert size > 100_000
    for harm in (f"rm {KEPT}", f"truncate -s 1000 {KEPT}"):
        host.run("sh", "-c", harm)
        assert fleet.apply(change).statuses == {"unchanged"}
        assert host.run("sh", "-c", f"stat -c %s {KEPT}").split() == [str(size)]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module by itself keeps the controller's connection as a plan does."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host import facts
from ansible_collections.netopt.linux.plugins.module_utils._transaction.refuse_lockout import refuse_lockout

SESSION = {"local_port": 22, "remote_addr": "192.0.2.2", "remote_port": 40000, "local_addr": "192.0.2.1"}
AWAY: dict[str, Any] = {
    "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 22, "to_addr": "192.0.2.7"}],
    "mtu": None,
}


@pytest.mark.own_host
def test_what_leads_the_connection_away_is_refused() -> None:
    """The path is the option's, without a plan's changes before it; without a session, or elsewhere, nothing is."""
    found = {**facts.gather(), "management": SESSION}
    with pytest.raises(NetoptError, match=r"^nat_rules\[0\]: ") as refused:
        refuse_lockout(AWAY, ["eth0"], found)
    assert refused.value.stage == "plan"
    assert str(refused.value.key).startswith("nat_rules[0]")
    refuse_lockout(AWAY, ["eth0"], {**found, "management": None})
    refuse_lockout({"nat_rules": [{**AWAY["nat_rules"][0], "port": 80}]}, ["eth0"], found)
    refuse_lockout({"mtu": 1400}, ["eth0"], found)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of the runs, the audit log and the inventory the caller of the call that is being answered may see."""

from __future__ import annotations

from mcp_bridge.backends.inventory import InventoryHost
from mcp_bridge.runs.registry import RunRecord

from .caller import CURRENT
from .host_scope import HostScope


def open_hosts(hosts: list[InventoryHost]) -> list[InventoryHost]:
    """Return the hosts that are open to the caller."""
    admission = CURRENT.get()
    if admission is None or admission.caller.sees_all_hosts:
        return hosts
    rule = admission.caller.rule
    names = HostScope.members(rule.hosts, hosts) - HostScope.members(rule.except_hosts, hosts)
    return [host for host in hosts if host.name in names]


def own_runs(records: list[RunRecord]) -> list[RunRecord]:
    """Return the runs that the caller may know of: where some hosts are closed to it, its own."""
    admission = CURRENT.get()
    if admission is None or admission.caller.sees_all_hosts:
        return records
    return [record for record in records if admission.caller.owns(record.caller)]

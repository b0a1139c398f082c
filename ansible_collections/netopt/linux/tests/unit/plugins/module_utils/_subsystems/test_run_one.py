# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One subsystem alone, on a host: foretold, made, unchanged, and refused as a whole."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._link import kernel as link_kernel
from ansible_collections.netopt.linux.plugins.module_utils._link import subsystem as link_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._nft import kernel as nft_kernel
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import kernel as sysctl_kernel
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import subsystem as sysctl_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem

pytestmark = pytest.mark.own_host

CASES: dict[str, tuple[ModuleType, ModuleType, bool, dict[str, Any], dict[str, Any]]] = {
    "sysctl": (
        sysctl_subsystem,
        sysctl_kernel,
        False,
        {"sysctl": {"net.ipv4.tcp_fin_timeout": "17", "net.ipv4.tcp_rmem": "4096 131072 4194304"}},
        {"sysctl": {"net.ipv4.tcp_fin_timeout": "18", "net.ipv4.no_such": "1"}},
    ),
    "link": (
        link_subsystem,
        link_kernel,
        False,
        {"mtu": 1400, "offloads": {"tso": False}},
        {"offloads": {"lro": True}},
    ),
    "tc": (
        tc_subsystem,
        tc_kernel,
        True,
        {"shaper": {"egress_mbit": 40}},
        {"qdisc": {"type": "sfq", "params": {"divisor": 3}}},
    ),
    "nft": (
        nft_subsystem,
        nft_kernel,
        True,
        {"rate_limits": [{"rate": "10/second", "protocol": "udp", "port": 53}]},
        {"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "no address"}]},
    ),
}


@pytest.mark.parametrize(("pure", "io", "in_scratch", "changes", "refused"), CASES.values(), ids=CASES.keys())
def test_foretold_made_unchanged_and_refused(
    *, pure: ModuleType, io: ModuleType, in_scratch: bool, changes: dict[str, Any], refused: dict[str, Any]
) -> None:
    """Check mode says what is done then; the second time nothing is; what cannot be is refused and changes nothing."""
    intent = pure.intent(changes, ("eth0",)) if pure is not sysctl_subsystem else pure.intent(changes)

    def run(*, check: bool) -> Any:
        return run_subsystem(pure, io, intent, tools=Tools(), check=check, in_scratch=in_scratch)

    foretold = run(check=True)
    made = run(check=False)
    again = run(check=False)
    assert (foretold.status, made.status, again.status) == ("would_change", "applied", "unchanged"), made.error
    assert foretold.diff == made.diff
    impossible = pure.intent(refused, ("eth0",)) if pure is not sysctl_subsystem else pure.intent(refused)
    failed = run_subsystem(pure, io, impossible, tools=Tools(), check=False, in_scratch=in_scratch)
    assert failed.status == "failed"
    assert failed.error is not None
    assert run(check=False).status == "unchanged"

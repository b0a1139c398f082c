# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What MTU and offloads were before any plan, and how they get that again."""

from __future__ import annotations

from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._common.intents import together
from ansible_collections.netopt.linux.plugins.module_utils._link.origin import claims, give_back, remember
from ansible_collections.netopt.linux.plugins.module_utils._link.subsystem import Intent

GRO, TSO = "generic-receive-offload", "tcp-segmentation-offload"
TCP4, TCP6 = "tx-tcp-segmentation", "tx-tcp6-segmentation"


def link(mtu: int, **more: Any) -> dict[str, Any]:
    """Return the state of an interface."""
    return {
        "mtu": mtu,
        "requested": {TCP4: True, TCP6: False},
        "active": {GRO: True, TSO: True, TCP4: True, TCP6: False},
        "groups": {TSO: [TCP4, TCP6]},
        **more,
    }


STATE = {"links": {"eth0": link(1500), "wan0": link(1280, ipv6={"addresses": 1})}}
WANTED = together(
    [Intent(ifaces=("eth0",), mtu=1400, offloads={"tso": False, GRO: False}), Intent(ifaces=("wan0",), mtu=1000)]
)


def test_claims_and_origins() -> None:
    """Each setting of each interface is kept: members that can be requested, else what is active."""
    kept = remember(WANTED, STATE)
    assert claims(WANTED) == set(kept)
    assert kept == {
        "eth0 mtu": {"mtu": 1500},
        f"eth0 {TSO}": {"requested": {TCP4: True, TCP6: False}},
        f"eth0 {GRO}": {"active": {GRO: True}},
        "wan0 mtu": {"mtu": 1280, "ipv6": {"addresses": 1}},
    }


def test_give_back() -> None:
    """What nobody asks for any more is as before, on that interface alone, beside what is asked for still."""
    kept = remember(WANTED, STATE)
    asked = Intent(ifaces=("eth0", "wan0"), mtu=1400)
    assert give_back(asked, {}, {}) is asked
    found = give_back(asked, {name: kept[name] for name in (f"eth0 {TSO}", f"eth0 {GRO}")}, {})
    former = {"requested": {TCP4: True, TCP6: False}, "active": {GRO: True}}
    assert found.of("eth0") == Intent(ifaces=("eth0",), mtu=1400, former=former)
    assert found.of("wan0") == Intent(ifaces=("wan0",), mtu=1400)
    alone = give_back(Intent(), {"wan0 mtu": kept["wan0 mtu"]}, {})
    assert alone == Intent(ifaces=("wan0",), former={"mtu": 1280, "ipv6": {"addresses": 1}})

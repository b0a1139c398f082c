# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kernel parameters were before any plan, and how they get that again."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._sysctl.origin import beside, claims, give_back, remember
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.subsystem import intent

KEY, FORWARD, REDIRECTS = "net.core.somaxconn", "net.ipv4.ip_forward", "net.ipv4.conf.all.accept_redirects"
CONTROL, MAX = "net.ipv4.tcp_congestion_control", "net.netfilter.nf_conntrack_max"
STATE = {
    "values": {KEY: "128", FORWARD: "0", REDIRECTS: "1", CONTROL: "cubic", MAX: None},
    "modules": {"tcp_bbr": "absent", "nf_conntrack": "absent"},
    "lro": {"eth0": True},
}


def origins(sysctl: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a plan's keys."""
    return remember(intent({"sysctl": sysctl}), STATE)


def test_claims() -> None:
    """A key is claimed by its value, or by the floor that it is raised to."""
    tracking = intent({"connection_tracking": {"max_connections": 9}, "sysctl": {KEY: "9"}})
    assert claims(tracking) == {KEY, MAX, "net.netfilter.nf_conntrack_buckets"}


def test_remember() -> None:
    """Of a key its value is kept, with the keys that writing it resets; LRO where it switches forwarding."""
    assert origins({KEY: "9"}) == {
        KEY: {"values": {KEY: "128"}, "module": None, "modules": STATE["modules"], "lro": {}}
    }
    forward = origins({FORWARD: "1"})[FORWARD]
    assert forward["values"] == {FORWARD: "0", REDIRECTS: "1"}
    assert forward["lro"] == {"eth0": True}
    assert origins({CONTROL: "bbr"})[CONTROL]["module"] == "tcp_bbr"
    assert origins({MAX: "9"})[MAX]["module"] == "nf_conntrack"


def test_nothing_gone() -> None:
    """An intent is left as it is where nothing is to come back."""
    wanted = intent({"sysctl": {KEY: "9"}})
    assert give_back(wanted, {}, {}) is wanted


@pytest.mark.parametrize(
    ("gone", "left", "values", "modules"),
    [
        ({KEY: "9"}, {}, {KEY: "128"}, {}),
        ({FORWARD: "1"}, {}, {FORWARD: "0", REDIRECTS: "1"}, {}),
        ({FORWARD: "1"}, {REDIRECTS: "0"}, {FORWARD: "0"}, {}),  # somebody sets that key still
        ({REDIRECTS: "0"}, {FORWARD: "1"}, {REDIRECTS: "1"}, {}),
        ({CONTROL: "bbr"}, {}, {CONTROL: "cubic"}, {"tcp_bbr": "absent"}),
        ({MAX: "9"}, {"net.netfilter.nf_conntrack_tcp_loose": "0"}, {MAX: None}, {}),  # the module is needed still
    ],
)
def test_give_back(
    gone: dict[str, str], left: dict[str, str], values: dict[str, str | None], modules: dict[str, str]
) -> None:
    """A key that nobody claims any more is as before, with what it resets and the module that it brought."""
    found = give_back(intent({"sysctl": left}), origins(gone), origins(left))
    assert found.former["values"] == values
    assert found.former["modules"] == modules
    assert found.values == left


IFACE_FORWARD = "net.ipv4.conf.eth0.forwarding"


def test_claimed_after_it_was_reset() -> None:
    """Once forwarding of the host is given back, that of an interface, claimed later, was as before both plans."""
    gone = {FORWARD: {"values": {FORWARD: "0", IFACE_FORWARD: "0"}}}
    known = {IFACE_FORWARD: {"values": {IFACE_FORWARD: "1"}}}
    assert beside(known, gone, {}) == {IFACE_FORWARD: {"values": {IFACE_FORWARD: "0"}}}


def test_claimed_before_it_was_reset() -> None:
    """What a plan holds already is no part of what a later one gives back."""
    known = {IFACE_FORWARD: {"values": {IFACE_FORWARD: "0"}}}
    new = {FORWARD: {"values": {FORWARD: "0", IFACE_FORWARD: "1"}}}
    found = beside(known, {}, new)
    assert found == {FORWARD: {"values": {FORWARD: "0"}}, **known}
    assert beside({FORWARD: found[FORWARD]}, known, {}) == {FORWARD: found[FORWARD]}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose inventory tells of its uplink: a profile's plan shapes it, beside other plans, and is undone exactly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

HOME = {"up_mbit": 20.0, "down_mbit": 100.0, "overhead_bytes": None}
PFIFO = {"type": "pfifo", "params": {"limit": 100}}  # which every kernel has
SHAPE = {"up_pct": 95, "down_pct": 90, "changes": {"qdisc": PFIFO}, "own": [], "bounds": {"egress_mbit": [1, 1000]}}
RULES = [{"id": "link", "when": {"uplink": {"eq": True}}, "shape": SHAPE, "message": "Shaped below the uplink"}]
FIN = {"sysctl": {"net.ipv4.tcp_fin_timeout": "20"}}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with one interface."""
    with transaction_host() as made:
        yield made


def asked(
    host: Host, *, rules: list[dict[str, Any]] = RULES, name: str | None = None, **options: Any
) -> dict[str, Any]:
    """Apply a plan with a profile and return the report."""
    plan = {"iface": IFACE, "profile": "gaming", "changes": FIN, **({"name": name} if name else {})}
    return host.ask(plan=plan, adaptations=rules, **options)


def rates(host: Host) -> list[str]:
    """Return the rates of the classes that what leaves and what arrives waits in."""
    lines = host.shell(f"tc class show dev {IFACE}; tc class show dev ifb-{IFACE} 2>&1").splitlines()
    return [line.split(" rate ")[1].split()[0] for line in lines if " rate " in line]


def test_shaped_and_undone(host: Host) -> None:
    """Both ways are shaped, a second run changes nothing, other rates change it, and a rollback is exact."""
    before = host.view()
    applied = asked(host, link=HOME, checkpoint_id="one")
    assert applied["status"] == "applied", applied["error"]
    assert rates(host) == ["19Mbit", "90Mbit"]
    (said,) = [line for line in applied["warnings"] if line.startswith("link: ")]
    assert "shaper.egress_mbit: unset -> 19" in said
    assert asked(host, link=HOME)["status"] == "unchanged"
    assert asked(host, link={**HOME, "up_mbit": 40.0})["status"] == "applied"
    assert rates(host) == ["38Mbit", "90Mbit"]
    host.checkpoint("restored", id="one")
    assert host.view() == before


def test_beside_another_plan(host: Host) -> None:
    """What the link brings are ordinary sections: another plan stands beside it, or is refused by name."""
    assert asked(host, link=HOME, name="home")["status"] == "applied"
    other = {"name": "mine", "iface": IFACE, "changes": {"sysctl": {"net.ipv4.tcp_max_syn_backlog": "512"}}}
    assert host.ask(plan=other)["status"] == "applied"
    assert rates(host) == ["19Mbit", "90Mbit"]
    against = {**other, "changes": {"shaper": {"egress_mbit": 5}}}
    refused = host.ask(plan=against)
    assert refused["status"] == "failed"
    assert "home" in refused["error"]["message"]
    assert host.ask(remove=["home"])["status"] == "applied"
    assert rates(host) == []


def test_without_an_uplink(host: Host) -> None:
    """Where the inventory tells of none, nothing is shaped."""
    assert asked(host)["status"] == "applied"
    assert rates(host) == []


def test_not_used(host: Host) -> None:
    """A host says that its uplink is not used, where the plan has changes of its own."""
    report = asked(host, rules=[], link=HOME)
    assert (report["status"], rates(host)) == ("applied", [])
    assert any(line.startswith("netopt_link is not used") for line in report["warnings"])


def test_out_of_bounds(host: Host) -> None:
    """An uplink that would be shaped beyond the policy's bounds is refused before anything is touched."""
    before = host.view()
    report = asked(host, link={**HOME, "up_mbit": 2000.0})
    assert (report["status"], report["error"]["key"]) == ("failed", "netopt_link.up_mbit")
    assert host.view() == before

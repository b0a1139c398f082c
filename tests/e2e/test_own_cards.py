# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Over SSH: cards of an organisation's own, from the draft to the rollback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mcp_bridge.lab.state import Lab
from mcp_bridge.policy import load_policy
from tests.e2e.fleet import Fleet, ready

pytestmark = pytest.mark.lab

FREE = "vm.min_free_kbytes"
UPLINK = "net.ipv4.conf.up/100.rp_filter"
PORTS = "net.ipv4.ip_local_reserved_ports"


@pytest.fixture
def fleet(fresh_lab: Lab, tmp_path: Path) -> Fleet:
    """Return hosts of which the first has an interface whose name has a dot."""
    found = ready(fresh_lab, tmp_path)
    found.host(1).run("ip", "link", "add", "up.100", "type", "veth", "peer", "name", "down")
    return found


def _draft(fleet: Fleet, folder: Path, key: str) -> Path:
    """Write the card that `netopt policy card` prints, as it is, and return its file."""
    printed = fleet.netopt("policy", "card", key, "-l", fleet.name(1))
    assert printed.status == 0, printed.text
    text = printed.text[printed.text.index("# Save it as") :]
    name = re.search(r"config_cards/(\S+\.yaml)", text)
    assert name is not None
    file = folder / "config_cards" / name.group(1)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _widen(card: Path, most: int) -> None:
    """Raise the upper bound of a card's only number."""
    card.write_text(re.sub(r"max: .*", f"max: {most}", card.read_text(encoding="utf-8")), encoding="utf-8")


def test_from_the_draft_to_the_rollback(fleet: Fleet, tmp_path: Path) -> None:
    """A key of an interface with a dot, and a text: applied, seen when changed, rolled back; the machine's: refused."""
    own = tmp_path / "own"
    env = {"NETOPT_POLICY_DIR": str(own)}
    before = {key: _value(fleet, key) for key in (FREE, UPLINK, PORTS)}
    free, uplink = _draft(fleet, own, FREE), _draft(fleet, own, UPLINK)
    assert f'# "{before[FREE]}" on {fleet.name(1)}' in free.read_text(encoding="utf-8")
    assert "sysctl.ipv4_conf_filter covers the key already" in uplink.read_text(encoding="utf-8")
    load_policy(own)  # the drafts are good as they are
    _widen(free, 16777216)
    _widen(uplink, 2)

    machines = fleet.plan({"sysctl": {FREE: int(before[FREE]) + 4}})
    refused = fleet.netopt("apply", machines, "--json", "-l", fleet.name(1), env=env)
    error = refused.report["hosts"][fleet.name(1)]["error"]
    assert (error["key"], "read-only" in error["message"]) == (FREE, True)  # a lab's host shares it with the machine

    wanted: dict[str, Any] = {UPLINK: 2, PORTS: "8080,9000-9002"}
    plan = fleet.plan({"sysctl": {**wanted, "net.ipv4.conf.{iface}.arp_notify": 1}})
    first = fleet.netopt("apply", plan, "--json", "-l", fleet.name(1), env=env)
    assert first.statuses == {"applied"}, first.report
    assert fleet.netopt("apply", plan, "--json", "-l", fleet.name(1), env=env).statuses == {"unchanged"}
    assert {key: _value(fleet, key) for key in wanted} == {key: str(value) for key, value in wanted.items()}
    assert _value(fleet, "net.ipv4.conf.eth0.arp_notify") == "1"

    for setting in (f"{UPLINK}=0", f"{PORTS}=1"):
        fleet.host(1).run("sysctl", "-qw", setting)
    found = fleet.netopt("verify", "--json", "-l", fleet.name(1), env=env).report["hosts"]
    assert {entry["key"] for entry in found[fleet.name(1)]["drift"]} == set(wanted)
    assert fleet.netopt("apply", plan, "-l", fleet.name(1), env=env).status == 0

    assert fleet.netopt("rollback", str(first.report["checkpoint_id"]), env=env).status == 0
    assert {key: _value(fleet, key) for key in before} == before
    assert _value(fleet, "net.ipv4.conf.eth0.arp_notify") == "0"


def _value(fleet: Fleet, key: str) -> str:
    """Return what the first host's kernel says of a key."""
    return fleet.values(key)[0] if key != UPLINK else fleet.host(1).run("sysctl", "-n", key).strip()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A rollback that netopt's own reading takes for exact is judged by what the tools print as well."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kernel.transaction_host import CHECKPOINTS, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

BLIND = (sys.executable, "-m", "tests.kernel.blind_program")
SHAPER = {"shaper": {"egress_mbit": 50, "ingress_mbit": 50}}
RULES = {"rate_limits": [{"rate": "10/second", "protocol": "udp", "port": 9}]}
TABLE = 'table inet netopt { chain mine { type filter hook input priority 5; udp dport 9 accept comment "nine"; }; }'
FILTER = (
    "filter protocol ip pref 3 u32 chain 0",
    "filter protocol ip pref 3 u32 chain 0 fh 800: ht divisor 1",
    (
        "filter protocol ip pref 3 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:1 "
        "match 00000000/00000000 at 0"
    ),
)
# what is there, the plan, what is not seen, the command that shows it, and the lines that it lacks or has
LOST: dict[str, tuple[str, dict[str, Any], list[str], str, str | None, str | None]] = {
    "a chain": (
        "tc qdisc add dev eth0 clsact; tc chain add dev eth0 ingress chain 7",
        SHAPER,
        ["chains"],
        "tc -d chain show dev eth0 ingress",
        "chain parent ffff: chain 7",
        None,
    ),
    "a filter": (
        "tc qdisc add dev eth0 clsact; tc filter add dev eth0 egress prio 3 protocol ip u32 match u32 0 0 flowid 1:1",
        SHAPER,
        ["filters of preference 3"],
        "tc -d filter show dev eth0 egress",
        "\n".join(FILTER),
        None,
    ),
    "an attribute": (
        "tc qdisc add dev eth0 root handle 7: stab overhead 10 pfifo limit 9",
        SHAPER,
        ["size tables"],
        "tc -d qdisc show dev eth0",
        "qdisc pfifo 7: dev eth0 root limit 9p overhead 10",
        "qdisc pfifo 7: dev eth0 root limit 9p",
    ),
    "a comment of a rule": (
        f"echo '{TABLE}' | nft -f -",
        RULES,
        ["comments of rules", "comments to load"],
        "nft -s list table inet netopt",
        'chain mine: udp dport 9 accept comment "nine"',
        "chain mine: udp dport 9 accept",
    ),
}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with one interface."""
    with transaction_host() as made:
        yield made


def blind(host: Host, blind_to: list[str], **asked: Any) -> dict[str, Any]:
    """Apply or roll back without seeing something, and return the report."""
    report: dict[str, Any] = json.loads(host.run(*BLIND, stdin=json.dumps({"blind_to": blind_to, **asked})))
    return report


@pytest.mark.parametrize("name", LOST)
def test_what_was_lost_is_told(host: Host, name: str) -> None:
    """The report says that the rollback failed, and gives the command with the lines before and after it."""
    state, changes, unseen, command, wanted, found = LOST[name]
    assert host.shell(state) == ""
    plan = {"iface": "eth0", "changes": changes}
    report = blind(host, unseen, plan=plan, checkpoint_id="one", confirm_timeout_s=0)
    assert report["status"] == "applied", report["error"]
    report = blind(host, unseen, state="restored", id="one")
    error = report["error"]
    assert report["status"] == "rollback_failed", host.view()
    assert (error["stage"], error["key"], error["wanted"], error["after"]) == ("verify", command, wanted, found)
    (checkpoint,) = host.checkpoint("listed")["checkpoints"]
    assert checkpoint["status"] == "rolled_back"
    assert checkpoint["note"].startswith(f"After the rollback `{command}` prints other than before the change")
    assert host.apply(SHAPER, confirm_timeout_s=0)["status"] == "applied", "the host is not stuck"


def test_told_at_the_console(host: Host) -> None:
    """What was lost is told by the checkpoint's own program too."""
    host.shell(LOST["a chain"][0])
    plan = {"iface": "eth0", "changes": SHAPER}
    assert blind(host, ["chains"], plan=plan, checkpoint_id="one", confirm_timeout_s=0)["status"] == "applied"
    path = f"{CHECKPOINTS}/one/seen.json"
    told = host.shell(
        f"grep -c 'tc -d chain show dev eth0 ingress' {path}; python3 -I {CHECKPOINTS}/one/restore.pyz --restore"
    )
    assert told.startswith("1\n"), told
    assert "After the rollback `tc -d chain show dev eth0 ingress` prints other than before the change" in told


def test_what_others_have_changed_and_keep_is_no_failure(host: Host) -> None:
    """A rollback that is asked to keep what somebody else has changed since does not complain of it."""
    key = "net.ipv4.tcp_fin_timeout"
    changes = {"sysctl": {key: "41", "net.ipv4.tcp_max_syn_backlog": "300"}}
    assert host.apply(changes, checkpoint_id="one", confirm_timeout_s=0)["status"] == "applied"
    host.shell(f"sysctl -w {key}=43")
    report = host.checkpoint("restored", id="one", on_conflict="keep")["report"]
    assert (report["status"], report["error"]) == ("rolled_back", None)
    assert host.shell(f"sysctl -n {key}").strip() == "43"


SETS = """
table inet netopt {
  set seen { type ipv4_addr; size 99; flags dynamic, timeout; timeout 1h; elements = { 192.0.2.7, 192.0.2.8 }; }
  set ports { type inet_service; flags interval; elements = { 5-7, 9, 11-300, 400, 500, 600, 700, 800, 900 }; }
  chain mine {
    type filter hook input priority 5
    udp dport @ports update @seen { ip saddr limit rate 9/second } counter packets 7 bytes 8 drop
  }
}"""


def test_what_moves_by_itself_is_no_failure(host: Host) -> None:
    """Elements of dynamic sets expire, counters count, flows come as classes: a good rollback stays a good one."""
    host.shell(f"echo '{SETS}' | nft -f -; tc qdisc add dev eth0 root handle 7: htb default 1")
    host.shell("tc class add dev eth0 parent 7: classid 7:1 htb rate 1mbit; tc qdisc add dev eth0 parent 7:1 fq_codel")
    report = host.apply({**SHAPER, **RULES, "mtu": 1400}, checkpoint_id="one", confirm_timeout_s=0)
    assert report["status"] == "applied", report["error"]
    host.shell("ping -c 3 -i 0.1 -W 1 192.0.2.9; nft add element inet netopt seen { 192.0.2.99 }")
    report = host.checkpoint("restored", id="one")["report"]
    assert (report["status"], report["error"]) == ("rolled_back", None)
    views = host.shell(f"cat {CHECKPOINTS}/one/seen.json")
    for text in ("set ports: element 11-300", "class htb 7:1 root", "limit rate 9/second"):
        assert text in views
    assert '192.0.2.7"' not in views


@pytest.mark.parametrize("how", ["without views", "another tool"])
def test_what_cannot_be_compared_is_not(host: Host, how: str) -> None:
    """A checkpoint of an older release has no views, and another release of a tool prints otherwise: neither fails."""
    host.shell(LOST["a chain"][0])
    plan = {"iface": "eth0", "changes": SHAPER}
    assert blind(host, ["chains"], plan=plan, checkpoint_id="one", confirm_timeout_s=0)["status"] == "applied"
    rewrite = "del value['views']" if how == "without views" else "value['views']['tc']['tools']['tc'] = [1, 1]"
    program = (
        "from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import seal, unseal; "
        f"path = '{CHECKPOINTS}/one/seen.json'; value = unseal(open(path).read(), name=path); {rewrite}; "
        "open(path, 'w').write(seal(value))"
    )
    host.run(sys.executable, "-c", program)
    report = blind(host, ["chains"], state="restored", id="one")
    assert (report["status"], report["error"]) == ("rolled_back", None)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A change that goes wrong on the way, that meets the controller's own connection, or that another change precedes."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import STATE_DIR, Store
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ansible_collections.netopt.linux.plugins.module_utils._common.change import Operation

    Call = Callable[..., dict[str, Any]]
    View = Callable[[], str]

pytestmark = pytest.mark.own_host

FIN = "net.ipv4.tcp_fin_timeout"
EVERYTHING: dict[str, Any] = {
    "sysctl": {"net.ipv4.ip_forward": "1", FIN: "15"},
    "mtu": 1400,
    "offloads": {"tso": False},
    "shaper": {"egress_mbit": 100, "ingress_mbit": 50},
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
}
CLASSES: dict[str, Any] = {
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "qdisc": {"type": "htb", "params": {"default": "1:10"}},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 50},
        {"classid": "1:20", "rate_mbit": 20, "match": [{"proto": "tcp", "dports": ["443"]}, {"src": "192.0.2.0/28"}]},
    ],
    "rate_limits": [{"rate": "100/second", "burst": 7, "protocol": "udp", "port": 53}],
    "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "192.0.2.7", "to_port": 8080}],
}
BY_HAND = """
tc qdisc add dev eth0 root handle 7: htb default 1
tc class add dev eth0 parent 7: classid 7:1 htb rate 5mbit
tc qdisc add dev eth0 parent 7:1 handle 71: tbf rate 4mbit burst 5k latency 20ms
tc filter add dev eth0 parent 7: protocol ip prio 5 u32 match ip dport 80 0xffff flowid 7:1
tc filter add dev eth0 parent 7: protocol ip prio 6 u32 match ip dport 81 0xffff action mirred egress mirror dev peer0
tc qdisc add dev eth0 handle ffff: ingress
tc filter add dev eth0 parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev peer0
nft add table inet netopt
nft add set inet netopt seen '{ type ipv4_addr; flags dynamic,timeout; timeout 1m; }'
nft add chain inet netopt input '{ type filter hook input priority 5; policy accept; }'
nft add rule inet netopt input tcp dport 9 counter drop
sysctl -qw net.ipv4.tcp_fin_timeout=44
ip link set eth0 mtu 1450
ethtool -K eth0 tso off
"""


def run(
    changes: Mapping[str, Any], fault: Callable[[], None] | None = None, *, at: int = 0, identity: str = "one"
) -> Any:
    """Apply a plan, with a fault at one of its operations; return the report."""
    left = [at]

    def on_operation(_operation: Operation) -> None:
        if fault is not None and left[0] == 0:
            fault()
        left[0] -= 1

    asked = {"plan": {"iface": "eth0", "changes": dict(changes)}, "checkpoint_id": identity, "confirm_timeout_s": 0}
    request = request_of(asked)
    return Transaction(request, on_operation=on_operation).run()


def refuse() -> None:
    """Fail as a tool does."""
    raise NetoptError("made to fail", stage="apply", key="a test")


def fail() -> None:
    """Fail as nobody foresaw."""
    raise KeyError("made to fail")


def terminate() -> None:
    """End as at a shutdown."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("at", [0, 1, 3, 5, 7])
@pytest.mark.parametrize("fault", [refuse, fail])
def test_a_failure_is_undone(view: View, fault: Callable[[], None], at: int) -> None:
    """Whichever operation fails, and however, everything is as before, and the first error is the one reported."""
    before = view()
    report = run(EVERYTHING, fault, at=at)
    assert report.status == "rolled_back", report.error
    assert "made to fail" in report.error["message"]
    assert view() == before


def test_filters_that_were_deleted_come_back(call: Call, view: View) -> None:
    """Tables that no dump lists any more keep no plan out: they are made again, and go with the plan."""
    untouched = view()
    assert run(CLASSES).status == "applied"
    whole = view()
    subprocess.run(["tc", "filter", "del", "dev", "eth0", "pref", "1"], check=True)
    assert view() != whole
    report = run(CLASSES, identity="two")
    assert report.status == "applied", report.error
    assert view() == whole
    assert call("netopt_checkpoint", state="restored", id="one")["report"]["status"] == "rolled_back"
    assert view() == untouched


@pytest.mark.parametrize("at", [1, 4])
def test_an_end_on_the_way_is_undone(view: View, at: int) -> None:
    """A signal that asks to end is obeyed once the host is as before."""
    before = view()
    report = run(EVERYTHING, terminate, at=at)
    assert report.status == "rolled_back", report.error
    assert view() == before


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (EVERYTHING, {**CLASSES, "connection_limits": []}),
        (CLASSES, {**EVERYTHING, "rate_limits": [], "nat_rules": []}),
    ],
)
def test_the_change_before_comes_back(call: Call, view: View, first: dict[str, Any], second: dict[str, Any]) -> None:
    """A rollback of the second leads to the first, whatever it takes; one of the first, to before both."""
    untouched = view()
    for identity, changes in (("one", first), ("two", second)):
        before = view()
        plan = {"iface": "eth0", "changes": changes}
        made = call("netopt_apply", plan=plan, checkpoint_id=identity, confirm_timeout_s=0)
        assert made["report"]["status"] == "applied", made["report"]["error"]
    call("netopt_checkpoint", state="restored", id="two")
    assert view() == before
    call("netopt_checkpoint", state="restored", id="one")
    assert view() == untouched


def test_what_was_made_by_hand_comes_back(call: Call, view: View) -> None:
    """Trees, sets and rules that netopt would not make are restored as they were."""
    subprocess.run(["sh", "-e", "-c", BY_HAND], check=True)
    before = view()
    for changes in (CLASSES, EVERYTHING, {"qdisc": {"type": "pfifo", "params": {"limit": 5}}}):
        plan = {"iface": "eth0", "changes": changes}
        made = call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0)
        assert made["report"]["status"] == "applied", made["report"]["error"]
        assert call("netopt_checkpoint", state="restored", id="one")["report"]["status"] == "rolled_back"
        assert view() == before
        call("netopt_checkpoint", state="absent", id="one")


def test_many_classes(call: Call, view: View) -> None:
    """A large tree is rehearsed by its shapes, comes about, is changed in one place, and goes."""
    before = view()
    many = [
        {"classid": f"1:{number:x}", "rate_mbit": 1 + number % 3, "match": [{"proto": "udp", "dports": [str(number)]}]}
        for number in range(16, 1200)
    ]
    limit = {"protocol": "tcp", "port": 443, "limit": 100}
    changes = {"qdisc": {"type": "htb", "params": {}}, "htb_classes": many, "connection_limits": [limit]}
    plan = {"iface": "eth0", "changes": changes}
    made = call("netopt_apply", plan=plan, checkpoint_id="one", confirm_timeout_s=0)
    assert made["report"]["status"] == "applied", made["report"]["error"]
    assert call("netopt_apply", plan=plan, confirm_timeout_s=0)["report"]["status"] == "unchanged"
    many[100]["rate_mbit"] = 9
    changed = call("netopt_apply", plan=plan, checkpoint_id="two", confirm_timeout_s=0)
    assert len(changed["report"]["diff"]) < 10
    limits = {"iface": "peer0", "changes": {"connection_limits": [], "rate_limits": [{"rate": "9/second"}]}}
    assert call("netopt_apply", plan=limits, confirm_timeout_s=0)["report"]["status"] == "applied"
    call("netopt_checkpoint", state="restored", id="one")
    assert view() == before


@pytest.mark.parametrize("changes", [EVERYTHING, CLASSES, {"sysctl": {"net.ipv6.conf.all.forwarding": "1"}}])
def test_a_change_that_lost_its_maker(call: Call, view: View, changes: dict[str, Any]) -> None:
    """Where what watches over a change was killed with its maker, the next change undoes it first and says so."""
    before = view()

    def die() -> None:
        os.kill(Store(STATE_DIR).header("one").guard["pid"], signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    maker = os.fork()
    if maker == 0:
        try:
            run(changes, die, at=min(2, len(changes) - 1))
        finally:
            os._exit(1)
    assert os.WTERMSIG(os.waitpid(maker, 0)[1]) == signal.SIGKILL
    plan = {"iface": "eth0", "changes": {"sysctl": {FIN: "16"}}}
    made = call("netopt_apply", plan=plan, checkpoint_id="two", confirm_timeout_s=0)
    assert made["report"]["status"] == "applied", made["report"]["error"]
    assert "interrupted" in " ".join(made["report"]["warnings"])
    call("netopt_checkpoint", state="restored", id="two")
    assert view() == before


def test_addresses_that_an_mtu_took_away(call: Call) -> None:
    """An MTU under 1280 removes all of IPv6 from an interface; a rollback brings it back, with what was added."""
    subprocess.run(["ip", "address", "add", "2001:db8::5/64", "dev", "eth0"], check=True)
    Path("/proc/sys/net/ipv6/conf/eth0/hop_limit").write_text("9", encoding="ascii")
    call("netopt_checkpoint", state="present", id="one", iface=["eth0"])
    subprocess.run(["ip", "link", "set", "eth0", "mtu", "1000"], check=True)
    restored = call("netopt_checkpoint", state="restored", id="one")
    assert restored["report"]["status"] == "rolled_back", restored["report"]["error"]
    told = subprocess.run(["ip", "-6", "address", "show", "dev", "eth0"], check=True, capture_output=True, text=True)
    assert "mtu 1500" in told.stdout
    assert "2001:db8::5/64" in told.stdout
    assert Path("/proc/sys/net/ipv6/conf/eth0/hop_limit").read_text(encoding="ascii").strip() == "9"


@pytest.mark.own_host(unrehearsed=True)
@pytest.mark.parametrize("changes", [EVERYTHING, CLASSES])
def test_where_nothing_can_be_rehearsed(view: View, changes: dict[str, Any]) -> None:
    """A host that may make no network namespaces checks what it can, makes the change, and undoes it when it fails."""
    before = view()
    failed = run(changes, refuse, at=1)
    assert failed.status == "rolled_back", failed.error
    assert view() == before
    made = run(changes, identity="two")
    assert made.status == "applied", made.error
    assert made.warnings
    assert run(changes, identity="three").status == "unchanged"


@pytest.mark.own_host(unrehearsed=True)
def test_what_a_kernel_lacks_is_found_without_a_rehearsal(call: Call, view: View) -> None:
    """A kind of queue that there is nowhere, and rules that nft does not take, are refused before a change."""
    before = view()
    for changes in (
        {"qdisc": {"type": "nonesuch", "params": {}}},
        {"nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 80, "to_addr": "no address"}]},
    ):
        found = call("netopt_apply", plan={"iface": "eth0", "changes": changes}, confirm_timeout_s=0)
        assert found["report"]["status"] == "failed"
    assert view() == before


MEETS: dict[str, tuple[dict[str, Any], bool]] = {
    "its port sent away": (
        {
            "sysctl": {"net.ipv4.ip_forward": "1"},
            "nat_rules": [{"type": "dnat", "protocol": "tcp", "port": 22, "to_addr": "192.0.2.7"}],
        },
        True,
    ),
    "its port bounded, with room": (
        {"connection_limits": [{"protocol": "tcp", "port": 22, "limit": 50, "mask": 32, "action": "reject"}]},
        False,
    ),
    "a rate of one an hour for everything": ({"rate_limits": [{"rate": "1/hour", "burst": 1}]}, True),
    "shaped to 8 kbit/s": ({"shaper": {"egress_mbit": 0.008}}, True),
    "another port bounded": ({"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 1}]}, False),
}


@pytest.mark.parametrize(("changes", "refused"), MEETS.values(), ids=MEETS.keys())
def test_the_controllers_own_connection(
    call: Call, view: View, monkeypatch: pytest.MonkeyPatch, *, changes: dict[str, Any], refused: bool
) -> None:
    """A plan that would keep the next connection out is refused before anything is touched."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
    before = view()
    found = call("netopt_apply", plan={"iface": "eth0", "changes": changes}, confirm_timeout_s=60)
    assert (found["report"]["status"] == "failed") == refused, found["report"]["error"]
    if refused:
        assert "192.0.2.9" in found["report"]["error"]["message"]
        assert view() == before

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with three plans in force, and the changes of them that faults are injected into.

A *standing* is what the record says and what the tools print. Whatever becomes of a change, a host has the standing
from before it or the one from after it, never the record of one with the kernel of the other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store
from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from ansible_collections.netopt.linux.plugins.module_utils._plans.in_force import plans_in_force
from tests.faults.engine import asking
from tests.faults.hosts import Host, host
from tests.faults.side_by_side import STATE, reads

STATE_DIR = "var/lib/netopt"
DISK = f"mount -t tmpfs -o size=64m,nr_inodes=4000 none /{STATE_DIR}\n"
LIMIT = {"protocol": "tcp", "port": 443, "limit": 100}
MARK = {"match": {"proto": "udp", "dports": [3478]}, "dscp": 46}
OWN: dict[str, Any] = {
    "iface": "wan0",
    "changes": {"sysctl": {"net.ipv4.tcp_fin_timeout": "31"}, "mtu": 1410, "connection_limits": [LIMIT]},
}
BASE: dict[str, Any] = {
    "name": "base",
    "iface": "eth0",
    "changes": {"sysctl": {"net.core.somaxconn": "5000"}, "mtu": 1400, "shaper": {"egress_mbit": 20}, "dscp": [MARK]},
}
WEB: dict[str, Any] = {
    "name": "web",
    "iface": ["eth0", "wan0"],
    "changes": {
        "offloads": {"gro": True},
        "qdisc": {"type": "pfifo", "params": {"limit": 11}},
        "connection_limits": [{**LIMIT, "port": 80}],
    },
}
NEW_WEB: dict[str, Any] = {
    "name": "web",
    "iface": "eth0",
    "changes": {
        "sysctl": {"net.core.somaxconn": "5000", "net.ipv4.tcp_keepalive_time": "600"},
        "qdisc": {"type": "pfifo", "params": {"limit": 12}},
        "dscp": [{**MARK, "dscp": 34}],
    },
}
FIRST = (OWN, BASE, WEB)
CHANGES: dict[str, dict[str, Any]] = {"apply": {"plan": NEW_WEB}, "remove": {"remove": ["base"]}}
LEFT = {"apply": (OWN, BASE, NEW_WEB), "remove": (OWN, WEB)}  # the plans after each
NOTHING = {"sysctl": {"net.ipv4.tcp_fin_timeout": None}, "mtu": None, "connection_limits": None}


@dataclass(frozen=True)
class Standing:
    """How a host stands.

    Attributes:
        record: what each plan in force says, in order.
        dump: what the tools print.
        reads: the same in a form that two hosts share.
    """

    record: list[Any]
    dump: str
    reads: dict[str, Any]


def record() -> list[Any]:
    """Return what each plan says that is in force on this host."""
    found = plans_in_force(Store())
    return sorted([one.plan, one.field, one.key, list(one.ifaces), repr(one.value)] for one in found.sections)


def status(identity: str) -> str | None:
    """Return the status of a checkpoint of this host, by its own boot; ``None`` where there is no such checkpoint."""
    return next((header.status for header in Store().headers() if header.id == identity), None)


def standing(made: Host) -> Standing:
    """Return how a host stands."""
    told, seen = made.run(lambda: [record(), reads()]).value
    return Standing(told, made.dump(), seen)


def ask(made: Host, **options: Any) -> dict[str, Any]:
    """Apply or remove plans, which has to be possible, and return the report."""
    report: dict[str, Any] = made.run(asking(options)).value
    assert report["error"] is None, report["error"]
    return report


@dataclass
class Case:
    """A change of three plans, and how the host stands before and after it.

    Attributes:
        name: one of ``CHANGES``.
        host: with three plans in force.
        change: what is asked.
        before: how the host stands.
        after: how it is to stand once the change is made.
    """

    name: str
    host: Host
    change: dict[str, Any]
    before: Standing
    after: Standing

    def settled(self) -> str:
        """Return whether the host stands as ``before`` or as ``after``; anything else fails."""
        told = self.host.run(record).value
        assert told in (self.before.record, self.after.record), f"neither plans of before nor of after: {told}"
        name = "before" if told == self.before.record else "after"
        self.host.check(getattr(self, name).dump)
        return name

    def recovered(self, identity: str) -> str:
        """Have the next run do what is due, return how the host stands, and lead it back to ``before``."""
        self.host.wait_until_idle()
        assert ask(self.host, plan=OWN)["status"] == "unchanged"
        name = self.settled()
        assert (self.host.status(identity) == "confirmed") is (name == "after"), self.host.status(identity)
        drift = checkpoint_states.Request(state="verified")
        assert not self.host.run(lambda: checkpoint_states.run(drift).drift).value
        if name == "after":
            self.host.by_hand(identity, "--restore")
            assert self.settled() == "before"
        return name

    def end(self, pristine: str) -> None:
        """Take all plans away: the host is as it was before the first."""
        ask(self.host, remove=["base", "web"])
        ask(self.host, plan={"iface": "wan0", "changes": NOTHING})
        assert self.host.run(record).value == []
        self.host.check(pristine)


@contextmanager
def case(name: str) -> Iterator[Case]:
    """Make a host with three plans in force, and see in the end that they can all be taken away.

    Args:
        name: one of ``CHANGES``.
    """
    with host(DISK + STATE) as made:
        pristine = made.dump()
        for number, plan in enumerate(FIRST):
            assert ask(made, plan=plan, checkpoint_id=f"first-{number}")["status"] == "applied"
        before = standing(made)
        assert ask(made, **CHANGES[name], checkpoint_id="whole")["status"] == "applied"
        after = standing(made)
        assert before.record != after.record
        made.by_hand("whole", "--restore")
        found = Case(name, made, CHANGES[name], before, after)
        assert found.settled() == "before"
        yield found
        found.end(pristine)


@contextmanager
def restarted(made: Host) -> Iterator[Host]:
    """Make a host that has what another one's disk holds, and has booted since."""
    with host(STATE) as again:
        shutil.copytree(made.root / STATE_DIR, again.root / STATE_DIR, dirs_exist_ok=True)
        Path(again.root / "run/boot_id").write_text("11111111-2222-3333-4444-555555555555\n", encoding="ascii")
        again.shell("mount --bind /run/boot_id /proc/sys/kernel/random/boot_id", check=True)
        yield again

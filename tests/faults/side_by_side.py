# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans that come, change, go and are rolled back on a host, beside a model that says what it should read.

The model is written apart from the product: it keeps for each plan what it said last, and knows of each setting in
one line how the tools show it.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

IFACES = ("eth0", "wan0")
ORIGINAL = {"net.core.somaxconn": "4000", "net.ipv4.tcp_fin_timeout": "50"}
LISTS = ("dscp", "connection_limits")
STATE = """
ip link add wan0 type veth peer name wan1
ip link set wan0 up; ip link set wan1 up; ip link set wan0 mtu 1480
sysctl -qw net.core.somaxconn=4000 net.ipv4.tcp_fin_timeout=50
tc qdisc add dev wan0 root handle 7: pfifo limit 33
nft add table inet other '{ chain c { type filter hook input priority 5; tcp dport 9 drop; }; }'
"""
Key = tuple[str, str, str]  # the field, its key, the interface


@dataclass
class Model:
    """What plans have said, by name.

    Attributes:
        said: ``{name: {(field, key, interface): value}}``; the plan without a name is ``""``.
    """

    said: dict[str, dict[Key, Any]] = field(default_factory=dict)

    def apply(self, name: str, ifaces: tuple[str, ...], changes: dict[str, Any]) -> None:
        """Lay a plan over."""
        told: dict[Key, Any] = {}
        for what, value in changes.items():
            if what in ("sysctl", "offloads"):
                places = [""] if what == "sysctl" else ifaces
                told.update({(what, key, iface): each for key, each in value.items() for iface in places})
            else:
                told.update({(what, "", iface): value for iface in ifaces})
        mine = {} if name else dict(self.said.get("", {}))
        for key, value in told.items():
            mine.pop(key, None)
            if value not in (None, []):
                mine[key] = value
        self.said[name] = mine

    def conflict(self) -> bool:
        """Return whether two plans want different values of one thing."""
        seen: dict[Key, Any] = {}
        for said in self.said.values():
            for key, value in said.items():
                if key[0] not in LISTS and seen.setdefault(key, value) != value:
                    return True
        return False

    def value(self, what: str, key: str, iface: str) -> Any:
        """Return what is wanted of one thing, ``None`` where no plan says anything."""
        found = [said[what, key, iface] for said in self.said.values() if (what, key, iface) in said]
        return found[0] if found else None

    def expected(self) -> dict[str, Any]:
        """Return how the host should read."""
        found: dict[str, Any] = {key: self.value("sysctl", key, "") or value for key, value in ORIGINAL.items()}
        for iface in IFACES:
            found[f"{iface} mtu"] = self.value("mtu", "", iface) or {"eth0": 1500, "wan0": 1480}[iface]
            gro = self.value("offloads", "gro", iface)
            found[f"{iface} gro"] = "on" if gro else "off"
            found[f"{iface} tree"] = self._tree(iface)
        for what in LISTS:
            found[what] = sorted(
                f"{name}: {what}[{at}] {iface}" if name else f"{what}[{at}] {iface}"
                for name, said in self.said.items()
                for iface in IFACES
                for at, _entry in enumerate(said.get((what, "", iface), ()))
            )
        return found

    def _tree(self, iface: str) -> list[str]:
        shaper, qdisc = self.value("shaper", "", iface), self.value("qdisc", "", iface)
        leaf = [f"pfifo {qdisc['params']['limit']}"] if qdisc else []
        if shaper:
            return sorted(["htb", f"class {shaper['egress_mbit']}Mbit", *leaf])
        return leaf or {"eth0": ["noqueue"], "wan0": ["pfifo 33"]}[iface]


def reads() -> dict[str, Any]:
    """Return how the host reads, by the tools."""
    found: dict[str, Any] = {key: _run("sysctl", "-n", key).strip() for key in ORIGINAL}
    for iface in IFACES:
        found[f"{iface} mtu"] = json.loads(_run("ip", "-j", "link", "show", iface))[0]["mtu"]
        found[f"{iface} gro"] = re.search(r"generic-receive-offload: (\w+)", _run("ethtool", "-k", iface))[1]  # type: ignore[index]
        tree = []
        for line in _run("tc", "qdisc", "show", "dev", iface).splitlines():
            words = line.split()
            if words[1] in ("pfifo", "htb", "noqueue"):
                tree.append(f"pfifo {words[-1].rstrip('p')}" if words[1] == "pfifo" else words[1])
        tree += [
            f"class {rate}"
            for rate in re.findall(r"class htb 1:1 .*rate (\S+)", _run("tc", "class", "show", "dev", iface))
        ]
        found[f"{iface} tree"] = sorted(tree)
    table = _run("nft", "list", "table", "inet", "netopt")
    again = (" ip6 ", "@connlimit_tcp_v6", "ct original")  # each limit once more: for IPv6, and for published ports
    for what in LISTS:
        found[what] = sorted(
            f"{comment} {iface}"
            for line in table.splitlines()
            for comment in set(re.findall(rf'comment "((?:\S+: )?{what}\[\d+\])"', line))
            for iface in re.findall(r'"(eth0|wan0)"', line)
            if not any(words in line for words in again)
        )
    return found


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def journey(steps: list[dict[str, Any]]) -> list[str]:
    """Take steps on this host and return what was not as it should be, with the step after which it was found.

    Args:
        steps: ``{"do": "apply", "name", "ifaces", "changes"}``, ``{"do": "remove", "name"}`` or ``{"do": "rollback",
            "back"}``, with the number of changes that are undone.
    """
    model = Model()
    past: list[tuple[str, Model]] = []
    for number, step in enumerate(steps):
        identity = f"step-{number}"
        before = copy.deepcopy(model)
        if step["do"] == "rollback":
            if past:
                identity, model = past[max(0, len(past) - step["back"])]
                past = past[: max(0, len(past) - step["back"])]
                report = checkpoint_states.run(checkpoint_states.Request(state="restored", id=identity)).report
            else:
                continue
        elif step["do"] == "remove":
            model.said.pop(step["name"], None)
            request = request_of({"remove": [step["name"]], "checkpoint_id": identity})
            report = Transaction(request).run()
        else:
            model.apply(step["name"], tuple(step["ifaces"]), step["changes"])
            named = {"name": step["name"]} if step["name"] else {}
            plan = {**named, "iface": step["ifaces"], "changes": step["changes"]}
            report = Transaction(request_of({"plan": plan, "checkpoint_id": identity})).run()
        refused = report.error is not None and report.error["stage"] == "plan"
        if step["do"] == "apply" and model.conflict() != refused:
            return [f"step {number}: {step}: conflict {model.conflict()}, but {report.status}: {report.error}"]
        if refused:
            model = before
        elif report.error is not None:
            return [f"step {number}: {step}: {report.status}: {report.error['message']}"]
        elif report.checkpoint_id and report.changed and step["do"] != "rollback":
            past.append((identity, before))
        problems = _problems(model)
        if problems:
            return [f"step {number}: {step}: {problem}" for problem in problems]
    return []


def _problems(model: Model) -> list[str]:
    """Return what on this host is not as the model says."""
    wanted, found = model.expected(), reads()
    problems = [f"{key} is {found[key]}, not {value}" for key, value in wanted.items() if found[key] != value]
    drift = checkpoint_states.run(checkpoint_states.Request(state="verified")).drift
    return problems + [f"drift: {one}" for one in drift or []]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operator's tools say about traffic control on a host: every object that one of them lists."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.faults.hosts import Host, differences

ACTIONS = (
    *("bpf", "connmark", "csum", "ct", "ctinfo", "gact", "gate", "ife", "mirred", "mpls", "nat", "pedit", "police"),
    *("sample", "simple", "skbedit", "skbmod", "tunnel_key", "vlan"),
)
PLAIN = {"noqueue"}
# Where a class of these loses its queue, the kernel puts its default there, as for a new class; it only is not listed
# (the graft functions in net/sched).
REFILLED = {"drr", "ets", "hfsc", "htb", "multiq", "prio", "qfq"}
MOVING = (  # listed while packets wait; drawn by lot; counts packets; set by whoever reads the counters
    (re.compile(r"(?m)^class (?:fq_codel|fq_pie|cake|sfq|hhf) .*\n"), ""),
    (re.compile(r" (?:seed|perturbation) \d+"), ""),
    (re.compile(r"direct_packets_stat \d+"), "direct_packets_stat"),
    (re.compile(r"(?m)^\s*used_hw_stats \w+ *\n"), ""),
)


@dataclass(frozen=True)
class View:
    """What the tools say.

    Attributes:
        devices: traffic control, by device.
        others: actions, shared blocks and links.
    """

    devices: dict[str, str]
    others: str

    def text(self) -> str:
        """Return all of it."""
        return "\n".join([*(f"{name}:\n{said}" for name, said in self.devices.items()), self.others])

    def differs(self, other: View) -> str:
        """Return what differs in another view; empty where nothing does."""
        return differences(self.text(), other.text())


def view(host: Host) -> View:
    """Look at a host."""
    listed = host.shell(
        "ls /sys/class/net; echo; tc -d qdisc show; tc -d qdisc show invisible | sed 's/$/ (invisible)/'"
    )
    names, _empty, qdiscs = listed.partition("\n\n")
    devices, blocks = {}, set(re.findall(r"(?:ingress|egress)_block (\d+)", qdiscs))
    for name in names.split():
        mine = re.findall(rf"(?m)^qdisc (\S+) (\S+) dev {re.escape(name)} (.*)$", qdiscs)
        devices[name] = _moved("\n".join(sorted(" ".join(words) for words in _listed_alike(mine))))
        if {kind for kind, _handle, _rest in mine} - PLAIN:
            devices[name] += "\n" + _device(host, name, [handle for _kind, handle, _rest in mine])
    lines = [f"actions ls action {kind}" for kind in ACTIONS]
    lines += [f"{form} show block {number}" for number in sorted(blocks) for form in ("chain", "filter")]
    return View(devices, _batch(host, lines) + host.shell("ip -d link show"))


def _listed_alike(qdiscs: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return qdiscs (kind, handle, the rest) without default ones that are there whether they are listed or not."""
    kinds = {handle: kind for kind, handle, _rest in qdiscs if handle != "0:"}
    parents = [re.match(r"parent (\w+:)", rest) for _kind, _handle, rest in qdiscs]
    return [
        one
        for one, parent in zip(qdiscs, parents, strict=True)
        if not (one[1] == "0:" and one[2].endswith("(invisible)") and parent and kinds.get(parent[1]) in REFILLED)
    ]


def _device(host: Host, name: str, handles: list[str]) -> str:
    """Return classes, chains and filters of a device."""
    classes = _batch(host, [f"class show dev {name}"])
    places = ["", "ingress", "egress"]
    parents = [handle for handle in handles if handle != "0:"]
    parents += re.findall(r"(?m)^class \S+ (\S+)", classes)
    places += [f"parent {parent}" for parent in dict.fromkeys(parents)]
    shown = _batch(host, [f"{form} show dev {name} {place}" for place in places for form in ("chain", "filter")])
    return classes + shown


def _batch(host: Host, lines: list[str]) -> str:
    text = "\n".join(lines)
    return _moved(host.shell(f"tc -d -force -batch - 2>/dev/null <<'END'\n{text}\nEND\n"))


def _moved(text: str) -> str:
    for pattern, words in MOVING:
        text = pattern.sub(words, text)
    return text

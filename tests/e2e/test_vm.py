# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a full kernel has and namespaces lack: the examples as they are, and every queueing discipline."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.cli.validate import as_script
from mcp_bridge.lab.kernel_view import Host, kernel_view
from mcp_bridge.lab.state import Lab
from mcp_bridge.planning.checked_plan import check
from mcp_bridge.policy import load_policy
from tests.e2e.fleet import ROOT, Fleet, on_console

pytestmark = [pytest.mark.vm, pytest.mark.long]

MODULES, TEXT = 1, 2  # which machine gets the plan through netopt, and which by hand
EXAMPLES = {
    "gaming": (
        ("sysctl -n net.ipv4.tcp_congestion_control", "bbr"),
        ("sysctl -n net.core.rmem_max", "16777216"),
        ("tc qdisc show dev eth0 root", "qdisc fq 1: root"),
        ("nft list table inet netopt", "tcp dport 22 ct state new add @"),
    ),
    "server-protection": (
        ("sysctl -n net.ipv4.tcp_max_syn_backlog", "8192"),
        ("sysctl -n net.netfilter.nf_conntrack_max", "1000000"),
        ("nft list table inet netopt", "ct count over 100"),
        ("nft list table inet netopt", "limit rate over 1000/second burst 50 packets"),
    ),
}
LEAF = {"fq": {"maxrate_mbit": 50}, "fq_codel": {"target_us": 4000}, "sfq": {"perturb_s": 10}, "pfifo_fast": {}}
TBF = {"rate_mbit": 5, "burst_bytes": 20000, "latency_ms": 50}
QDISCS: dict[str, dict[str, Any]] = {
    **{kind: {"qdisc": {"type": kind, "params": params}} for kind, params in LEAF.items()},
    "cake both ways": {
        "qdisc": {"type": "cake", "params": {"diffserv": "diffserv4", "nat": True, "rtt_ms": 50}},
        "shaper": {"egress_mbit": 20, "ingress_mbit": 90},
    },
    "tbf": {"qdisc": {"type": "tbf", "params": TBF}},
    "htb with every leaf": {
        "htb_classes": [
            {"classid": f"1:{number}", "rate_mbit": 5, "leaf": {"type": kind, "params": LEAF.get(kind, {})}}
            for number, kind in enumerate(("fq", "fq_codel", "sfq", "pfifo", "bfifo", "cake"), start=11)
        ],
        "default_class": "1:12",
    },
    "netem under htb": {
        "htb_classes": [{"classid": "1:10", "rate_mbit": 50, "match": [{"proto": "udp", "dscp": "EF"}]}],
        "default_class": "1:10",
        "netem": {"delay_ms": 5, "loss_pct": 0.1, "duration_s": 3600},
    },
    "netem with a classless qdisc": {
        "qdisc": {"type": "fq_codel", "params": {}},
        "netem": {"delay_ms": 5, "delay_jitter_ms": 1, "duration_s": 3600},
    },
}
QUEUES = {
    "nic": {"rings": {"rx": 128, "tx": "max"}, "txqueuelen": 5000},
    "steering": {"rps_cpus": "all", "rps_flow_cnt": 1000, "rfs_entries": 30000},
}
RFS_KEY = "net.core.rps_sock_flow_entries"
KINDS = ("fq", "fq_codel", "cake", "htb", "sfq", "tbf", "pfifo_fast", "pfifo", "bfifo", "netem", "ingress")
FLOW = re.compile(r"class (?:fq_codel|cake|sfq) \S+ parent ")  # a queue that holds packets just now is shown as a class
CHANCE = re.compile(
    r"^\d+(?=: )|\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b|fe80::[0-9a-f:]+|(?:refcnt|index|ref|bind|perturb) \S+|seed \d+"
)


ETS = (
    "ip link add ets0 type dummy && ip link set ets0 addrgenmode none up && ip addr add 198.51.100.1/24 dev ets0"
    " && tc qdisc add dev ets0 root handle 1: ets strict 1 quanta 6000 3000 priomap 2 0 1"
    " && tc qdisc add dev ets0 parent 1:1 fq"
)
SEND = """
import socket
for priority, times in ((0, 10), (1, 20), (2, 40), (3, 80)):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, priority)
        for _ in range(times):
            made.sendto(b"x", ("198.51.100.2", 9))
"""


def waiting(machine: Host) -> list[int]:
    """Send packets of four priorities by ets0, of each twice as many; return how many tens wait together.

    A packet more is the machine's own.
    """

    def counts() -> dict[str, int]:
        shown = machine.run("tc", "-s", "class", "show", "dev", "ets0")
        found = re.findall(r"^class \S+ (\S+) .*\n Sent \d+ bytes (\d+) pkt", shown, re.MULTILINE)
        return {name: int(count) for name, count in found if name != "1:1" or "class ets" in shown}

    before = counts()
    machine.run("python3", "-c", SEND)
    return sorted(tens for name, count in counts().items() if (tens := (count - before[name]) // 10))


@pytest.fixture(scope="module")
def loaded(machines: Lab) -> Lab:
    """The machines with modules that bring keys with them, and stay once something has asked for them."""
    for host in machines.hosts:
        on_console(machines, host.name, "modprobe", "-a", "nf_conntrack", "tcp_bbr")
    return machines


@pytest.fixture
def fleet(loaded: Lab, tmp_path: Path) -> Fleet:
    """The machines, and a netopt of the test's own."""
    return Fleet(loaded, tmp_path)


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, str]]:
    """How the last test left the machine, which it has seen to be as before: the next one need not look again."""
    return {}


def plan_file(fleet: Fleet, plan: dict[str, Any]) -> str:
    """Write a plan down and return where it is."""
    path = fleet.folder / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    return str(path)


def by_hand(host: Host, plan: dict[str, Any]) -> None:
    """Run a plan's text on a machine with bash, twice."""
    script = as_script(check(plan, load_policy()).rendered)
    argv = [*host.ssh, "cat >text.sh && bash text.sh && bash text.sh; status=$?; rm text.sh; exit $status"]
    done = subprocess.run(argv, input=script, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def told(host: Host, start: dict[str, str]) -> list[str]:
    """Return what differs on a machine from its own start, without what is left to chance."""
    lines = []
    for command, text in kernel_view(host).items():
        before = set(start[command].splitlines())
        lines += [
            f"{command}: {CHANCE.sub('', line)}"
            for line in text.splitlines()
            if line not in before and not FLOW.search(line)
        ]
    return lines


def agree(fleet: Fleet, seen: dict[str, dict[str, str]], plan: dict[str, Any]) -> Iterator[Host]:
    """Apply a plan by netopt and by hand, hold the two against each other, yield the machine, and go back exactly."""
    machine, other = fleet.host(MODULES), fleet.host(TEXT)
    limit = ("-l", machine.name, "--json")
    before = seen.pop(machine.name, None) or kernel_view(machine), kernel_view(other)
    applied = fleet.netopt("apply", plan_file(fleet, plan), *limit)
    assert applied.statuses == {"applied"}, applied.report["errors"]
    try:
        by_hand(other, plan)
        assert told(machine, before[0]) == told(other, before[1])
        yield machine
        assert fleet.netopt("apply", plan_file(fleet, plan), *limit).statuses == {"unchanged"}
    finally:
        restore(fleet, other, before[1])
        undone = fleet.netopt("rollback", applied.report["checkpoint_id"], *limit)
    assert undone.statuses == {"rolled_back"}, undone.report["errors"]
    lines = fleet.differences({machine.name: before[0]})
    assert [line for line in lines if not FLOW.search(line)] == []
    seen[machine.name] = before[0]


def restore(fleet: Fleet, host: Host, before: dict[str, str]) -> None:
    """Take what was made by hand away again."""
    script = (
        "tc qdisc delete dev eth0 root 2>/dev/null; tc qdisc delete dev eth0 ingress 2>/dev/null;"
        " ip link delete ifb-eth0 2>/dev/null; nft delete table inet netopt 2>/dev/null;"
        " ethtool -G eth0 rx 256 tx 256; ip link set eth0 txqueuelen 1000; cd /sys/class/net/eth0/queues/rx-0;"
        " echo 0 >rps_cpus; echo 0 >rps_flow_cnt; true"
    )
    for line in before["sysctl -a --pattern '^net[.]'"].splitlines():
        key, _, value = line.partition(" = ")
        if key == RFS_KEY or key in fleet.folder.joinpath("plan.json").read_text(encoding="utf-8"):
            script += f" && sysctl -w {shlex.quote(f'{key}={value}')}"
    host.run("sh", "-c", script)


@pytest.mark.parametrize("name", ["gaming", "server-protection"])
def test_an_example_as_it_is(fleet: Fleet, seen: dict[str, dict[str, str]], name: str) -> None:
    """The example holds in sysctl, tc and nft; its text does the same; a second run changes nothing; it goes back."""
    plan = json.loads((ROOT / "examples" / f"{name}.json").read_text(encoding="utf-8"))
    for machine in agree(fleet, seen, plan):
        for command, words in EXAMPLES[name]:
            assert words in machine.run("sh", "-c", command), command


def test_the_web_servers_two_plans(fleet: Fleet, seen: dict[str, dict[str, str]]) -> None:
    """The base of one team and the protection of another hold side by side, and either goes without the other."""
    machine = fleet.host(MODULES)
    before = seen.pop(machine.name, None) or kernel_view(machine)
    limit = ("-l", machine.name, "--json")
    files = [str(ROOT / "examples" / f"web-{name}.yml") for name in ("base", "protection")]
    assert fleet.netopt("apply", *files, *limit).statuses == {"applied"}
    assert fleet.netopt("apply", *files, *limit).statuses == {"unchanged"}
    assert fleet.netopt("verify", *limit).status == 0
    rings = machine.run("ethtool", "-g", "eth0")
    most, now = (re.search(r"^RX:\s+(\d+)", part, re.MULTILINE) for part in rings.split("Current hardware settings"))
    assert most is not None
    assert now is not None
    assert most[1] == now[1]
    assert "qlen 10000" in machine.run("ip", "link", "show", "eth0")
    assert fleet.netopt("remove", "base", *limit).statuses == {"applied"}
    assert "ct count over 100" in machine.run("nft", "list", "table", "inet", "netopt")
    assert fleet.netopt("remove", "protection", *limit).statuses == {"applied"}
    lines = fleet.differences({machine.name: before})
    assert [line for line in lines if not FLOW.search(line)] == []
    seen[machine.name] = before


@pytest.mark.parametrize("changes", QDISCS.values(), ids=QDISCS)
def test_every_qdisc(fleet: Fleet, seen: dict[str, dict[str, str]], changes: dict[str, Any]) -> None:
    """Every kind, alone and below htb, with netem and without: text and modules agree, and it goes back exactly."""
    for machine in agree(fleet, seen, {"iface": "eth0", "changes": changes}):
        shown = machine.run("tc", "qdisc", "show")
        asked = [kind for kind in KINDS if f'"{kind}"' in json.dumps(changes)]
        assert [kind for kind in asked if f"qdisc {kind} " not in shown] == []


def test_queues(fleet: Fleet, seen: dict[str, dict[str, str]]) -> None:
    """Rings, queue length and steering of a device that has them hold, by text and modules alike, and go back."""
    for machine in agree(fleet, seen, {"iface": "eth0", "changes": QUEUES}):
        shown = machine.run("sh", "-c", "ethtool -g eth0 | tail -n 10; cat /sys/class/net/eth0/queues/rx-0/rps_*")
        assert re.findall(r"^(?:RX|TX):\s+(\d+)$", shown, re.MULTILINE)[-2:] == ["128", "256"]
        assert shown.split()[-2:] == ["1", "1024"]
        assert machine.run("sysctl", "-n", RFS_KEY).strip() == "32768"
        machine.run("ethtool", "-G", "eth0", "rx", "64")
        told_by = fleet.netopt("verify", "-l", machine.name, "--json").report["hosts"][machine.name]
        assert "eth0 rings.rx" in json.dumps(told_by)
        fleet.netopt("apply", plan_file(fleet, {"iface": "eth0", "changes": QUEUES}), "-l", machine.name)


@pytest.mark.parametrize(
    ("group", "words", "message"),
    [
        ("rings", {"rx": 512}, "eth0 takes rings.rx up to 256, not 512"),
        ("rings", {"rx_mini": "max"}, "eth0 has no rings rx_mini"),
        ("coalesce", {"adaptive_rx": True}, "eth0 has no coalescing adaptive_rx"),
        ("pause", {"autoneg": False}, "eth0 has no pause frames that can be set"),
        ("channels", {"combined": 2}, "eth0 takes channels.combined up to 1, not 2"),
    ],
)
def test_what_a_device_lacks(fleet: Fleet, group: str, words: dict[str, Any], message: str) -> None:
    """What virtio does not have or cannot is refused by its name, before anything is touched."""
    (host,) = fleet.apply({"mtu": 1400, "nic": {group: words}}, "-l", fleet.name(MODULES)).report["hosts"].values()
    assert message in host["error"]["message"]
    assert "mtu 1500" in fleet.host(MODULES).run("ip", "link", "show", "eth0")


def test_bands_of_ets_are_adopted(fleet: Fleet) -> None:
    """An ets becomes classes; packets of each priority wait together as before, and a rollback brings the ets back."""
    machine = fleet.host(MODULES)
    limit = ("-l", machine.name)
    machine.run("sh", "-c", ETS)
    try:
        before, waited = machine.run("tc", "-d", "qdisc", "show", "dev", "ets0"), waiting(machine)
        path = fleet.folder / "ets.yml"
        adopted = fleet.netopt("adopt", *limit, "--iface", "ets0", "--name", "lines", "-o", str(path))
        assert "its bands are classes of htb" in adopted.said, adopted.said
        plan = yaml.safe_load(path.read_text(encoding="utf-8"))
        classes = {one["classid"]: one for one in plan["changes"]["htb_classes"]}
        assert classes["1:2"]["match"] == [{"skb_priority": 1}]
        assert [classes[name].get("leaf", {}).get("type") for name in ("1:2", "1:3", "1:4")] == ["fq", None, None]
        assert [classes[name].get("quantum") for name in ("1:2", "1:3", "1:4")] == [None, 6000, 3000]
        applied = fleet.netopt("apply", str(path), *limit, "--json")
        assert applied.statuses == {"applied"}, applied.text
        assert waiting(machine) == waited == [2, 4, 9]
        assert fleet.netopt("apply", str(path), *limit, "--json").statuses == {"unchanged"}
        assert fleet.netopt("rollback", applied.report["checkpoint_id"], *limit, "--json").statuses == {"rolled_back"}
        assert machine.run("tc", "-d", "qdisc", "show", "dev", "ets0") == before
    finally:
        machine.run("ip", "link", "del", "ets0")


def test_the_inventory_tells_of_an_uplink(fleet: Fleet) -> None:
    """A profile shapes the uplink that the host's variable tells of, template and all, and a rollback is exact."""
    before = fleet.views()
    inventory = fleet.inventory(h1={"netopt_link": {"up_mbit": "{{ 10 * 2 }}", "down_mbit": 100}})
    words = ("apply", "--profile", "gaming", "--iface", "eth0", "-l", fleet.name(1), "--json")
    applied = fleet.netopt(*words, inventory=inventory)
    assert applied.statuses == {"applied"}, applied.text
    shown = fleet.host(1).run("tc", "qdisc", "show")
    assert re.search(r"qdisc cake 1: dev eth0 root .*bandwidth 19Mbit diffserv4 .*\bnat\b", shown), shown
    assert re.search(r"qdisc cake 1: dev ifb-eth0 root .*bandwidth 90Mbit besteffort .*\bingress\b", shown), shown
    assert fleet.netopt(*words, inventory=inventory).statuses == {"unchanged"}
    assert fleet.netopt("rollback", applied.report["checkpoint_id"], "-l", fleet.name(1)).status == 0
    assert fleet.differences(before) == []

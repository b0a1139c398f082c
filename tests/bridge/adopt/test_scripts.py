# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that a script asks for is told: by a plan, or by a line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mcp_bridge.adopt.plans import from_files
from mcp_bridge.adopt.scripts import Call, is_script
from tests.bridge.adopt.adopted import POLICY, TAKES_NAMESPACES, adopted, changes

pytestmark = TAKES_NAMESPACES


@pytest.mark.parametrize(
    ("name", "text", "script"),
    [
        ("a.sh", "", True),
        ("a.qos", "", True),
        ("a", "#!/bin/sh\n", True),
        ("a", "#!/usr/bin/env bash\n", True),
        ("a", "# list\n\ntc qdisc add dev eth0 root pfifo\n", True),
        ("a", "sudo /sbin/ethtool -K eth0 gro off\n", True),
        ("a.conf", "net.core.somaxconn = 1\n", False),
        ("a", "#!/usr/bin/python3\n", True),
        ("a", "tcp = 1\n", False),
    ],
)
def test_what_is_a_script(tmp_path: Path, name: str, text: str, script: bool) -> None:  # noqa: FBT001
    """By its name, its first line, or a first command."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert is_script(tmp_path / name) is script
    assert not is_script(tmp_path)


QUEUES = "ethtool -G $1 rx 1024 tx max\n/usr/sbin/ethtool -C $1 adaptive-rx off rx-usecs 3\n"
DEVICE = f"""#!/bin/bash
set -eu
{QUEUES}ethtool -L $1 combined 4; ethtool -A $1 rx off
for feature in gro lro; do ethtool -K $1 $feature off; done
ip link set dev $1 mtu 9000 txqueuelen $LENGTH
sudo sysctl -qw net.ipv4.tcp_fin_timeout=30 net/ipv4/tcp_syncookies=1
echo 1 >/proc/sys/net/ipv4/tcp_slow_start_after_idle
echo 0 >/proc/sys/net/ipv4/tcp_mtu_probing
echo 2 >/proc/sys/net/ipv4/tcp_mtu_probing
ip route change $(ip route show default) initcwnd 20 initrwnd 30
ip route replace 198.51.100.0/24 via 192.0.2.77 dev $1 quickack 1 rto_min 40ms
for queue in /sys/class/net/$1/queues/rx-*; do echo f >$queue/rps_cpus; echo 4096 >$queue/rps_flow_cnt; done
"""


def test_a_device(tmp_path: Path) -> None:
    """What no namespace can hold is told by the words, what it can by the kernel; the script gets what it is given."""
    call = Call(["eth3"], {"LENGTH": "5000"})
    found, left_out = adopted(tmp_path, DEVICE, iface="eth3", call=call)
    assert left_out == {}
    (plan,) = found
    assert plan["iface"] == "eth3"
    assert plan["changes"] == {
        "sysctl": {
            "net.ipv4.tcp_fin_timeout": "30",
            "net.ipv4.tcp_syncookies": "1",
            "net.ipv4.tcp_mtu_probing": "2",
        },
        "offloads": {"gro": False, "lro": False},
        "mtu": 9000,
        "nic": {
            "rings": {"rx": 1024, "tx": "max"},
            "coalesce": {"adaptive_rx": False, "rx_usecs": 3},
            "channels": {"combined": 4},
            "pause": {"rx": False},
            "txqueuelen": 5000,
        },
        "steering": {"rps_cpus": "0-3", "rps_flow_cnt": 4096},
        "routes": [
            {"dst": "default", "initcwnd": 20, "initrwnd": 30},
            {"dst": "198.51.100.0/24", "quickack": True, "rto_min_ms": 40},
        ],
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("tc qdisc add dev eth0 root nosuch", "The kernel of this machine lacks it"),
        ("tc qdisc add dev eth0 root hfsc", "lacks it"),
        ("tc filter add dev eth0 parent 9: protocol ip u32 match u32 0 0 flowid 9:1", "It failed"),
        ("ethtool -s eth0 speed 1000", "No plan has what ethtool -s sets."),
        ("ethtool -K eth0 warp on", "the feature warp"),
        ("sysctl -p /etc/sysctl.d/a.conf", "give these to netopt adopt"),
        ("ip route add 198.51.100.0/24 via 192.0.2.1", "it makes and takes away none"),
        ("ip address add 198.51.100.1/24 dev eth0", "other tools' work"),
        ("ip link add link eth0 name eth0.5 type vlan id 5", "Making interfaces is other tools' work"),
        ("ip link set eth0 allmulticast on", "No plan has allmulticast of an interface."),
        ("iptables -t nat -A POSTROUTING -j MASQUERADE", "Rules of a firewall are not adopted"),
        ("systemctl restart networking", "It was not run"),
        ("cd /sys/class/net/eth0/queues; echo 5 >rx-0/rps_cpus; echo 6 >rx-1/rps_cpus", "the same for all queues"),
        ("nosuchcommand", "The shell says: nosuchcommand: command not found."),
        ("exit 3", "It ended with the exit status 3."),
    ],
)
def test_what_no_plan_says(tmp_path: Path, line: str, reason: str) -> None:
    """It has its line, if that is known, and its reason; all else is adopted."""
    (plan,), left_out = adopted(tmp_path, f"ethtool -K eth0 gro off\n{line}\n")
    assert plan["changes"]["offloads"] == {"gro": False}
    said = [text for text, told in left_out.items() if reason in told]
    assert said
    assert said[0].startswith(("2: ", "0: "))
    assert len(left_out) == 1


@pytest.mark.parametrize(
    "line",
    [
        "tc qdisc show",
        "tc qdisc del dev eth0 root",
        "ip route",
        "ip addr show dev eth0",
        "ip link set eth0 up",
        "ethtool eth0",
        "ethtool -k eth0",
        "ethtool --show-ring eth0",
        "iptables -F",
        "route -n",
        "systemctl is-active tuned",
        "modprobe ifb",
        "[ $(sysctl -n net.ipv4.ip_forward) = 0 ]",
        "[ $(cat /sys/class/net/eth0/mtu) = 1500 ]",
        "[ $(id -u) = 0 ]",
        "ip link add ifb7 type ifb && ip link set ifb7 up",
    ],
)
def test_what_changes_nothing(tmp_path: Path, line: str) -> None:
    """It is not told of."""
    assert adopted(tmp_path, f"set -e\nethtool -K eth0 gro off\n{line} || [ $? = 2 ]\n")[1] == {}


def test_interfaces_as_they_are_named(tmp_path: Path) -> None:
    """Each that a command names is there and has a plan; without a name the script finds that of the default route."""
    text = "for i in a0 b0; do tc qdisc add dev $i root pfifo limit 5$((n++)); done"
    plans, _left_out = adopted(tmp_path, text, iface="auto", name="old")
    assert [(plan["iface"], plan["name"]) for plan in plans] == [("a0", "old-1"), ("b0", "old-2")]
    route = "dev=$(ip route show default | sed 's/.*dev //;s/ .*//'); tc qdisc add dev $dev root pfifo limit 50"
    ((plan,), _left_out) = adopted(tmp_path, route, iface="auto")
    assert plan["iface"] == "auto"


def test_a_batch(tmp_path: Path) -> None:
    """Commands that tc reads from a file or a pipe are told as its own."""
    text = "printf 'qdisc add dev x0 root pfifo limit 50\\nqdisc add dev x0 root nosuch\\n' | tc -force -batch -\n"
    ((plan,), left_out) = adopted(tmp_path, text, iface="auto")
    assert (plan["iface"], plan["changes"]["qdisc"]["params"]) == ("x0", {"limit": 50})
    assert list(left_out) == ["1: tc qdisc add dev x0 root nosuch"]


def test_what_was_not_run(tmp_path: Path) -> None:
    """Where a script ends early, the line says so; a command that fails at its end has its own line alone."""
    failing = "tc qdisc add dev eth0 root nosuch"
    text = "set -e\nethtool -K eth0 gro off\nfor i in 1; do\n{0} || exit\ndone\n\n# end\n{1}"
    (_plans, left_out) = adopted(tmp_path, text.format(failing, "ethtool -K eth0 lro off\n"))
    assert list(left_out) == [f"4: {failing}"]
    assert left_out[f"4: {failing}"] == "The script ended here, with the exit status 2: what is below was not run."
    (_plans, left_out) = adopted(tmp_path, text.format(failing, ""))
    assert ["lacks it" in reason for reason in left_out.values()] == [True]


def test_a_failure_ends_nothing(tmp_path: Path) -> None:
    """What fails in a sandbox alone does not end the script, whatever it has set; each failure has its line."""
    text = "set -e\necho 4 >/proc/irq/9999/smp_affinity\nsystemctl nothing\nethtool -K eth0 gro off\n"
    ((plan,), left_out) = adopted(tmp_path, text)
    assert plan["changes"] == {"offloads": {"gro": False}}
    assert [line[:2] for line in left_out] == ["2:", "3:"]
    assert "which CPUs work on interrupts" in next(iter(left_out.values()))


FILES = """#!/bin/bash
sed -i /somaxconn/d /etc/sysctl.conf
echo net.core.somaxconn=4096 >>/etc/sysctl.conf
cat >/etc/sysctl.d/60-own.conf <<END
# of ours
net.core.somaxconn = 2048
net.ipv4.tcp_fin_timeout = $SECONDS_
END
sysctl -p && sysctl -p /etc/sysctl.d/60-own.conf && sysctl --system
echo more >>/etc/modules-load.d/own.conf
"""


def test_files_that_it_writes(tmp_path: Path) -> None:
    """Kernel parameters that a script writes to files are read from these as at boot; other files are told of."""
    ((plan,), left_out) = adopted(tmp_path, FILES, call=Call(env={"SECONDS_": "20"}))
    assert plan["changes"]["sysctl"] == {"net.core.somaxconn": "4096", "net.ipv4.tcp_fin_timeout": "20"}
    assert {line: why.partition(".")[0] for line, why in left_out.items()} == {
        "6: net.core.somaxconn = 2048": "It is set again, to 4096, by " + str(tmp_path / "a"),
        "10: /etc/modules-load.d/own.conf": "What it writes to this file was not looked at",
    }


def test_parameters_of_the_whole_machine(tmp_path: Path) -> None:
    """They are written to files in memory, and are the machine's to read; what follows from others is not told."""
    core = "/proc/sys/net/core"
    text = f"echo 32768 >{core}/rps_sock_flow_entries\n[ $(cat {core}/rmem_max) -gt 0 ] && echo 77 >{core}/busy_poll\n"
    before = Path(core, "busy_poll").read_text(encoding="utf-8")
    found = changes(tmp_path, f"{text}echo 1 | sudo tee /proc/sys/net/ipv4/ip_forward\n")
    assert found["sysctl"] == {
        "net.core.busy_poll": "77",
        "net.core.rps_sock_flow_entries": "32768",
        "net.ipv4.ip_forward": "1",
    }
    assert Path(core, "busy_poll").read_text(encoding="utf-8") == before


MOST = """most=$(ethtool -g eth0 | grep -m1 RX: | awk '{print $2}')
ethtool -G eth0 rx $most
ethtool -L eth0 combined $(ethtool -l eth0 | awk '/Combined/ {print $2; exit}')
ifconfig eth0 mtu 9000 txqueuelen 5000 promisc up
ip link set dev eth1 promisc off up
ifconfig eth0 198.51.100.1
ethtool -G eth0 rx
"""


def test_all_interfaces_that_there_are(tmp_path: Path) -> None:
    """One that ethtool alone names is there; those that the sandbox needs for itself are nobody's."""
    flows = "for f in /sys/class/net/ens1/queues/rx-*/rps_flow_cnt; do echo 512 >$f; done"
    every = "for i in $(ip -o link | awk -F'[ :@]+' '!/lo:/ {print $2}'); do ethtool -G $i rx 256; done"
    plans, left_out = adopted(tmp_path, f"ethtool -K ens1 gro off\n{flows}\n{every}\n", iface="auto")
    rings = {"nic": {"rings": {"rx": 256}}}
    assert {plan["iface"]: plan["changes"] for plan in plans} == {
        "ens1": {"offloads": {"gro": False}, "steering": {"rps_flow_cnt": 512}, **rings},
        "auto": rings,
    }
    assert left_out == {}


def test_as_much_as_a_device_can(tmp_path: Path) -> None:
    """What a script asks the device for, the plan asks each host's device for; ifconfig is read as ip is."""
    ((plan, other), left_out) = adopted(tmp_path, MOST)
    nic = {"rings": {"rx": "max"}, "channels": {"combined": "max"}, "txqueuelen": 5000, "promisc": True}
    assert plan["changes"] == {"nic": nic, "mtu": 9000}
    assert (other["iface"], other["changes"]) == ("eth1", {"nic": {"promisc": False}})
    assert [line[:2] for line in left_out] == ["6:", "7:"]


def test_in_other_languages(tmp_path: Path) -> None:
    """A program of another language is run by its own interpreter, and what it has made is read back."""
    path = tmp_path / "a.py"
    run = "import subprocess\nsubprocess.run(['tc', 'qdisc', 'add', 'dev', 'eth0', 'root', 'pfifo', 'limit', '50'])\n"
    path.write_text(f"#!/usr/bin/env python3\n{run}", encoding="utf-8")
    ((found,), left_out) = from_files([path], POLICY, iface="eth0", name=None)
    assert found.plan["changes"]["qdisc"] == {"type": "pfifo", "params": {"limit": 50}}
    assert left_out == []


def test_nothing_is_waited_for(tmp_path: Path) -> None:
    """What a script sleeps for does not come to pass in a sandbox; what it has others do on other hosts is told."""
    began = time.monotonic()
    text = "ssh one 'tc qdisc add dev eth0 root pfifo'\nsleep 300\nip link set eth0 mtu 1400\ncrontab -l\n"
    ((plan,), left_out) = adopted(tmp_path, text)
    assert plan["changes"] == {"mtu": 1400}
    assert [line[:6] for line in left_out] == ["1: ssh"]
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('echo "usage: $0 start" >&2; exit 1', "and said: usage: /script/a.sh start. What it is called with goes into"),
        ("echo needs start; exit 1", "and said: needs start. What it is called with goes into --arguments"),
        ("trap 'tc qdisc del dev lo root' EXIT\ntc qdisc add dev lo root pfifo limit 9", "is there when it ends"),
        ("sysctl -w net.ipv4.tcp_sack = 0", "without blanks around ="),
    ],
)
def test_why_there_is_nothing(tmp_path: Path, text: str, said: str) -> None:
    """A script that leaves nothing says why, as far as that is known, and what to try."""
    plans, left_out = adopted(tmp_path, f"{text}\n")
    assert plans == []
    assert said in "".join(left_out.values())


def test_an_interface_that_is_made_again(tmp_path: Path) -> None:
    """A script may make an interface, try something on it, take it away, and do so again."""
    tried = "ip link add name probe type ifb && tc qdisc replace dev probe root pfifo && ip link delete probe type ifb"
    text = f"for i in 1 2 3; do {tried} && n=$((n + 1)); done\nip link set eth0 mtu 140$n\n"
    ((plan,), left_out) = adopted(tmp_path, text)
    assert (plan["iface"], plan["changes"], left_out) == ("eth0", {"mtu": 1403}, {})


def test_other_namespaces(tmp_path: Path) -> None:
    """What a script does in namespaces of its own is told, and all else is adopted."""
    text = """set -e
ip netns add test
ip link set eth1 netns test
ip netns exec test tc qdisc add dev eth1 root pfifo limit 50
tc qdisc add dev lo root pfifo limit 50
"""
    ((plan,), left_out) = adopted(tmp_path, text, iface="auto")
    assert (plan["iface"], plan["changes"]["qdisc"]["params"]) == ("lo", {"limit": 50})
    assert [line[:2] for line in left_out] == ["2:", "3:", "4:"]


def test_lines_of_functions(tmp_path: Path) -> None:
    """Where a function runs what it is given, the line is that of its caller; that of another file has its name."""
    other = tmp_path / "functions.sh"
    other.write_text('run() {\n  "$@"\n}\nlimit() { run tc qdisc add dev eth0 root nosuch; }\n', encoding="utf-8")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    text = f". {other}\nrun tc qdisc add dev eth0 root lacking\nlimit\nrun ethtool -K eth0 gro off\n"
    path = tmp_path / "a.sh"
    path.write_text(text, encoding="utf-8")
    ((one,), left_out) = from_files([path], POLICY, iface="eth0", name=None, call=Call(shown=[other]))
    assert [str(place) for place in one.places.values()] == [f"{path}:4"]
    assert [(str(line.place), line.text.split()[-1]) for line in left_out] == [
        (f"{path}:2", "lacking"),
        (f"{other}:4", "nosuch"),
    ]

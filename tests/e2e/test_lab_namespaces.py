# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab itself: hosts that are apart from the machine, and a removal that leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcp_bridge.errors import LabError
from mcp_bridge.lab import lifecycle, namespaces, network, state
from mcp_bridge.lab.process import Process, end, identify
from mcp_bridge.lab.state import Lab

NETNS = Path("/run/netns")


def ssh(lab: Lab, host: int, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command on a host over a connection of its own."""
    return subprocess.run(
        lifecycle.command(lab, str(host), [command]), capture_output=True, text=True, check=False, timeout=30
    )


def leftovers(name: str) -> list[str]:
    """Return whatever of a lab can still be found on the machine: namespaces, processes, mounts, files."""
    mark = f"/{state.PREFIX}{name}-"

    def of_a_host(mount: str) -> bool:
        """Its root names its layers. The name of its network namespace is copied into whatever starts beside it."""
        return mark in mount and " - nsfs " not in mount

    found = [str(path) for path in NETNS.glob(mark[1:] + "*")]
    for path in Path("/proc").glob("[0-9]*/mountinfo"):
        with contextlib.suppress(OSError):
            found += [str(path)] if any(map(of_a_host, path.read_text(encoding="utf-8").splitlines())) else []
    directory = state.directory_of(name)
    return found + ([str(directory)] if directory.exists() else [])


def test_each_host_answers_under_its_own_name(lab: Lab) -> None:
    """Every host is its own: hostname, process 1, addresses, strict host key."""
    for number, host in enumerate(lab.hosts, start=1):
        done = ssh(lab, number, "hostname; cat /proc/1/comm; ip -j -4 address show eth0; ip -j -6 route show default")
        assert done.returncode == 0, done.stderr
        name, init, addresses, routes = done.stdout.splitlines()
        assert name == host.name
        assert init.startswith("python")
        assert json.loads(addresses)[0]["addr_info"][0]["local"] == host.address
        assert json.loads(routes)[0]["dev"] == "eth0"


@pytest.mark.parametrize("family", ["-4", "-6"])
def test_hosts_reach_each_other_and_nothing_else(lab: Lab, family: str) -> None:
    """A neighbour answers by name; an address outside the lab does not."""
    inside = ssh(lab, 1, f"ping {family} -c 1 -W 2 {lab.hosts[1].name}")
    outside = ssh(lab, 1, f"ping {family} -c 1 -W 1 {'192.0.2.77' if family == '-4' else '2001:db8::77'}")
    assert (inside.returncode, outside.returncode != 0) == (0, True), inside.stdout + outside.stdout


@pytest.mark.parametrize(
    "path", ["/etc/netopt-lab-probe", "/root/.ssh/netopt-lab-probe", "/run/netopt-lab-probe", "/var/netopt-lab-probe"]
)
def test_what_a_host_writes_stays_on_it(lab: Lab, path: str) -> None:
    """Neither the machine nor another host sees a file that one host wrote."""
    assert ssh(lab, 1, f"echo here > {path}").returncode == 0
    assert ssh(lab, 1, f"cat {path}; rm {path}").stdout == "here\n"
    assert ssh(lab, 2, f"test -e {path}").returncode == 1
    assert not Path(path).exists()


@pytest.mark.parametrize(
    "command",
    ["sysctl -w vm.swappiness=60", "date -s @0", "sysctl -w kernel.panic=0"],
)
def test_a_host_cannot_change_the_machine(lab: Lab, command: str) -> None:
    """Outside its network, a host has nothing to set."""
    assert ssh(lab, 1, command).stderr != ""


def test_network_settings_are_the_hosts_own(lab: Lab) -> None:
    """A host's sysctl and qdisc are set there and nowhere else."""
    before = Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text(encoding="utf-8")
    done = ssh(
        lab,
        1,
        "sysctl -w net.ipv4.tcp_fin_timeout=17 && tc qdisc replace dev eth0 root tbf rate 1gbit burst 64k limit 1m",
    )
    assert done.returncode == 0, done.stderr
    assert ssh(lab, 2, "sysctl -n net.ipv4.tcp_fin_timeout; tc qdisc show dev eth0").stdout != done.stdout
    assert "tbf" not in ssh(lab, 2, "tc qdisc show dev eth0").stdout
    assert Path("/proc/sys/net/ipv4/tcp_fin_timeout").read_text(encoding="utf-8") == before
    ssh(lab, 1, f"sysctl -w net.ipv4.tcp_fin_timeout={before.strip()}; tc qdisc delete dev eth0 root")


def test_the_console_stays_when_the_network_is_gone(fresh_lab: Lab) -> None:
    """With ssh cut off, commands still run beside it; what was cut off is a real refusal, not a cached connection."""
    rule = "nft add table inet cut; nft add chain inet cut in '{ type filter hook input priority 0; policy drop; }'"
    assert lifecycle.execute(fresh_lab, "1", ["sh", "-c", rule]).returncode == 0
    argv = lifecycle.command(fresh_lab, "1", ["true"])
    refused = subprocess.run(
        [*argv[:1], "-o", "ConnectTimeout=2", *argv[1:]], capture_output=True, check=False, timeout=30
    )
    assert refused.returncode != 0
    assert lifecycle.execute(fresh_lab, "1", ["hostname"]).stdout.strip() == fresh_lab.hosts[0].name


def test_sshd_comes_back_and_orphans_are_reaped(fresh_lab: Lab) -> None:
    """Process 1 does what an init does: it restarts sshd and leaves no zombies."""
    script = "kill $(cat /run/sshd.pid); (sh -c 'sleep 0.1 &') ; sleep 1; ps -eo stat= | grep -c ^Z"
    zombies = lifecycle.execute(fresh_lab, "1", ["sh", "-c", script])
    assert zombies.stdout.strip() == "0"
    assert ssh(fresh_lab, 1, "true").returncode == 0


def test_a_second_start_is_refused_with_advice(fresh_lab: Lab) -> None:
    """A lab that is up is not started again, and stays as it is."""
    with pytest.raises(LabError, match=f"netopt lab down --name {fresh_lab.name}"):
        lifecycle.up(fresh_lab.name)
    assert ssh(fresh_lab, 1, "true").returncode == 0


def test_removal_leaves_nothing(fresh_lab: Lab) -> None:
    """Processes, namespaces, mounts and files are gone, also processes that left their session."""
    ssh(fresh_lab, 1, "setsid sleep 600 >/dev/null 2>&1 &")
    assert len(leftovers(fresh_lab.name)) > len(fresh_lab.hosts) + 1
    assert lifecycle.down(fresh_lab.name)
    assert leftovers(fresh_lab.name) == []
    assert not lifecycle.down(fresh_lab.name)


@pytest.mark.parametrize("after_s", [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4])
def test_a_start_that_was_killed_is_removed_whole(after_s: float) -> None:
    """Wherever SIGKILL hits `lab up`, `lab down` finds what was made so far."""
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    name = f"test-{os.getpid()}-killed"
    lifecycle.down(name)
    argv = [sys.executable, "-m", "mcp_bridge.lab", "up", "--name", name, "--hosts", "4"]
    started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[2])
    time.sleep(after_s)  # any moment, whatever it makes then
    started.kill()
    started.wait()
    lifecycle.down(name)
    assert leftovers(name) == []


def test_only_the_recorded_process_is_ended() -> None:
    """An id that now belongs to another process is left alone."""
    with subprocess.Popen(["sleep", "60"]) as bystander:
        process = identify(bystander.pid)
        assert process is not None
        end([Process(process.pid, process.start - 1)])
        assert process.alive
        end([process], first=signal.SIGTERM)
        assert not process.alive


@pytest.mark.parametrize(
    ("name", "hosts", "kernel", "message"),
    [
        ("Up", 1, "namespace", "lower-case"),
        ("../x", 1, "namespace", "lower-case"),
        ("x", 0, "namespace", "Use 1 to"),
        ("x", network.MAX_HOSTS + 1, "namespace", "Use 1 to"),
        ("x", 1, "uml", "namespace or vm"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_made(name: str, hosts: int, kernel: str, message: str) -> None:
    """Each error says what would be right."""
    with pytest.raises(LabError, match=message):
        lifecycle.up(name, hosts=hosts, kernel=kernel)


def test_a_name_that_begins_like_another_is_another() -> None:
    """Removing lab `a` does not touch the namespaces of lab `a-1`."""
    assert not {host.name for host in namespaces.hosts_of("a", 9)} & {Lab("a-1", "namespace", (), Path()).lan}
    assert network.prefixes("a") != network.prefixes("a-1")

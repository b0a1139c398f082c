# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of this host, against what the tools say."""

from __future__ import annotations

import json
import os
import platform
import time
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._host import facts as host_facts
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._modules import info as info_module
from ansible_collections.netopt.linux.plugins.module_utils._query import host_info
from ansible_collections.netopt.linux.plugins.module_utils._query.beyond_defaults import beyond_defaults
from tests.commands import sh

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces take root")


def test_facts_agree_with_the_tools() -> None:
    """Interfaces, MTU, route and memory are those that ip and free tell."""
    facts = host_facts.gather(sysctl=["net.ipv4.ip_forward", "net.ipv4.no_such_key"])
    links = {link["ifname"]: link for link in json.loads(sh("ip -j link show"))}
    assert {name: entry["mtu"] for name, entry in facts["interfaces"].items()} == {
        name: link["mtu"] for name, link in links.items()
    }
    assert {name: entry["up"] for name, entry in facts["interfaces"].items()} == {
        name: "UP" in link["flags"] for name, link in links.items()
    }
    routes = json.loads(sh("ip -j route show default"))
    assert facts["default_interface"] == (
        min(routes, key=lambda route: route.get("metric", 0))["dev"] if routes else None
    )
    drivers = {name: sh(f"ethtool -i {name} || true") for name in facts["interfaces"]}
    assert {name: entry["driver"] for name, entry in facts["interfaces"].items()} == {
        name: text.splitlines()[0].removeprefix("driver: ") or None if text else None for name, text in drivers.items()
    }
    assert facts["kernel"] == platform.release()
    assert facts["sysctl"] == {"net.ipv4.ip_forward": sh("sysctl -n net.ipv4.ip_forward").strip()}
    assert json.loads(json.dumps(facts)) == facts


def test_facts_are_quick() -> None:
    """No program is run for them: gathering takes milliseconds."""
    started = time.perf_counter()
    host_facts.gather()
    assert time.perf_counter() - started < 0.5


def test_facts_of_another_namespace() -> None:
    """Those of the namespace of this process count, whatever /sys shows."""

    def run() -> Any:
        sh("ip link add eth0 type veth peer name v1; ip link set eth0 up mtu 1234; ip link set v1 up")
        sh("ip addr add 10.0.0.1/24 dev eth0; ip route add default via 10.0.0.2")
        return host_facts.gather()

    facts = in_scratch_namespace(run)
    assert facts["initial_netns"] is False
    assert (facts["default_interface"], facts["default_interfaces"]) == ("eth0", ["eth0"])
    assert set(facts["interfaces"]) == {"lo", "eth0", "v1"}
    eth0 = facts["interfaces"]["eth0"]
    assert (eth0["mtu"], eth0["up"], eth0["type"], eth0["driver"], eth0["in_network"]) == (
        1234,
        True,
        "veth",
        "veth",
        True,
    )


def test_info_reads_every_part() -> None:
    """Each part is there; an interface that does not exist is a problem of its part alone."""

    def run(iface: str) -> Any:
        sh("ip link add v0 type veth peer name v1; tc qdisc add dev v0 root handle 1: htb default 1")
        sh("tc class add dev v0 parent 1: classid 1:1 htb rate 1mbit")
        sh("nft add table inet netopt; nft add table inet other")
        return host_info.gather(
            subsets=info_module.SUBSETS,
            ifaces=[iface],
            sysctl=["net/ipv4/ip_forward", "net.ipv4.no_such_key"],
            tools=Tools(),
        )

    info, problems = in_scratch_namespace(lambda: run("v0"))
    assert problems == []
    assert [line.split()[:4] for line in info["tc"]["v0"]["qdisc"]] == [["qdisc", "htb", "1:", "root"]]
    assert [line.split()[:4] for line in info["tc"]["v0"]["class"]] == [["class", "htb", "1:1", "root"]]
    assert info["link"]["v0"]["mtu"] == 1500
    assert info["nft"].split() == ["table", "inet", "netopt", "{", "}"]
    assert info["sysctl"] == {"net.ipv4.ip_forward": "0", "net.ipv4.no_such_key": None}
    assert "iproute2" in info["versions"]["ip"]
    assert isinstance(info["checkpoints"], list)
    info, problems = in_scratch_namespace(lambda: run("nosuch"))
    assert info["link"] is None
    assert info["facts"] is not None
    assert [line.split(":")[0] for line in problems] == ["link", "tc"]


def test_what_is_beyond_defaults() -> None:
    """What was set differs from a new namespace, what was set back does not, and what cannot be told has no default."""

    def run() -> Any:
        before = beyond_defaults()
        sh("ip link add v0 type veth peer name v1; sysctl -qw net.ipv4.tcp_fin_timeout=23 net.ipv4.conf.v0.rp_filter=2")
        sh("sysctl -qw net.ipv4.tcp_fastopen_key=1-2-3-4 net.ipv6.conf.v0.stable_secret=2001:db8::1")
        sh("sysctl -qw net.ipv6.conf.v0.accept_ra=0 net.ipv4.tcp_rmem='4096 131072 7000000'")
        set_ = beyond_defaults()
        sh("sysctl -qw net.ipv4.tcp_fin_timeout=60; ip link del v0")
        return before, set_, beyond_defaults()

    before, found, after = in_scratch_namespace(run)
    assert "net.ipv4.tcp_fin_timeout" not in before
    assert found["net.ipv4.tcp_fin_timeout"] == ["23", "60"]
    assert found["net.ipv4.conf.v0.rp_filter"][0] == "2"
    assert found["net.ipv4.conf.v0.rp_filter"][1] != "2"
    assert found["net.ipv6.conf.v0.accept_ra"] == ["0", "1"]
    assert found["net.ipv4.tcp_rmem"] == ["4096 131072 7000000", None]
    assert {key for key in found if ".v1." in key or key.endswith(("fastopen_key", "stable_secret"))} == set()
    assert "net.ipv4.tcp_fin_timeout" not in after

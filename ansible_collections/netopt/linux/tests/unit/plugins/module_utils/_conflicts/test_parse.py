# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Other owners of a plan's settings, from files as distributions and operators write them."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._conflicts import find as conflicts_find
from ansible_collections.netopt.linux.plugins.module_utils._conflicts import parse as conflicts_parse
from ansible_collections.netopt.linux.plugins.module_utils._conflicts.find import ConflictingManagers

KEY = "net.ipv4.tcp_fin_timeout"
LIMIT: dict[str, Any] = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 1}]}


def write(root: Path, path: str, text: str) -> None:
    """Write one file below a root."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("net.ipv4.a = 1\n# net.ipv4.b=2\n; x\n\n-net/ipv4/c=3", [("net.ipv4.a", "1"), ("net.ipv4.c", "3")]),
        ("net.ipv4.conf.*.rp_filter=2", []),
        ("net/ipv4/conf/eth0.100/rp_filter = 1", [("net.ipv4.conf.eth0/100.rp_filter", "1")]),
        ("nonsense\n=5\n..=4\n", []),
    ],
)
def test_assignments(text: str, found: list[tuple[str, str]]) -> None:
    """Lines as sysctl.d(5) describes them; what is none is left out."""
    assert conflicts_parse.assignments(text) == found


SYSCTL_CASES = {
    "a later file of the distribution": ({"usr/lib/sysctl.d/99-x.conf": f"{KEY}=60"}, False, 1),
    "the same value": ({"etc/sysctl.d/99-x.conf": f"{KEY} =\t15"}, False, 0),
    "an earlier file": ({"etc/sysctl.d/50-x.conf": f"{KEY}=60"}, False, 0),
    "a masked file": ({"usr/lib/sysctl.d/99-x.conf": f"{KEY}=60", "etc/sysctl.d/99-x.conf": ""}, False, 0),
    "a later one sets it right": (
        {"etc/sysctl.d/95-x.conf": f"{KEY}=60", "run/sysctl.d/96-x.conf": f"{KEY}=15"},
        False,
        0,
    ),
    "the old file": ({"etc/sysctl.conf": f"{KEY}=60"}, False, 1),
    "the old file by a link": ({"etc/sysctl.conf": f"{KEY}=60"}, True, 1),
}


@pytest.mark.parametrize(("files", "linked", "count"), SYSCTL_CASES.values(), ids=SYSCTL_CASES.keys())
def test_sysctl_files(files: dict[str, str], linked: bool, count: int, tmp_path: Path) -> None:  # noqa: FBT001
    """What is read last decides, and is named with its file; only where the change is persisted."""
    for path, text in files.items():
        write(tmp_path, path, text)
    if linked:
        (tmp_path / "etc/sysctl.d").mkdir()
        (tmp_path / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    found = ConflictingManagers(str(tmp_path)).warnings({}, (), {KEY: "15"}, persist=True)
    assert len(found) == count
    assert all(KEY in line and "60" in line for line in found)
    assert ConflictingManagers(str(tmp_path)).warnings({}, (), {KEY: "15"}, persist=False) == []


def test_tuned(tmp_path: Path) -> None:
    """The active profile and those that it includes, the including one first; only while TuneD runs."""
    write(tmp_path, "etc/tuned/active_profile", "mine\n")
    write(tmp_path, "etc/tuned/mine/tuned.conf", f"[main]\ninclude=base\n[sysctl]\n{KEY}=20\n")
    write(tmp_path, "usr/lib/tuned/base/tuned.conf", f"[sysctl]\n{KEY}=30\nnet.core.somaxconn=>2048\n")
    keys = {KEY: "15", "net.core.somaxconn": "2048"}
    assert ConflictingManagers(str(tmp_path)).warnings({}, (), keys, persist=False) == []
    (tmp_path / "sys/fs/cgroup/system.slice/tuned.service").mkdir(parents=True)
    (found,) = ConflictingManagers(str(tmp_path)).warnings({}, (), keys, persist=False)
    assert f"{KEY} to 20 (/etc/tuned/mine/tuned.conf)" in found


SERVICE_CASES = [
    ("firewalld.service", LIMIT, {}, "firewalld"),
    ("docker.service", {"nat_rules": [{}]}, {}, "docker"),
    ("docker.service", {}, {"net.ipv4.ip_forward": "1"}, "docker"),
    ("kubelet.service", {}, {"net.netfilter.nf_conntrack_max": "1"}, "kube-proxy"),
    ("firewalld.service", {"mtu": 1400}, {}, None),
    ("docker.service", LIMIT, {}, None),
]


@pytest.mark.parametrize(("unit", "changes", "keys", "name"), SERVICE_CASES)
def test_services(unit: str, changes: dict[str, Any], keys: dict[str, str], name: str | None, tmp_path: Path) -> None:
    """A service that runs is named where the plan touches what it sets, and only there."""
    (tmp_path / "sys/fs/cgroup/system.slice" / unit).mkdir(parents=True)
    found = ConflictingManagers(str(tmp_path)).warnings(changes, (), keys, persist=False)
    assert ([name] if name else []) == [name for line in found if name and name in line]
    assert len(found) == (1 if name else 0)


def test_nftables_service(tmp_path: Path) -> None:
    """A restart of nftables.service takes the table away, unless it is persisted and comes back with it."""
    write(tmp_path, "etc/nftables.conf", "flush ruleset\n")
    (tmp_path / "etc/systemd/system/sysinit.target.wants").mkdir(parents=True)
    (tmp_path / "etc/systemd/system/sysinit.target.wants/nftables.service").symlink_to("/lib/x")
    assert len(ConflictingManagers(str(tmp_path)).warnings(LIMIT, (), {}, persist=False)) == 1
    assert ConflictingManagers(str(tmp_path)).warnings(LIMIT, (), {}, persist=True) == []


UUID = "0b1c"
PROFILE = f"[connection]\nuuid={UUID}\n[ethernet]\nmtu=9000\n[ethtool]\nfeature-gro=true\nfeature-tso=false\n"
PROFILE += "ring-rx=512\nring-tx=64\nring-rx-mini=9\ncoalesce-adaptive-rx=1\nchannels-combined=1\npause-rx=false\n"
INTERFACE_CASES = {
    "a .network file": (
        {
            "run/systemd/netif/links/{index}": "NETWORK_FILE=/etc/systemd/network/a.network\n",
            "etc/systemd/network/a.network": "[Match]\nName=lo\n[Link]\nMTUBytes=9000\n[FairQueueing]\nParent=root\n",
        },
        ["mtu of lo to 9000", "qdisc of lo to FairQueueing"],
    ),
    "a .link file": (
        {
            "run/udev/data/n{index}": "E:ID_NET_LINK_FILE=/etc/systemd/network/a.link\n",
            "etc/systemd/network/a.link": "[Link]\nGenericReceiveOffload=yes\nTCPSegmentationOffload=no\n"
            "RxBufferSize=max\nCombinedChannels=1\nRxFlowControl=1\nTransmitQueueLength=9\n",
        },
        ["gro of lo to yes", "rings.rx of lo to max", "txqueuelen of lo to 9"],
    ),
    "a connection profile": (
        {
            "run/NetworkManager/devices/{index}": f"[device]\nmanaged=true\nconnection-uuid={UUID}\n",
            "etc/NetworkManager/system-connections/a.nmconnection": PROFILE,
            "etc/NetworkManager/system-connections/b.nmconnection": PROFILE.replace(UUID, "other"),
        },
        ["mtu of lo to 9000", "gro of lo to true", "rings.rx of lo to 512", "pause.rx of lo to false"],
    ),
}


@pytest.mark.parametrize(("files", "said"), INTERFACE_CASES.values(), ids=INTERFACE_CASES.keys())
def test_interfaces(files: dict[str, str], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever manages an interface is named for what it sets otherwise, with its file."""
    monkeypatch.setattr(conflicts_find, "_same_network_as_init", lambda: True)
    for path, text in files.items():
        write(tmp_path, path.format(index=socket.if_nametoindex("lo")), text)
    changes = {"mtu": 1400, "qdisc": {"type": "fq"}, "offloads": {"gro": False, "tso": False}}
    changes["nic"] = {
        "rings": {"rx": 1024, "tx": 64},
        "coalesce": {"adaptive_rx": True},
        "channels": {"combined": 1},
        "pause": {"rx": True},
        "txqueuelen": 1000,
    }
    found = ConflictingManagers(str(tmp_path)).warnings(changes, ("lo",), {}, persist=False)
    assert len(found) == len(said)
    assert all(words in line and "/etc/" in line for words, line in zip(said, found))


def test_this_very_machine() -> None:
    """Real files are read without trouble."""
    keys = {KEY: "15"}
    found = ConflictingManagers().warnings(
        {"mtu": 1400, **LIMIT}, [name for _index, name in socket.if_nameindex()], keys, persist=True
    )
    assert all(os.linesep not in line for line in found)

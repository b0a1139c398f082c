# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of sysctl.d and TuneD profiles as plans: what is read, in which order, and what is left out and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcp_bridge.adopt import sysctl_files
from mcp_bridge.adopt.found import Found
from mcp_bridge.adopt.plans import from_files
from mcp_bridge.cli.main import main
from mcp_bridge.policy import load_policy
from mcp_bridge.validator import validate

POLICY = load_policy()
BACKLOG = "net.core.somaxconn"


def files(root: Path, **texts: str) -> Path:
    """Write files, ``__`` for each slash of their paths, and return the folder that they are below."""
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def adopted(*paths: Path, **options: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Return the plans of some files, and the reasons by the line that is left out."""
    plans, left_out = from_files(paths, POLICY, **{"iface": "auto", "name": None, **options})
    for each in plans:
        assert validate(each.plan, POLICY).ok
    return [each.plan for each in plans], {f"{one.place.line}: {one.text}": one.reason for one in left_out}


def sysctls(*paths: Path) -> dict[str, str]:
    """Return the kernel parameters of the one plan of some files."""
    (plan,) = adopted(*paths)[0]
    found: dict[str, str] = plan["changes"]["sysctl"]
    return found


def test_order_of_a_host(tmp_path: Path) -> None:
    """By name across folders; of one name the folder with precedence counts; sysctl.conf is last."""
    root = files(
        tmp_path,
        **{
            "usr__lib__sysctl.d__50-a.conf": "net.core.somaxconn=1024\nnet.ipv4.tcp_fin_timeout=20\n",
            "run__sysctl.d__60-b.conf": "net.core.rmem_max=400000\nnet.core.wmem_max=400000\n",
            "etc__sysctl.d__60-b.conf": "net.core.wmem_max=500000\n",
            "etc__sysctl.d__40-c.conf": "net.core.somaxconn=2048\nnet.ipv4.tcp_syncookies=1\n",
            "etc__sysctl.conf": "net.ipv4.tcp_syncookies=2\n",
        },
    )
    wanted = {
        BACKLOG: "1024",
        "net.ipv4.tcp_fin_timeout": "20",
        "net.core.wmem_max": "500000",
        "net.ipv4.tcp_syncookies": "2",
    }
    assert sysctls(root) == wanted
    _plans, reasons = adopted(root)
    assert "has the same name and comes before it" in reasons["1: (the whole file)"]
    assert "to 1024" in reasons["1: net.core.somaxconn=2048"]
    every = sorted(root.rglob("*.conf"))
    assert sysctls(*every) == sysctls(*reversed(every)) == wanted


def test_sysctl_conf_by_its_usual_link(tmp_path: Path) -> None:
    """Where a link of sysctl.d leads to sysctl.conf, it is read at the place of the link, and once."""
    root = files(tmp_path, **{"etc__sysctl.conf": f"{BACKLOG}=1024\n", "etc__sysctl.d__99-z.conf": f"{BACKLOG}=2048\n"})
    (root / "etc/sysctl.d/99-sysctl.conf").symlink_to("../sysctl.conf")
    assert sysctls(root) == {BACKLOG: "2048"}


def test_a_file_that_is_masked(tmp_path: Path) -> None:
    """A link to /dev/null takes away the file of its name in another folder, as sysctl.d(5) says."""
    root = files(
        tmp_path,
        **{"usr__lib__sysctl.d__60-a.conf": f"{BACKLOG}=1024\n", "etc__sysctl.d__70-b.conf": f"{BACKLOG}=2048\n"},
    )
    (root / "etc/sysctl.d/60-a.conf").symlink_to("/dev/null")
    assert sysctls(root) == {BACKLOG: "2048"}
    assert sysctls(root / "etc/sysctl.d") == {BACKLOG: "2048"}


def test_links_in_a_circle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told in one line, of a host's folders as of others."""
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    (tmp_path / "etc/sysctl.d/a.conf").symlink_to("b.conf")
    (tmp_path / "etc/sysctl.d/b.conf").symlink_to("a.conf")
    (tmp_path / "usr/lib/sysctl.d").mkdir(parents=True)
    (tmp_path / "usr/lib/sysctl.d/a.conf").write_text(f"{BACKLOG}=1024\n")
    assert main(["adopt", str(tmp_path)]) == 1
    said = capsys.readouterr()[1]
    assert said == f"netopt: {tmp_path}/etc/sysctl.d/a.conf: Too many levels of symbolic links\n"


@pytest.mark.long
def test_many_lines(tmp_path: Path) -> None:
    """The time grows with the lines, not with their square: a hundred thousand take seconds."""
    lines = [f"net.ipv4.conf.eth{number}.forwarding = 1\n" for number in range(50_000)]
    root = files(tmp_path, a="".join(lines) * 2)
    found = Found()
    found.add(sysctl_files.read(root / "a"))
    sysctl_files.without_reset(found)
    assert (len(found.settings[None]), len(found.left_out)) == (50_000, 50_000)


@pytest.mark.parametrize(("option", "value"), [("--iface", "eth 0"), ("--name", "My plan")])
def test_no_plan_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """A name or an interface that no plan can have is refused once, not with each line."""
    files(tmp_path, a=f"{BACKLOG}=1024\nnet.ipv4.tcp_fin_timeout=30\n")
    assert main(["adopt", str(tmp_path / "a"), option, value]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count(f"error: {option[2:]}: ") == 1
    assert "/a:1" not in err


def test_files_elsewhere_are_read_as_given(tmp_path: Path) -> None:
    """As ``sysctl -p`` does; a folder of them by their names."""
    files(tmp_path, **{"b": f"{BACKLOG}=1024\n", "a": f"{BACKLOG}=2048\n", "c__2.conf": f"{BACKLOG}=4096\n"})
    assert sysctls(tmp_path / "b", tmp_path / "a") == {BACKLOG: "2048"}
    assert sysctls(tmp_path / "a", tmp_path / "b") == {BACKLOG: "1024"}
    assert sysctls(tmp_path / "a", tmp_path / "c") == {BACKLOG: "4096"}


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("net/core/somaxconn = 1024", BACKLOG, "1024"),
        ("-net.core.somaxconn=1024", BACKLOG, "1024"),
        ("  net.core.somaxconn\t=\t1024  ", BACKLOG, "1024"),
        ("net.ipv4.tcp_rmem = 4096\t87380   6291456", "net.ipv4.tcp_rmem", "4096 87380 6291456"),
        ("net.ipv4.conf.eth0/100.rp_filter=1", "net.ipv4.conf.eth0/100.rp_filter", "1"),
        ("net/ipv4/conf/eth0.100/rp_filter=1", "net.ipv4.conf.eth0/100.rp_filter", "1"),
        ("net.ipv4.tcp_congestion_control = bbr", "net.ipv4.tcp_congestion_control", "bbr"),
    ],
)
def test_spellings(tmp_path: Path, line: str, key: str, value: str) -> None:
    """Every way in which sysctl takes a line leads to one spelling."""
    files(tmp_path, a=f"# {line}\n; {line}\n\n{line}\n")
    assert sysctls(tmp_path / "a") == {key: value}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("vm.swappiness = 10", "netopt policy card vm.swappiness"),
        ("net.core.no_such_key = 10", "No card of the policy covers this key"),
        ("kernel.core_pattern = |/bin/sh", "It names a program that the kernel runs."),
        ("net.ipv4.route.flush = 1", "an action"),
        ("net.core.somaxconn = 99999999999", "exceeds maximum allowed"),
        ("net.core.somaxconn = 1 # as they say", "whole number"),
        ("net.core.somaxconn =", "It has no value."),
        ("net.ipv4.conf.*.rp_filter = 1", "Which keys a pattern means each host finds out."),
        ("-net.ipv4.conf.all.rp_filter", "It keeps a pattern from a key."),
        ("net.core.somaxconn 1024", "It is not KEY = VALUE."),
        ("net..core = 1", "is not the name of a sysctl key"),
    ],
)
def test_what_no_plan_says(tmp_path: Path, line: str, reason: str) -> None:
    """Each has its line and its reason, and all others are adopted."""
    files(tmp_path, a=f"net.ipv4.tcp_syncookies = 1\n{line}\n")
    (plan,), reasons = adopted(tmp_path / "a")
    assert plan["changes"] == {"sysctl": {"net.ipv4.tcp_syncookies": "1"}}
    assert list(reasons) == [f"2: {line}"]
    assert reason in reasons[f"2: {line}"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("all.accept_redirects=1 ip_forward=1", "ip_forward=1"),
        ("all.accept_redirects=0 ip_forward=1", "all.accept_redirects=0 ip_forward=1"),
        ("ip_forward=1 all.accept_redirects=1", "ip_forward=1 all.accept_redirects=1"),
        ("all.accept_redirects=0 ip_forward=0", "ip_forward=0"),
        ("eth0.forwarding=0 ip_forward=1", "ip_forward=1"),
        ("eth0.forwarding=1 all.forwarding=1", "eth0.forwarding=1 all.forwarding=1"),
        ("all.rp_filter=1 default.rp_filter=2", "all.rp_filter=1 default.rp_filter=2"),
    ],
)
def test_what_forwarding_resets(tmp_path: Path, text: str, wanted: str) -> None:
    """A switch that comes later takes back what stood before it, and what it leaves as it was stays."""

    def lines(words: str) -> list[str]:
        return [f"net.ipv4.{'' if word.startswith('ip_') else 'conf.'}{word}" for word in words.split()]

    files(tmp_path, a="\n".join(lines(text)) + "\n")
    assert [f"{key}={value}" for key, value in sysctls(tmp_path / "a").items()] == lines(wanted)


BASE = """
[main]
summary=What others build upon
[cpu]
governor=performance
[sysctl]
net.core.somaxconn=>2048
net.ipv4.tcp_fin_timeout=30
"""
WEB = """
# for web servers
[main]
include=base, gone
[variables]
first=10240
[sysctl]
net.ipv4.ip_local_port_range="${first} 65535"
net.ipv4.tcp_fin_timeout=15
net.core.busy_read=${f:calc}
[net]
devices=eth0,wl*
features=gro on tcp-segmentation-offload off warp on
mtu=9000
ring=rx 1024 tx-mini 4
coalesce=adaptive-rx off rx-usecs 3
txqueuelen=5000
[hardware]
type=net
features=lro off
[others]
type=net
devices=!eth0
features=lro on
[by_rule]
type=net
devices_udev_regex=INTERFACE=e.*
mtu=1400
[not_now]
type=sysctl
enabled=false
net.core.somaxconn=1024
"""


def test_a_profile_with_what_it_includes(tmp_path: Path) -> None:
    """Its own lines win, variables are put in, interfaces get plans of their own, and the rest has its reasons."""
    root = files(tmp_path, **{"base__tuned.conf": BASE, "web__tuned.conf": WEB})
    plans, reasons = adopted(root / "web", name="tuned")
    assert plans == adopted(root / "web/tuned.conf", name="tuned")[0]
    assert [(plan["name"], plan["iface"]) for plan in plans] == [
        ("tuned-1", "auto"),
        ("tuned-2", ["eth0", "wl*"]),
        ("tuned-3", {"type": "ethernet"}),
    ]
    assert [plan["changes"] for plan in plans] == [
        {"sysctl": {"net.ipv4.ip_local_port_range": "10240 65535", "net.ipv4.tcp_fin_timeout": "15"}},
        {
            "offloads": {"gro": True, "tso": False},
            "mtu": 9000,
            "nic": {"rings": {"rx": 1024}, "coalesce": {"adaptive_rx": False, "rx_usecs": 3}, "txqueuelen": 5000},
        },
        {"offloads": {"lro": False}},
    ]
    words = {
        "4: [cpu]": "not about the network",
        "7: net.core.somaxconn=>2048": "raises or lowers",
        "8: net.ipv4.tcp_fin_timeout=30": "set again, to 15",
        "4: include=base, gone": "There is no",
        "10: net.core.busy_read=${f:calc}": "works this out on each host",
        "13: features=gro on tcp-segmentation-offload off warp on": "the feature warp",
        "15: ring=rx 1024 tx-mini 4": "No plan sets tx-mini of rings",
        "21: [others]": "out of a glob",
        "24: features=lro on": "No plan has the interfaces of [others].",
        "25: [by_rule]": "devices_udev_regex",
        "28: mtu=1400": "No plan has the interfaces of [by_rule].",
        "29: [not_now]": "switched off",
    }
    assert set(reasons) == set(words)
    for line, word in words.items():
        assert word in reasons[line], line


def test_profiles_in_a_circle(tmp_path: Path) -> None:
    """It is told, and what they say is read once."""
    root = files(
        tmp_path,
        **{
            "a__tuned.conf": "[main]\ninclude=b\n[sysctl]\nnet.core.somaxconn=1024\n",
            "b__tuned.conf": "[main]\ninclude=a\n",
        },
    )
    (plan,), reasons = adopted(root / "a")
    assert plan["changes"] == {"sysctl": {BACKLOG: "1024"}}
    assert reasons == {"2: include=a": "The profiles include one another."}


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints a plan that YAML reads as the same, the lines beside it, and what is left out on standard error."""
    files(tmp_path, a="net.core.somaxconn=1024\nvm.swappiness=1\nnet.ipv4.tcp_congestion_control=bbr\n")
    assert main(["adopt", str(tmp_path / "a"), "--name", "old", "--iface", "eth0"]) == 0
    out, err = capsys.readouterr()
    assert f"net.core.somaxconn: 1024  # {tmp_path}/a:1" in out
    assert f"{tmp_path}/a:2: vm.swappiness=1\n" in err
    assert "2 settings adopted, 1 line left out." in err
    plan = yaml.safe_load(out)
    assert (plan["name"], plan["iface"]) == ("old", "eth0")
    assert validate(plan, POLICY).ok

    assert main(["adopt", str(tmp_path / "a"), "--json"]) == 0
    told = json.loads(capsys.readouterr()[0])
    assert told["plans"][0]["changes"]["sysctl"] == {BACKLOG: "1024", "net.ipv4.tcp_congestion_control": "bbr"}
    assert told["left_out"][0]["line"] == 2

    assert main(["adopt", str(tmp_path / "a"), "-o", str(tmp_path / "plan.yml")]) == 0
    assert main(["validate", str(tmp_path / "plan.yml")]) == 0


def test_several_plans_are_several_files(tmp_path: Path) -> None:
    """Each is a plan by itself."""
    root = files(tmp_path, **{"web__tuned.conf": "[sysctl]\nnet.core.somaxconn=1024\n[net]\ndevices=eth0\nmtu=1400\n"})
    assert main(["adopt", str(root / "web"), "-o", str(tmp_path / "plan.yml")]) == 0
    assert main(["validate", str(tmp_path / "plan.yml")]) == 0
    assert main(["validate", str(tmp_path / "plan-2.yml")]) == 0


def test_nothing_to_adopt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there, one that is no text, and one of which no plan says anything."""
    assert main(["adopt", str(tmp_path / "none")]) == 1
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert main(["adopt", str(tmp_path / "binary")]) == 1
    files(tmp_path, a="vm.swappiness=1\n")
    assert main(["adopt", str(tmp_path / "a")]) == 1
    assert "not UTF-8" in capsys.readouterr()[1]

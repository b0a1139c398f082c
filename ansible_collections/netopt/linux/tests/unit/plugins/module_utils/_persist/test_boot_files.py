# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files for the next boot: their names, their lines, and that systemd takes them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._persist import boot_files
from ansible_collections.netopt.linux.plugins.module_utils._persist import layer as persist_layer

PROGRAMS = {
    name: f"/usr/sbin/{name}" for name in ("ip", "tc", "ethtool", "nft", "systemd-tmpfiles", "systemd-run", "python3")
}
NAMES = ["eth0", "eth0.100", "br-lan", ".hidden", "a%b", 'q"$', "wlp1s0", "veth@x", "ü"]


def render(**parts: Any) -> dict[str, dict[str, Any]]:
    """Return the files of a layer of some parts."""
    return boot_files.render({**persist_layer.empty(), **parts}, PROGRAMS)


@pytest.mark.parametrize(
    ("name", "spelt"),
    [
        ("eth0", "eth0"),
        ("eth0.100", "eth0.100"),
        ("br-lan", r"br\x2dlan"),
        (".hidden", r"\x2ehidden"),
        ("a%b", r"a\x25b"),
        ("ü", r"\xc3\xbc"),
    ],
)
def test_escape(name: str, spelt: str) -> None:
    """Names are spelt as systemd does."""
    assert boot_files.escape(name) == spelt


@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="needs systemd-escape")
@pytest.mark.parametrize("name", NAMES)
def test_escape_agrees_with_systemd(name: str) -> None:
    """systemd-escape spells them alike."""
    done = subprocess.run(["systemd-escape", "--", name], capture_output=True, text=True, check=True)
    assert boot_files.escape(name) == done.stdout.rstrip("\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["link", "set", "dev", "eth0"], "ExecStart=/x link set dev eth0"),
        (["a b"], 'ExecStart=/x "a b"'),
        (["50%", "$HOME"], 'ExecStart=/x "50%%" "$$HOME"'),
        (['q"', "b\\"], 'ExecStart=/x "q\\"" "b\\\\"'),
        ([";"], 'ExecStart=/x ";"'),
    ],
)
def test_exec_line(words: list[str], line: str) -> None:
    """Nothing is left for systemd to expand or to split."""
    assert boot_files.exec_line("/x", words) == line


def test_nothing_gives_no_files() -> None:
    """An empty layer leaves no trace, and neither does an interface of which nothing is asked."""
    assert render() == {}
    assert render(links={"eth0": {}}) == {}


def test_sysctl_file() -> None:
    """What resets other keys comes first, and the name wins over the distribution's defaults."""
    found = render(sysctl={"net.core.somaxconn": "1", "net.ipv4.ip_forward": "1"})
    assert list(found) == ["/etc/sysctl.d/90-netopt.conf"]
    lines = found["/etc/sysctl.d/90-netopt.conf"]["data"].splitlines()
    assert lines[1:] == ["net.ipv4.ip_forward = 1", "net.core.somaxconn = 1"]
    assert max("10-network-security.conf", "50-default.conf", "50-pid-max.conf") < "90-netopt.conf"


def test_unit_of_a_device() -> None:
    """MTU, offloads, devices, then the tree, in a unit that is bound to the device and enabled."""
    found = render(
        links={"br-lan": {"mtu": 1400, "features": {"b": False, "a": True}}},
        tc={"br-lan": {"links": [{"words": ["link", "add", "x"], "may_fail": True}], "batch": ["qdisc del"]}},
    )
    script, unit, link = list(found)
    assert unit == r"/etc/systemd/system/netopt-device@br\x2dlan.service"
    assert link == (
        "/etc/systemd/system/sys-subsystem-net-devices-br\\x2dlan.device.wants/netopt-device@br\\x2dlan.service"
    )
    assert found[link] == {"kind": "link", "target": unit}
    text = found[unit]["data"]
    assert [line for line in text.splitlines() if line.startswith("ExecStart=")] == [
        "ExecStart=/usr/sbin/ip link set dev br-lan mtu 1400",
        "ExecStart=/usr/sbin/ethtool -K br-lan a on b off",
        "ExecStart=-/usr/sbin/ip link add x",
        f"ExecStart=/usr/sbin/tc -batch {script}",
    ]
    assert found[script]["data"].splitlines()[1:] == ["qdisc del"]
    assert "BindsTo=sys-subsystem-net-devices-br\\x2dlan.device\n" in text
    assert boot_files.units(found) == [unit.rpartition("/")[2]]
    assert not {"/bin/sh", "bash", "python"} & set(text.split())


def test_another_tree_is_another_file() -> None:
    """A unit switches from one script to another by being replaced itself."""
    one, two = (render(tc={"eth0": {"links": [], "batch": [line]}}) for line in ("a", "b"))
    assert [path for path in one if path in two] == list(one)[1:]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("iface", NAMES)
def test_systemd_takes_the_units(iface: str, tmp_path: Path) -> None:
    """There is nothing for systemd to complain of."""
    found = render(links={iface: {"mtu": 1400}}, tc={iface: {"links": [], "batch": ["x"]}}, nft="table inet netopt\n")
    for path in found:
        if path.endswith(".service") and found[path]["kind"] == "file":
            unit = tmp_path / path.rpartition("/")[2]
            unit.write_text(found[path]["data"])
            done = subprocess.run(
                ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
            )
            ours = [line for line in done.stderr.splitlines() if "netopt" in line and "is not executable" not in line]
            assert ours == []


def test_an_adjuster_is_started_in_a_unit_of_its_own() -> None:
    """Program and settings lie there by their content; the unit of the device starts what the plan started."""
    settings = {"iface": "eth0.5", "directions": {}}
    entry = {"links": [], "batch": ["qdisc show"], "adapt": {"settings": settings, "program": "PK\x03\xff"}}
    files = render(tc={"eth0.5": entry})
    (program,) = (path for path in files if path.endswith(".pyz"))
    (told,) = (path for path in files if path.endswith(".json"))
    assert (files[program]["data"], json.loads(files[told]["data"])) == ("PK\x03\xff", settings)
    lines = files["/etc/systemd/system/netopt-device@eth0.5.service"]["data"].splitlines()
    start = next(line for line in lines if "systemd-run" in line)
    assert start.startswith("ExecStart=-/usr/sbin/systemd-run --quiet --collect --unit=netopt-adapt-eth0_2e5 ")
    assert start.endswith(f" /usr/sbin/python3 -I -S {program} {told}")
    assert lines.index(start) == max(number for number, line in enumerate(lines) if line.startswith("ExecStart="))

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What should hold by several changes, and who has what does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.led_to import states_of
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import Content, Header, in_force
from ansible_collections.netopt.linux.plugins.module_utils._common.change import Change
from ansible_collections.netopt.linux.plugins.module_utils._drift.cause import Culprits
from ansible_collections.netopt.linux.plugins.module_utils._drift.expected import (
    Target,
    differences,
    keep_claimed,
    lay_over,
    nft_owner,
    set_by,
    without,
)
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce, sections_of

KEY = "net.ipv4.tcp_fin_timeout"
GRO, TSO, TSO4 = "generic-receive-offload", "tcp-segmentation-offload", "tx-tcp-segmentation"


def header(identity: str, sequence: int, status: str, boot: str = "now", **more: Any) -> Header:
    """Return a header."""
    return Header(id=identity, sequence=sequence, created="", boot_id=boot, status=status, **more)


def test_in_force() -> None:
    """Confirmed changes of any boot and unconfirmed ones of this boot, oldest first."""
    headers = [
        header("newer", 9, "confirmed"),
        header("older", 1, "confirmed", "before"),
        header("waits", 5, "applied"),
        header("undone by a restart", 4, "applied", "before"),
        *(header(status, 3, status) for status in ("rolled_back", "restore_failed", "snapshot", "armed")),
    ]
    assert [one.id for one in in_force(headers, "now")] == ["older", "waits", "newer"]


@pytest.mark.parametrize(
    ("boot", "ends_at", "expected"), [("now", None, "calm"), ("now", 7.0, "netem"), ("before", 7.0, "calm")]
)
def test_states_of(boot: str, ends_at: float | None, expected: str) -> None:
    """A time-boxed part holds until its end, or until a restart."""
    content = Content(scopes={}, before={}, after={"tc": "netem", "nft": 1}, ending={"tc": "calm"})
    assert states_of(header("x", 1, "confirmed", boot, ends_at=ends_at), content, "now") == {"tc": expected, "nft": 1}


def layered() -> Target:
    """Return what two changes should hold."""
    target = Target()
    lay_over(
        target,
        "one",
        {"sysctl": {"keys": ["a", "b"], "lro": False}, "link": {"ifaces": ["eth0"], "features": True}, "nft": {}},
        {
            "sysctl": {"values": {"a": "1", "b": "1"}, "modules": {"m": "used"}},
            "link": {"links": {"eth0": {"mtu": 1400, "active": {"gro": True}}}},
            "nft": {"listing": "old"},
        },
    )
    lay_over(
        target,
        "two",
        {
            "sysctl": {"keys": ["b", "c"], "lro": True},
            "link": {"ifaces": ["eth1", "eth0"], "features": False},
            "nft": {},
        },
        {
            "sysctl": {"values": {"b": "2", "c": "2"}, "modules": {}},
            "link": {"links": {"eth0": {"mtu": 1300}, "eth1": {"mtu": 1300}}},
            "nft": {"listing": "new"},
        },
    )
    return target


def test_lay_over() -> None:
    """Of each setting the newest counts, and everything is looked at."""
    target = layered()
    assert target.states["sysctl"]["values"] == {"a": "1", "b": "2", "c": "2"}
    assert target.states["link"]["links"] == {"eth0": {"mtu": 1300, "active": {"gro": True}}, "eth1": {"mtu": 1300}}
    assert target.states["nft"] == {"listing": "new"}
    assert target.scopes["sysctl"] == {"keys": ["a", "b", "c"], "lro": True}
    assert target.scopes["link"] == {"ifaces": ["eth0", "eth1"], "features": True}
    assert target.parts[0][1]["link"]["links"]["eth0"]["mtu"] == 1400


@pytest.mark.parametrize(
    ("subsystem", "key", "expected"),
    [
        ("sysctl", "a", "one"),
        ("sysctl", "b", "two"),
        ("sysctl", "module m", "one"),
        ("link", "eth0 mtu", "two"),
        ("link", "eth0 gro", "one"),
        ("link", "eth1", "two"),
        ("nft", "table inet netopt chain input", "two"),
        ("sysctl", "reset along", "two"),
    ],
)
def test_set_by(subsystem: str, key: str, expected: str) -> None:
    """Each setting belongs to the newest change that says anything of it."""
    assert set_by(Change(subsystem, key, None, None), layered()) == expected


def test_interfaces_that_are_gone() -> None:
    """They are told once and not looked at."""
    target = layered()
    assert [(change.subsystem, change.key) for change in without(target, ["eth0"])] == [("link", "eth0")]
    assert target.scopes["link"]["ifaces"] == ["eth1"]
    assert list(target.states["link"]["links"]) == ["eth1"]


def claimed(changes: dict[str, Any]) -> Target:
    """Return what of the settings of some changes a plan that is in force still wants to hold."""
    both = ["eth0", "wan0"]
    link = {"mtu": 1400, "active": {GRO: False, TSO: False}, "requested": {TSO4: False}}
    target = Target()
    lay_over(
        target,
        "one",
        {"sysctl": {"keys": [KEY, "net.core.somaxconn"]}, "link": {"ifaces": both}, "tc": {"ifaces": both}, "nft": {}},
        {
            "sysctl": {"values": {KEY: "15", "net.core.somaxconn": "9"}, "modules": {"m": "used", "n": "absent"}},
            "link": {"links": {"eth0": link, "wan0": link}},
            "tc": {"interfaces": {"eth0": {}, "ifb-eth0": {}, "wan0": {}}},
            "nft": {"listing": "rules"},
        },
    )
    origins = {"link": {f"eth0 {TSO}": {"requested": {TSO4: True}}}}
    record = InForce(tuple(sections_of(changes, ("eth0",), "")), {}, origins)
    keep_claimed(target, record)
    return target


def test_what_no_plan_claims_is_not_expected() -> None:
    """Of all that changes have set only that of plans in force is to hold: the rest was given back."""
    changes = {"sysctl": {KEY: "15"}, "offloads": {"tso": False}, "shaper": {"ingress_mbit": 9}}
    target = claimed(changes)
    assert target.states["sysctl"] == {"values": {KEY: "15"}, "modules": {"m": "used"}, "lro": {}}
    assert target.states["link"] == {"links": {"eth0": {"active": {TSO: False}, "requested": {TSO4: False}}}}
    assert target.states["tc"] == {"interfaces": {"eth0": {}, "ifb-eth0": {}}}
    assert target.scopes["link"] == {"ifaces": ["eth0"]}
    assert target.scopes["tc"] == {"ifaces": ["eth0"]}
    assert "nft" not in target.states


def test_claims_of_rules_and_of_the_mtu() -> None:
    """The table is looked at while any plan has rules; an MTU without the offloads beside it."""
    target = claimed({"mtu": 1400, "dscp": [{"match": {"proto": "udp"}, "dscp": 46}]})
    assert target.states["nft"] == {"listing": "rules"}
    assert target.states["link"] == {"links": {"eth0": {"mtu": 1400, "active": {}, "requested": {}}}}
    assert target.states["sysctl"]["values"] == {}
    assert target.states["tc"] == {"interfaces": {}}


def test_without_any_plan() -> None:
    """Nothing is expected once the last plan is taken away."""
    none = claimed({})
    assert (none.states["tc"], none.states["link"]) == ({"interfaces": {}}, {"links": {}})


def test_a_key_that_is_gone() -> None:
    """A key whose module was unloaded differs, though a restore has nothing to write."""
    current = {"values": {"net.netfilter.nf_conntrack_max": None}, "modules": {}}
    wanted = {"values": {"net.netfilter.nf_conntrack_max": "1000"}, "modules": {}}
    assert differences("sysctl", current, wanted) == [Change("sysctl", "net.netfilter.nf_conntrack_max", None, "1000")]


def test_nft_owner() -> None:
    """Nft says which program holds a table for itself."""
    assert nft_owner({"text": "table inet netopt { # progname firewalld\n\tflags owner\n}\n"}) == (
        "firewalld, which owns the table"
    )
    assert nft_owner({"text": "table inet netopt {\n}\n"}) is None


@pytest.mark.parametrize(
    ("files", "found", "expected"),
    [
        ({}, "60", None),
        ({"etc/sysctl.d/50-a.conf": f"{KEY} = 60\n"}, "60", "/etc/sysctl.d/50-a.conf"),
        ({"etc/sysctl.d/50-a.conf": f"{KEY} = 61\n"}, "60", None),
        ({"etc/sysctl.d/90-netopt.conf": f"{KEY} = 60\n"}, "60", None),
        ({"usr/lib/sysctl.d/a.conf": f"{KEY}=60\n", "etc/sysctl.d/a.conf": "# nothing\n"}, "60", None),
        ({"etc/sysctl.conf": f"{KEY}=60\n"}, "60", "/etc/sysctl.conf"),
        (
            {
                "run/tuned/tuned.pid": "1",
                "etc/tuned/active_profile": "fast",
                "etc/tuned/fast/tuned.conf": f"[sysctl]\n{KEY}=60\n",
            },
            "60",
            f"TuneD sets {KEY} to 60 (/etc/tuned/fast/tuned.conf), and will again when it restarts",
        ),
    ],
)
def test_culprits(tmp_path: Path, files: dict[str, str], found: str, expected: str | None) -> None:
    """Whoever sets a key to what it is now is named by file."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert Culprits(str(tmp_path)).of(Change("sysctl", KEY, found, "15")) == expected


SOMAXCONN, FORWARD = "net.core.somaxconn", "net.ipv4.ip_forward"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, {}),
        ({"etc/sysctl.d/50-a.conf": f"{KEY} = 60\n{SOMAXCONN} = 1\n"}, {KEY: "in /etc/sysctl.d/50-a.conf"}),
        (
            {"etc/sysctl.d/70-b.conf": f"{KEY}=0x3c", "run/sysctl.d/50-a.conf": f"{KEY}=60"},
            {KEY: "in /etc/sysctl.d/70-b.conf"},
        ),
        (
            {"etc/sysctl.d/90-netopt.conf": f"{KEY}=60", "etc/sysctl.conf": f"{KEY}=61"},
            {KEY: "in /etc/sysctl.d/90-netopt.conf"},
        ),
        ({"etc/sysctl.d/50-a.conf": f"{KEY}=60", "etc/sysctl.conf": f"{KEY}=60"}, {KEY: "in /etc/sysctl.conf"}),
        (
            {
                "run/tuned/tuned.pid": "1",
                "etc/tuned/active_profile": "fast",
                "etc/tuned/fast/tuned.conf": f"[sysctl]\n{SOMAXCONN}=>4096\n{KEY}=61\n",
            },
            {SOMAXCONN: "by TuneD (/etc/tuned/fast/tuned.conf)"},
        ),
        ({"sys/fs/cgroup/system.slice/docker.service/cgroup.procs": "1"}, {FORWARD: "by docker"}),
        (
            {"sys/fs/cgroup/system.slice/docker.service/x": "", "etc/sysctl.d/9.conf": f"{FORWARD}=1"},
            {FORWARD: "in /etc/sysctl.d/9.conf"},
        ),
    ],
)
def test_setters(tmp_path: Path, files: dict[str, str], expected: dict[str, str]) -> None:
    """Whoever set keys to what they are is named by the file that is read last, else by the service that runs."""
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert Culprits(str(tmp_path)).setters({KEY: "60", SOMAXCONN: "4096", FORWARD: "1"}) == expected

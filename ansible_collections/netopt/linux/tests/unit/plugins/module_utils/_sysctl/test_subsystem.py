# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctl keys and values, and what a plan makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.keys import canonical, proc_path, same
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.merge import buckets_for, merge, skipped
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.side_effects import interface_of, is_reset_by
from ansible_collections.netopt.linux.plugins.module_utils._sysctl.subsystem import (
    diff,
    intent,
    operations,
    render,
    scope,
)

if TYPE_CHECKING:
    from ansible_collections.netopt.linux.plugins.module_utils._common.change import Operation

FORWARD = "net.ipv4.ip_forward"
REDIRECTS = "net.ipv4.conf.all.accept_redirects"


def state(values: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a state with these values and nothing special about them."""
    return {
        "values": values,
        "read_only": [],
        "mounted_read_only": [],
        "modules": {},
        "initial_netns": True,
        "page_bytes": 4096,
        "lro": {},
        "ra_default": [],
        **more,
    }


def commands(steps: list[Operation]) -> list[str]:
    """Return the commands of operations."""
    return [step.command for step in steps]


@pytest.mark.parametrize(
    ("key", "path", "name"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward", "net.ipv4.ip_forward"),
        ("net/ipv4/conf/eth0.100/rp_filter", "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        ("net.ipv4.conf.eth0/100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        ("net.ipv4.conf.eth0.100.rp_filter", "net/ipv4/conf/eth0.100/rp_filter", "net.ipv4.conf.eth0/100.rp_filter"),
        (
            "net.ipv6.neigh.a.b.c.mcast_solicit",
            "net/ipv6/neigh/a.b.c/mcast_solicit",
            "net.ipv6.neigh.a/b/c.mcast_solicit",
        ),
    ],
)
def test_every_spelling_of_a_key_names_one_file(key: str, path: str, name: str) -> None:
    """Dots and slashes swap places as in sysctl(8), and an interface's own dots are kept."""
    assert (proc_path(key), canonical(key)) == (path, name)


@pytest.mark.parametrize(
    "key", ["", "net", "net..ipv4", "net/../kernel/core_pattern", "/net/ipv4/x", "net.ipv4.a b", "net.ipv4.$(id)"]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    """Nothing outside /proc/sys can be named."""
    with pytest.raises(NetoptError, match="not the name of a sysctl key"):
        proc_path(key)


@pytest.mark.parametrize(
    ("key", "one", "other", "expected"),
    [
        ("k", "4096\t131072\t6291456", "4096 131072  6291456", True),
        ("k", "0x403", "1027", True),
        ("k", "-1", "-1", True),
        ("k", "010", "8", True),
        ("k", "09", "9", True),
        ("k", "1", "2", False),
        ("k", "cubic", "bbr", False),
        ("k", "3,1-2", "1-3", True),
        ("k", "8080", "8080,9000", False),
        ("net.ipv4.tcp_allowed_congestion_control", "reno cubic", "cubic reno", True),
        ("k", "1 2", "2 1", False),
        ("k", None, "", False),
        ("k", None, None, True),
    ],
)
def test_values_are_compared_as_the_kernel_means_them(
    *, key: str, one: str | None, other: str | None, expected: bool
) -> None:
    """Tabs, hexadecimal, octal, merged ranges and sets are no difference."""
    assert same(key, one, other) is expected


@pytest.mark.parametrize(
    ("key", "writer", "expected"),
    [
        (REDIRECTS, FORWARD, True),
        ("net.ipv4.conf.eth0/100.forwarding", FORWARD, True),
        ("net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.default.rp_filter", True),
        ("net.ipv4.conf.eth0.rp_filter", "net.ipv4.conf.all.rp_filter", False),
        ("net.ipv4.conf.eth0.forwarding", "net.ipv4.conf.default.forwarding", False),
        ("net.ipv6.conf.eth0.forwarding", "net.ipv6.conf.all.forwarding", True),
        ("net.ipv4.tcp_allowed_congestion_control", "net.ipv4.tcp_congestion_control", True),
        (FORWARD, FORWARD, False),
    ],
)
def test_which_keys_change_others(*, key: str, writer: str, expected: bool) -> None:
    """The side effects are those found on a kernel."""
    assert is_reset_by(key, writer) is expected


def test_interface_of_a_key() -> None:
    """Only keys of one interface have one."""
    cases = ["net.ipv4.conf.eth0/100.rp_filter", "net.ipv6.conf.all.forwarding", FORWARD]
    assert [interface_of(key) for key in cases] == ["eth0.100", None, None]


def test_intent_orders_what_resets_before_what_is_reset() -> None:
    """ip_forward goes first, however the plan is ordered."""
    wanted = intent(
        {"sysctl": {"net.core.somaxconn": 4096, REDIRECTS: "1", "net.ipv4.conf.eth0.forwarding": "1", FORWARD: 1}}
    )
    assert list(wanted.values) == [FORWARD, "net.ipv4.conf.eth0.forwarding", "net.core.somaxconn", REDIRECTS]


def test_intent_takes_connection_tracking() -> None:
    """Its sizes and timeouts are keys; buckets are at least half of the maximum, as each connection has two entries."""
    wanted = intent(
        {"connection_tracking": {"max_connections": 100001, "tcp_timeout_close_wait": 60, "drop_invalid": True}}
    )
    assert wanted.values == {
        "net.netfilter.nf_conntrack_max": "100001",
        "net.netfilter.nf_conntrack_tcp_timeout_close_wait": "60",
    }
    assert wanted.floors == {"net.netfilter.nf_conntrack_buckets": 50001}
    assert set(wanted.modules.values()) == {"nf_conntrack"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sysctl": {"net.netfilter.nf_conntrack_max": "1"}, "connection_tracking": {"max_connections": 2}},
        {"sysctl": {FORWARD: "1", "net/ipv4/ip_forward": "0"}},
        {"sysctl": {FORWARD: " "}},
    ],
)
def test_contradictions_are_errors_of_the_plan(changes: dict[str, Any]) -> None:
    """One key cannot have two values, nor none."""
    with pytest.raises(NetoptError) as caught:
        intent(changes)
    assert caught.value.stage == "plan"


def test_an_empty_plan_asks_for_nothing() -> None:
    """An intent without values is falsy."""
    assert [bool(intent(changes)) for changes in ({}, {"connection_tracking": {"drop_invalid": True}})] == [
        False,
        False,
    ]


def test_render() -> None:
    """Values are quoted, modules are loaded where their keys are absent, floors are guarded."""
    wanted = intent(
        {
            "sysctl": {"net.ipv4.tcp_rmem": "1 2 3", "net.ipv4.tcp_low_latency": "1"},
            "connection_tracking": {"max_connections": 8},
        },
        skippable={"net.ipv4.tcp_low_latency": "gone"},
    )
    low_latency = "[ ! -e /proc/sys/net/ipv4/tcp_low_latency ] || sysctl -w net.ipv4.tcp_low_latency=1"
    buckets = "net.netfilter.nf_conntrack_buckets"
    assert render(wanted) == [
        "[ -e /proc/sys/net/netfilter/nf_conntrack_max ] || modprobe nf_conntrack",
        low_latency,
        "sysctl -w net.ipv4.tcp_rmem='1 2 3'",
        "sysctl -w net.netfilter.nf_conntrack_max=8",
        f'[ "$(sysctl -n {buckets})" -ge 4 ] || sysctl -w {buckets}=4',
    ]


def test_scope_covers_what_is_reset() -> None:
    """What ip_forward changes is read, and so is LRO."""
    found = scope(intent({"sysctl": {FORWARD: "1"}}))
    assert (found["lro"], found["ra"]) == (True, False)
    assert {REDIRECTS, "net.ipv4.conf.*.forwarding"} <= set(found["keys"])


def test_operations_rewrite_what_a_write_resets() -> None:
    """A key that is right now and that ip_forward would reset is written after it; alone it is not written."""
    wanted = state({REDIRECTS: "1", FORWARD: "1"})
    assert commands(operations(state({FORWARD: "0", REDIRECTS: "1"}), wanted)) == [
        f"sysctl -w {FORWARD}=1",
        f"sysctl -w {REDIRECTS}=1",
    ]
    assert operations(state({FORWARD: "1", REDIRECTS: "1"}), wanted) == []


def test_operations_are_empty_once_they_are_done() -> None:
    """Applying is idempotent, and the inverse restores the start."""
    before, after = (
        state({FORWARD: "0", "net.core.somaxconn": "128"}),
        state({FORWARD: "1", "net.core.somaxconn": "4096"}),
    )
    assert operations(after, after) == []
    assert commands(operations(after, before)) == [f"sysctl -w {FORWARD}=0", "sysctl -w net.core.somaxconn=128"]


def test_operations_leave_out_what_has_gone() -> None:
    """A key of an interface that has gone, or that was absent before, is not restored."""
    gone = "net.ipv4.conf.veth1.forwarding"
    assert operations(state({gone: None}), state({gone: "1"})) == []
    assert (
        operations(state({"net.netfilter.nf_conntrack_max": "5"}), state({"net.netfilter.nf_conntrack_max": None}))
        == []
    )


def test_operations_load_and_unload_modules() -> None:
    """A module is loaded ahead of its keys, and unloaded again unless something uses it."""
    key = "net.netfilter.nf_conntrack_max"
    absent = state({key: None}, modules={"nf_conntrack": "loadable"})
    wanted = {"values": {key: "9"}, "modules": {"nf_conntrack": "used"}}
    assert commands(operations(absent, wanted)) == ["modprobe nf_conntrack", f"sysctl -w {key}=9"]
    assert [change.key for change in diff(absent, wanted)] == [key, "module nf_conntrack"]
    assert commands(operations(state({key: "9"}, modules={"nf_conntrack": "idle"}), absent)) == [
        "modprobe -r nf_conntrack"
    ]
    assert operations(state({key: "9"}, modules={"nf_conntrack": "used"}), absent) == []


def test_an_algorithm_is_unloaded_once_it_is_not_the_default() -> None:
    """Its module is in use until the old default is written back."""
    key = "net.ipv4.tcp_congestion_control"
    before = state({key: "cubic"}, modules={"tcp_bbr": "loadable"})
    after = state({key: "bbr"}, modules={"tcp_bbr": "used"})
    assert commands(operations(after, before)) == [f"sysctl -w {key}=cubic", "modprobe -r tcp_bbr"]
    assert operations(state({key: "cubic"}, modules={"tcp_bbr": "used"}), before) == []


def test_lro_comes_back() -> None:
    """Forwarding turns LRO off for good: restoring turns it on where it was on and is there still."""
    before = state({FORWARD: "0"}, lro={"eth0": True, "eth1": False, "eth2": True})
    after = state({FORWARD: "1"}, lro={"eth0": False, "eth1": False})
    assert commands(operations(after, before)) == [f"sysctl -w {FORWARD}=0", "ethtool -K eth0 lro on"]


@pytest.mark.parametrize(
    ("changes", "current", "hint"),
    [
        ({"net.core.x": "1"}, state({"net.core.x": None}), "built without it"),
        ({"net.core.x": "1"}, state({"net.core.x": None}, initial_netns=False), "initial network namespace"),
        ({"net.ipv4.conf.e0.x": "1"}, state({}), "no interface e0"),
        (
            {"net.bridge.x": "1"},
            state({"net.bridge.x": None}, modules={"br_netfilter": "missing"}),
            "module br_netfilter",
        ),
        ({"net.core.x": "1"}, state({"net.core.x": "0"}, read_only=["net.core.x"]), "for reading only"),
        (
            {"net.core.x": "1"},
            state({"net.core.x": "0"}, read_only=["net.core.x"], mounted_read_only=["net.core.x"], initial_netns=False),
            "/proc/sys is mounted read-only here",
        ),
        (
            {"net.core.x": "1"},
            state({"net.core.x": "0"}, read_only=["net.core.x"], initial_netns=False),
            "only in the initial network namespace",
        ),
        (
            {"net.ipv6.conf.all.disable_ipv6": "1"},
            {**state({"net.ipv6.conf.all.disable_ipv6": "0"}), "ipv6_given": {"eth0": "the address 2001:db8::1/64"}},
            "network configuration",
        ),
        (
            {"net.ipv6.conf.all.forwarding": "1"},
            state({"net.ipv6.conf.all.forwarding": "0"}, ra_default=["eth0"]),
            "net.ipv6.conf.eth0.accept_ra to 2",
        ),
        (
            {"net.ipv4.tcp_congestion_control": "vegas"},
            state(
                {"net.ipv4.tcp_congestion_control": "cubic", "net.ipv4.tcp_available_congestion_control": "reno cubic"}
            ),
            "no module tcp_vegas",
        ),
        (
            {"net.ipv4.tcp_congestion_control": "vegas"},
            state({"net.ipv4.tcp_congestion_control": "cubic"}, initial_netns=False),
            "tcp_allowed_congestion_control",
        ),
    ],
)
def test_what_cannot_be_done_says_why(changes: dict[str, Any], current: dict[str, Any], hint: str) -> None:
    """Each cause has a hint of its own, and the error names the key and the stage."""
    with pytest.raises(NetoptError) as caught:
        merge(intent({"sysctl": changes}), current)
    assert hint in caught.value.hint
    assert (caught.value.stage, caught.value.key) == ("rehearse", next(iter(changes)))


def test_a_read_only_key_that_is_right_is_left_alone() -> None:
    """Nothing has to be written, so nothing is refused."""
    current = state({"net.core.x": "0x10"}, read_only=["net.core.x"])
    assert operations(current, merge(intent({"sysctl": {"net.core.x": "16"}}), current)) == []


def test_skippable_keys_are_left_out_with_their_reason() -> None:
    """Only where the kernel lacks them."""
    key = "net.ipv4.tcp_low_latency"
    wanted = intent({"sysctl": {key: "1"}}, skippable={key: "gone"})
    assert merge(wanted, state({key: None}))["values"] == {}
    assert skipped(wanted, state({key: None})) == [{"key": key, "reason": "gone"}]
    assert merge(wanted, state({key: "0"}))["values"] == {key: "1"}
    assert skipped(wanted, state({key: "0"})) == []


def test_congestion_control_loads_its_module() -> None:
    """One that is not there yet and can be loaded is loaded first; its scope asks for what is needed."""
    key = "net.ipv4.tcp_congestion_control"
    wanted = intent({"sysctl": {key: "bbr"}})
    assert scope(wanted)["modules"] == ["tcp_bbr"]
    current = state(
        {key: "cubic", "net.ipv4.tcp_available_congestion_control": "reno cubic"}, modules={"tcp_bbr": "loadable"}
    )
    assert commands(operations(current, merge(wanted, current))) == ["modprobe tcp_bbr", f"sysctl -w {key}=bbr"]


@pytest.mark.parametrize(
    ("buckets", "read_only", "expected"),
    [("65536", False, None), ("1024", False, "50176"), ("1024", True, None)],
)
def test_buckets_are_raised_and_never_lowered(*, buckets: str, read_only: bool, expected: str | None) -> None:
    """They are rounded to whole pages as the kernel does, and spared with a reason where they are read-only."""
    key, maximum = "net.netfilter.nf_conntrack_buckets", "net.netfilter.nf_conntrack_max"
    current = state({key: buckets, maximum: "65536"}, read_only=[key] if read_only else [])
    wanted = intent({"connection_tracking": {"max_connections": 100000}})
    assert merge(wanted, current)["values"].get(key) == expected
    assert bool(skipped(wanted, current)) is read_only


def test_buckets_fill_pages() -> None:
    """512 pointers fit a page of 4 KiB, 8192 one of 64 KiB."""
    assert [buckets_for(513, 4096), buckets_for(1, 65536)] == [1024, 8192]


@pytest.mark.parametrize("key", ["net.ipv4.tcp_fastopen_key", "net/ipv6/conf/eth0/stable_secret"])
def test_secrets_are_refused(key: str) -> None:
    """A key that holds a secret is not set: reports and checkpoints would keep what it was, and is."""
    with pytest.raises(NetoptError, match="holds a secret"):
        intent({"sysctl": {key: "1-2-3-4"}})

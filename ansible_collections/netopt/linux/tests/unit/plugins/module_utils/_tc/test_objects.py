# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the transition between trees, on trees that no kernel of the test machines needs to have."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc.creation_order import by_depth, creation_order, listing
from ansible_collections.netopt.linux.plugins.module_utils._tc.netlink_options import (
    canonical,
    irreplaceable,
    loose,
)
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import ROOT, TcObject, ifb_name, same
from ansible_collections.netopt.linux.plugins.module_utils._tc.operations import diff, operations
from ansible_collections.netopt.linux.plugins.module_utils._tc.rate_tables import rate_table, size_table
from ansible_collections.netopt.linux.plugins.module_utils._tc.taken_back import replayable, resent
from ansible_collections.netopt.linux.plugins.module_utils._tc.transition import default_kind_for, tree_steps

ONE, TEN = 0x10000, 0x100000


def qdisc(kind: str, handle: int, parent: int = ROOT, options: bytes | None = b"") -> TcObject:
    """Return a qdisc."""
    return TcObject("qdisc", kind, handle, parent, options=options)


def htb_class(handle: int, parent: int = ROOT, *, prio: int = 0, rate: int = 1000) -> TcObject:
    """Return an htb class."""
    parms = struct.pack("=8xI12x5I", rate, 0, 0, 0, 0, prio)
    return TcObject("class", "htb", handle, parent, options=rt.attribute(1, parms))


def words(current: list[TcObject], wanted: list[TcObject]) -> list[str]:
    """Return the steps as ``verb name``."""
    return [f"{verb} {one.name}" for verb, one in tree_steps(current, wanted)]


FQ = rt.u32(1, 100) + rt.u32(2, 5)
FQ_LESS = rt.u32(1, 200)
HTB = [qdisc("htb", ONE), htb_class(ONE + 1), htb_class(ONE + 2, ONE + 1), htb_class(ONE + 3, ONE + 1)]
CASES: dict[str, tuple[list[TcObject], list[TcObject], list[str]]] = {
    "nothing differs": (HTB, HTB, []),
    "the default is no object": ([qdisc("mq", 0)], [qdisc("noqueue", 0)], []),
    "a root comes": ([qdisc("mq", 0)], [qdisc("fq", ONE)], ["add qdisc root"]),
    "a root goes": ([qdisc("fq", ONE)], [], ["delete qdisc root"]),
    "another handle": ([qdisc("fq", ONE)], [qdisc("fq", TEN)], ["replace qdisc root"]),
    "another kind": ([qdisc("fq", ONE)], [qdisc("cake", ONE)], ["delete qdisc root", "add qdisc root"]),
    "changed in place": ([qdisc("fq", ONE, options=FQ_LESS)], [qdisc("fq", ONE, options=FQ)], ["change qdisc root"]),
    "left out": (
        [qdisc("fq", ONE, options=FQ)],
        [qdisc("fq", ONE, options=FQ_LESS)],
        ["delete qdisc root", "add qdisc root"],
    ),
    "htb cannot change": (
        [qdisc("htb", ONE, options=FQ)],
        [qdisc("htb", ONE, options=FQ_LESS)],
        ["delete qdisc root", "add qdisc root"],
    ),
    "a class's rate": (HTB, [*HTB[:3], htb_class(ONE + 3, ONE + 1, rate=9)], ["change class 1:3"]),
    "an inner class's priority": (
        HTB,
        [HTB[0], htb_class(ONE + 1, prio=4), *HTB[2:]],
        ["delete class 1:3", "delete class 1:2", "delete class 1:1", "add class 1:1", "add class 1:3", "add class 1:2"],
    ),
    "a class moves": (
        HTB,
        [*HTB[:3], htb_class(ONE + 3, ONE + 2)],
        ["delete class 1:3", "add class 1:3"],
    ),
    "a leaf goes": ([*HTB, qdisc("fq", TEN, ONE + 2)], HTB, ["delete qdisc 10:"]),
    "a leaf that would leave a hole": (
        [qdisc("tbf", ONE, options=FQ), qdisc("fq", TEN, ONE + 1)],
        [qdisc("tbf", ONE, options=FQ)],
        ["delete qdisc root", "add qdisc root"],
    ),
    "a leaf is replaced": (
        [qdisc("tbf", ONE), qdisc("fq", TEN, ONE + 1)],
        [qdisc("tbf", ONE), qdisc("sfq", 2 * TEN, ONE + 1)],
        ["replace qdisc 20:"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_steps(name: str) -> None:
    """Each transition takes these steps."""
    current, wanted, expected = CASES[name]
    assert words(current, wanted) == expected


def state(found: list[TcObject], **link: object) -> dict[str, object]:
    """Return a State of one interface."""
    values = {"txqlen": 1000, "mtu": 1500, "up": True, "kind": "veth", **link}
    return {"interfaces": {"eth0": {"link": values, "default": False, "objects": [one.as_dict() for one in found]}}}


@pytest.mark.parametrize("name", CASES)
def test_diff_and_operations_agree(name: str) -> None:
    """There is something to tell exactly when there is something to do."""
    current, wanted, _expected = CASES[name]
    if name != "the default is no object":
        assert bool(diff(state(current), state(wanted))) == bool(operations(state(current), state(wanted)))


def test_another_default_is_had_back() -> None:
    """A default tree of another kind than before comes back by a detour, with the kind that the kernel needs."""
    before, now = [qdisc("mq", 0), qdisc("fq", 0, 1), qdisc("fq", 0, 2)], [qdisc("mq", 0), qdisc("pfifo_fast", 0, 1)]
    steps = [operation.payload["steps"][0] for operation in operations(state(now), state(before))]
    assert [step["verb"] for step in steps] == ["replace", "delete"]
    assert steps[1]["default_qdisc"] == "fq"
    assert default_kind_for("delete", qdisc("htb", ONE), before) == "fq"
    assert [change.before for change in diff(state(now), state(before))] == ["default (mq pfifo_fast)"]


def test_queue_length_is_set_back() -> None:
    """A queue length of 0 is set again behind every change to the tree, since the kernel may replace it."""
    found = operations(state([], txqlen=0), state([qdisc("fq", ONE)], txqlen=0))
    assert [one.command for one in found][-1] == "ip link set dev eth0 txqueuelen 0"


@given(st.dictionaries(st.integers(2, 0xFFFF), st.integers(0, 5), max_size=60))
def test_class_order_has_parents_first(found: dict[int, int]) -> None:
    """Every class is there once, behind its parent."""
    handles = list(found)
    parents = {handle: handles[index % place] if place else 1 for place, (handle, index) in enumerate(found.items())}
    for order in (creation_order(parents, handles), by_depth(parents, handles)):
        assert sorted(order) == sorted(handles)
        assert all(order.index(parents[one]) < order.index(one) for one in order if parents[one] in parents)


@given(st.permutations([ONE + minor for minor in (0x11, 0x12, 0x13, 0x10, 0x20, 0x22)]))
def test_class_that_comes_with_its_qdisc_counts_in_the_order(made: list[int]) -> None:
    """The kernel's table holds hfsc's own class as well, which nobody makes: the listing comes out as it was."""
    listed = listing([ONE, *made])
    classes = [TcObject("class", "hfsc", each, ROOT if each == ONE else ONE) for each in listed]
    steps = tree_steps([], [qdisc("hfsc", ONE), *classes])
    assert [verb for verb, _one in steps] == ["add"] * (1 + len(made))
    assert listing([ONE, *(one.handle for _verb, one in steps[1:])]) == listed


def test_what_the_kernel_picks_may_differ() -> None:
    """An action may go by another number than wanted; what it does is compared."""
    parms = struct.pack("=IIiIIII", 9, 0, 4, 2, 2, 1, 3)
    options = rt.attribute(
        7, rt.attribute(1, rt.text(1, "mirred") + rt.attribute(2, rt.attribute(1, bytes(32)) + rt.attribute(2, parms)))
    )
    kept, devices = canonical("filter", "u32", options, {3: "ifb-eth0"})
    free = loose("filter", "u32", kept)
    assert devices == ("ifb-eth0",)
    assert kept != free
    there = TcObject("filter", "u32", 1, 1, options=kept)
    assert same(there, TcObject("filter", "u32", 1, 1, options=free))
    assert same(there, TcObject("filter", "u32", 1, 1, options=kept.replace(b"\x09\0\0\0", b"\x08\0\0\0")))
    assert not same(there, TcObject("filter", "u32", 1, 1, options=kept.replace(b"\x04\0\0\0", b"\x03\0\0\0")))


def test_what_cannot_come_back() -> None:
    """Loaded BPF programs and damping tables are named as what they are; classic BPF can come back."""
    assert "BPF" in str(irreplaceable("filter", "bpf", rt.u32(11, 5)))
    assert irreplaceable("filter", "bpf", rt.attribute(5, bytes(8))) is None
    assert "red" in str(irreplaceable("qdisc", "red", b""))


def test_tables() -> None:
    """A police rate of 1 Mbyte/s takes 64 ns ticks per cell; ATM sizes come in cells of 53 bytes."""
    spec, table = rate_table(struct.pack("=BBHhHI", 0, 1, 0, 0, 0, 10**6), 0)
    assert spec[0] == 3
    assert struct.unpack_from("=2I", table) == (8 * 1000 // 64, 16 * 1000 // 64)
    base = struct.pack("=BBhiIIII", 2, 0, -1, 20, 2, 60, 2047, 512)
    sizes = dict(rt.attributes(size_table(rt.attribute(1, base))))[2]
    assert struct.unpack_from("=H", sizes, 0)[0] == 106
    assert struct.unpack_from("=H", sizes, 2 * 24)[0] == 159


@pytest.mark.parametrize(("iface", "length"), [("eth0", 8), ("enp0s31f6xyz", 15), ("abcdefghijklmno", 15)])
def test_ifb_names_fit(iface: str, length: int) -> None:
    """The name of our device fits into what the kernel allows, and differs between interfaces."""
    assert len(ifb_name(iface)) == length
    assert ifb_name(iface) != ifb_name(iface[:-1] + "_")


@given(st.integers(0, 4_000_000))
def test_codel_times_survive(asked: int) -> None:
    """A time in units of 1024 ns, told in rounded microseconds and sent again, is the same time."""
    kept = asked * 1000 >> 10
    sent = rt.as_u32(dict(rt.attributes(resent("fq_codel", rt.u32(1, kept * 1024 // 1000))))[1])
    assert sent * 1000 >> 10 == kept


@given(st.integers(0, 4_000_000))
def test_pie_times_survive(asked: int) -> None:
    """A time in ticks of 64 ns, told in rounded microseconds and sent again, is told the same."""
    told = (asked * 1000 >> 6 << 6) // 1000
    sent = rt.as_u32(dict(rt.attributes(resent("pie", rt.u32(1, told))))[1])
    assert (sent * 1000 >> 6 << 6) // 1000 == told


def mpls(mode: int) -> bytes:
    """Return the options of a matchall with an action of mpls, with its protocol as dumped."""
    options = rt.attribute(2, struct.pack("=5Ii", 0, 0, 3, 1, 1, mode)) + rt.attribute(4, b"\x88\x47")
    action = rt.text(1, "mpls") + rt.attribute(rt.NESTED | 2, options)
    return rt.attribute(2, rt.attribute(1, action))


@pytest.mark.parametrize("mode", [1, 2, 5])
def test_mpls_is_sent_with_its_protocol(mode: int) -> None:
    """An action that pops or pushes wants the protocol that it dumped."""
    assert b"\x88\x47" in replayable("matchall", mpls(mode), (), {})


@pytest.mark.parametrize("mode", [3, 4])
def test_mpls_is_sent_without_the_protocol_that_it_refuses(mode: int) -> None:
    """An action that modifies, or lowers the TTL, dumps a protocol and refuses one."""
    assert b"\x88\x47" not in replayable("matchall", mpls(mode), (), {})


@pytest.mark.parametrize(("hardware", "length"), [(0, 82), (1, 92)])
def test_mqprio_in_software_is_sent_as_the_plain_struct(hardware: int, length: int) -> None:
    """Without hardware the kernel refuses the attributes that it dumps; with it they are sent."""
    dumped = (bytes(17) + bytes([hardware]) + bytes(64)).ljust(84, b"\0") + rt.u32(1, 0)
    assert len(resent("mqprio", dumped)) == length

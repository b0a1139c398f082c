# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the rehearsal refuses, and how clearly: nothing is lost without a word, nothing goes that cannot come back."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.change import Operation
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.scratch_namespace import in_scratch_namespace
from ansible_collections.netopt.linux.plugins.module_utils._tc import kernel as tc_kernel
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.objects import ROOT, TcObject
from tests.kernel.tc_namespace import IFACE, SCOPE, has, in_namespace, lead, left, make_interface, resolved, run, told

MARKED = {"htb_classes": [{"classid": "1:10", "rate_mbit": 1, "match": [{"fwmark": 7}]}]}


def _refusal(changes: dict[str, Any], start: str = "true") -> dict[str, str | None]:
    """Return the error that a plan meets on an interface prepared by ``start``."""

    def attempt() -> dict[str, str | None]:
        make_interface()
        run(start)
        before = told()
        try:
            resolved(changes)
        except NetoptError as error:
            assert told() == before
            return error.as_dict()
        return {}

    found: dict[str, str | None] = in_namespace(attempt)
    return found


@pytest.mark.parametrize("kind", ["fq", "fq_codel", "cake", "sfq"])
def test_a_qdisc_that_the_kernel_lacks(kind: str) -> None:
    """The error names the qdisc, the command and the option of the kernel that brings it."""
    if has(kind):
        pytest.skip(f"this kernel has {kind}")
    error = _refusal({"qdisc": {"type": kind, "params": {}}})
    assert (error["stage"], error["key"]) == ("rehearse", f"eth0 qdisc {kind}")
    assert error["wanted"] == f"tc qdisc replace dev eth0 root handle 1: {kind}"
    assert f"this kernel has no {kind} qdisc" in str(error["hint"])


def test_a_match_that_the_kernel_drops() -> None:
    """A match on the mark that the kernel silently leaves out is an error; elsewhere it is applied."""
    error = _refusal(MARKED)
    if error:
        assert error["key"] == "eth0 filter for class 1:10"
        assert "CONFIG_CLS_U32_MARK" in str(error["hint"])
    else:  # a kernel with CONFIG_CLS_U32_MARK
        assert in_namespace(lambda: [make_interface(), lead(resolved(MARKED)[1]), left(resolved(MARKED)[1])])[2] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"htb_classes": [{"classid": "1:10", "rate_mbit": 1, "parent": "1:77"}]}, "1:10"),
        ({"htb_classes": [{"classid": "1:10", "rate_mbit": 1}], "default_class": "1:7"}, "1:7"),
        ({"qdisc": {"type": "tbf", "params": {"rate_mbit": 1, "peakrate_mbit": 2}}}, "tbf"),
        ({"qdisc": {"type": "bfifo", "params": {"limit_bytes": "plenty"}}}, "plenty"),
        ({"qdisc": {"type": "sfq", "params": {"colour": 1}}}, "colour"),
        ({"netem": {"reorder_pct": 1}}, "reorders"),
    ],
)
def test_values_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    """What tc, the kernel or the wording refuses is said by name, before anything is touched."""
    error = _refusal(changes)
    assert words in str(error["message"])
    assert error["hint"]


def test_an_interface_that_is_not_there() -> None:
    """A missing interface is named, together with those that exist."""

    def attempt() -> dict[str, str | None]:
        make_interface()
        try:
            tc_kernel.observe({"ifaces": ["eth9"]}, Tools())
        except NetoptError as error:
            return error.as_dict()
        return {}

    error = in_namespace(attempt)
    assert error["message"] == "interface eth9 does not exist"
    assert (error["stage"], error["key"]) == ("observe", "eth9")
    assert "eth0, lo, peer" in error["hint"]


def test_a_device_in_the_way() -> None:
    """A device with the name of ours that is no ifb is left alone, and said."""
    start = "ip link add ifb-eth0 type veth peer name other"
    error = _refusal({"shaper": {"ingress_mbit": 5}}, start)
    assert error["message"] == "ifb-eth0 exists, but is no ifb device"
    assert _refusal({"shaper": {"egress_mbit": 5}}, start) == {}


MIXED_UP = """set -e
tc qdisc add dev eth0 root handle 1: htb
tc class add dev eth0 parent 1: classid 1:1 htb rate 1mbit
tc filter add dev eth0 parent 1: protocol ip pref 1 u32 match ip sport 80 0xffff flowid 1:1
tc filter add dev eth0 parent 1:1 protocol ip pref 1 u32 match ip sport 81 0xffff flowid 1:1
"""


def test_filters_that_cannot_be_told_apart() -> None:
    """Two u32 groups of one preference below one qdisc are mixed up in the kernel's dump: they are not replaced."""
    error = _refusal({"shaper": {"egress_mbit": 5}}, MIXED_UP)
    assert str(error["message"]).startswith("The present state cannot be made again")
    assert "same preference" in str(error["message"])
    assert _refusal({"shaper": {"ingress_mbit": 5}}, MIXED_UP) == {}


def test_what_is_known_to_be_lost_is_refused_without_a_namespace() -> None:
    """Where no way can be tried, what is known not to come back is refused, and nothing is touched."""

    def attempt() -> dict[str, str | None]:
        make_interface()
        run(MIXED_UP)
        before = told()
        intent = tc_subsystem.intent({"shaper": {"egress_mbit": 5}}, (IFACE,))
        try:
            tc_kernel.force(intent, tc_kernel.observe(SCOPE, Tools()), Tools())
        except NetoptError as error:
            assert told() == before
            return error.as_dict()
        return {}

    error = in_namespace(attempt)
    assert "could not be brought back by a rollback" in error["message"]
    assert "same preference" in error["message"]


def test_a_queue_that_has_the_handle_of_the_hook_and_stays() -> None:
    """The kernel takes no ingress hook beside it: the plan is refused, unless it replaces that queue as well."""
    start = "tc qdisc add dev eth0 root handle ffff: bfifo limit 9000"
    error = _refusal({"shaper": {"ingress_mbit": 5}}, start)
    assert error["message"] == "eth0 qdisc root has the handle ffff:, which the kernel wants for the ingress hook"
    assert _refusal({"shaper": {"ingress_mbit": 5, "egress_mbit": 5}}, start) == {}


def test_a_shared_block_is_refused() -> None:
    """Filters that other interfaces share cannot be shown in a namespace, and are not replaced."""
    error = _refusal({"shaper": {"ingress_mbit": 5}}, "tc qdisc add dev eth0 ingress_block 9 clsact")
    assert "shares its filters with other interfaces" in str(error["message"])


def test_the_kernel_s_own_words() -> None:
    """A refused operation carries the kernel's extended error text and the object's name."""

    def attempt() -> dict[str, str | None]:
        make_interface()
        wanted = resolved({"htb_classes": [{"classid": "1:10", "rate_mbit": 1}]})[1]
        steps = tc_subsystem.operations(tc_kernel.observe(SCOPE, Tools()), wanted)
        try:
            tc_kernel.perform(steps[1], Tools())  # a class, though the htb above it was never made
        except NetoptError as error:
            return error.as_dict()
        return {}

    error = in_namespace(attempt)
    assert (error["stage"], error["key"]) == ("apply", "eth0 class 1:10")
    assert error["after"]
    assert error["wanted"].startswith("tc class add dev eth0 parent 1: classid 1:10 htb")


def test_an_interface_that_went_away() -> None:
    """An operation on an interface that is gone says so, and lists those that are there."""
    step = {"verb": "delete", "iface": "gone0", "object": TcObject("qdisc", "htb", 0x10000, ROOT)}
    operation = Operation("tc", "gone0 qdisc root", "tc qdisc del dev gone0 root", {"steps": [step]})

    def attempt() -> dict[str, str | None]:
        try:
            tc_kernel.perform(operation, Tools())
        except NetoptError as error:
            return error.as_dict()
        return {}

    error = in_namespace(attempt)
    assert error["message"] == "gone0 qdisc root: interface gone0 does not exist"
    assert error["hint"] == "This host has: lo."


def test_without_a_scratch_namespace() -> None:
    """Force makes the same state on the interface itself."""
    changes = {"shaper": {"egress_mbit": 5, "ingress_mbit": 3}}

    def both() -> list[str]:
        make_interface()
        intent = tc_subsystem.intent(changes, (IFACE,))
        current = tc_kernel.observe(SCOPE, Tools())
        tc_kernel.force(intent, current, Tools())
        return left(in_scratch_namespace(lambda: tc_kernel.resolve(intent, current, Tools())))

    assert in_namespace(both) == []


def test_ten_thousand_classes_are_told_from_one_another() -> None:
    """A large tree is made in chunks whose errors still name the class."""
    count = 600
    classes = [{"classid": f"1:{minor + 2:x}", "rate_mbit": 1} for minor in range(count)]

    def attempt() -> tuple[int, list[str], str | None]:
        make_interface()
        wanted = resolved({"htb_classes": classes})[1]
        steps = tc_subsystem.operations(tc_kernel.observe(SCOPE, Tools()), wanted)
        tc_kernel.perform(steps[0], Tools())
        try:
            tc_kernel.perform(steps[0], Tools())
        except NetoptError as error:
            refused = error.key
        lead(wanted)
        return len(steps), left(wanted), refused

    operations, still, refused = in_namespace(attempt)
    assert operations < count / 50
    assert still == []
    assert refused == "eth0 qdisc root"

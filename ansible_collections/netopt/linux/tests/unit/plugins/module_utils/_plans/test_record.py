# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sections of plans, and the record that they are kept in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._plans.listing import listed
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import (
    UNNAMED,
    InForce,
    put,
    sections_of,
    without_field,
    without_plan,
)

ETH0, BOTH = ("eth0",), ("eth0", "wan0")
KEY = "net.core.somaxconn"
CLASSES = [{"classid": "1:10", "rate_mbit": 5}]
Said = list[tuple[str, tuple[str, ...], Any]]


def laid(record: InForce, changes: dict[str, Any], *, name: str = UNNAMED, at: str = "c", **more: Any) -> InForce:
    """Return a record with a plan applied."""
    ifaces = more.get("ifaces", ETH0)
    said = [
        type(one)(**{**vars(one), "checkpoint": at, "persist": more.get("persist", False)})
        for one in sections_of(changes, ifaces, name)
    ]
    return put(record, name, said, {"digest": more.get("digest"), "checkpoint": at, "since": "then", "by": None})


def said_by(record: InForce, name: str = UNNAMED) -> Said:
    """Return what a plan says."""
    return [(one.path.partition(".")[2], one.ifaces, one.value) for one in record.of(name)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"sysctl": {"net/core/somaxconn": 7}}, [("sysctl.net.core.somaxconn", (), 7)]),
        ({"sysctl": None}, []),
        ({"offloads": {"gro": False}}, [("offloads.generic-receive-offload", ETH0, False)]),
        ({"mtu": 1400, "dscp": None}, [("mtu", ETH0, 1400), ("dscp", ETH0, None)]),
        ({"htb_classes": CLASSES}, [("htb_classes", ETH0, {"htb_classes": CLASSES})]),
        (
            {"htb_classes": CLASSES, "default_class": "1:10"},
            [("htb_classes", ETH0, {"htb_classes": CLASSES, "default_class": "1:10"})],
        ),
        ({"default_class": "1:10"}, [("htb_classes", ETH0, {"default_class": "1:10"})]),
        ({"default_class": None}, [("htb_classes", ETH0, None)]),
        ({"htb_classes": [], "default_class": None}, [("htb_classes", ETH0, None)]),
    ],
)
def test_sections(changes: dict[str, Any], expected: Said) -> None:
    """Each kernel parameter and offload is one by its full name, and classes are one with their default."""
    assert [(one.path.partition(".")[2], one.ifaces, one.value) for one in sections_of(changes, ETH0, "p")] == expected


@pytest.mark.parametrize(
    ("second", "ifaces", "expected"),
    [
        ({"dscp": [1]}, ETH0, [("mtu", BOTH, 1400), ("sysctl." + KEY, (), "9"), ("dscp", ETH0, [1])]),
        ({"mtu": 1300}, ETH0, [("mtu", ("wan0",), 1400), ("sysctl." + KEY, (), "9"), ("mtu", ETH0, 1300)]),
        ({"mtu": 1300}, BOTH, [("sysctl." + KEY, (), "9"), ("mtu", BOTH, 1300)]),
        ({"mtu": None}, ("wan0",), [("mtu", ETH0, 1400), ("sysctl." + KEY, (), "9")]),
        ({"sysctl": {KEY: None}}, ETH0, [("mtu", BOTH, 1400)]),
        ({"sysctl": {KEY: None}, "mtu": []}, BOTH, []),
    ],
)
def test_a_plan_without_a_name_sets_what_it_names(
    second: dict[str, Any], ifaces: tuple[str, ...], expected: Said
) -> None:
    """Other sections, and other interfaces of the same one, stay as they are; null and [] take away."""
    first = laid(InForce(), {"mtu": 1400, "sysctl": {KEY: "9"}}, ifaces=BOTH)
    assert said_by(laid(first, second, ifaces=ifaces)) == expected


def test_a_plan_with_a_name_replaces_itself_alone() -> None:
    """What it does not say any more is gone; what others say is not."""
    record = laid(laid(InForce(), {"mtu": 1400}), {"dscp": [1], "nat_rules": [2]}, name="web")
    record = laid(record, {"dscp": [3]}, name="web")
    assert said_by(record, "web") == [("dscp", ETH0, [3])]
    assert said_by(record) == [("mtu", ETH0, 1400)]
    assert record.names() == [UNNAMED, "web"]
    assert without_plan(record, "web").names() == [UNNAMED]
    assert list(without_plan(record, "web").plans) == [UNNAMED]
    assert without_plan(record, "none such") == record


def test_what_is_said_again_stays_the_first_change_s() -> None:
    """A plan that holds already changes nothing; a number and its text are the same."""
    first = laid(InForce(), {"sysctl": {KEY: "9"}, "mtu": 1400}, at="one")
    assert laid(first, {"sysctl": {KEY: 9}}, at="two") is first
    second = laid(first, {"sysctl": {KEY: 9}, "mtu": 1300}, at="two")
    assert [(one.field, one.checkpoint) for one in second.sections] == [("sysctl", "one"), ("mtu", "two")]


def test_what_is_to_be_persisted_now_is_new() -> None:
    """A section that was not persisted is so once a plan asks for it, and stays so when the next one does not."""
    first = laid(InForce(), {"mtu": 1400}, at="one")
    second = laid(first, {"mtu": 1400}, at="two", persist=True)
    assert [(one.checkpoint, one.persist) for one in second.sections] == [("two", True)]
    assert laid(second, {"mtu": 1400}, at="three") is second


@pytest.mark.parametrize(
    ("name", "digest", "noted"),
    [("web", "d1", "one"), ("web", None, "one"), ("web", "d2", "two"), ("", "d2", "one")],
)
def test_digest_of_a_plan_that_says_the_same(name: str, digest: str | None, noted: str) -> None:
    """A named plan with another text is noted, though it sets the same."""
    first = laid(InForce(), {"mtu": 1400}, name=name, at="one", digest="d1")
    second = laid(first, {"mtu": 1400}, name=name, at="two", digest=digest)
    assert second.plans[name]["checkpoint"] == noted


def test_a_field_that_is_over() -> None:
    """Impairments of some changes go, or those of all; a plan that says nothing else goes with them."""
    record = laid(laid(InForce(), {"netem": {"delay_ms": 1}}, at="one"), {"netem": {}, "mtu": 1400}, name="b", at="two")
    record = laid(record, {"netem": {"delay_ms": 2}}, name="c", at="three")
    assert without_field(record, "netem", ["one", "two"]).names() == ["b", "c"]
    assert without_field(record, "netem").names() == ["b"]
    assert list(without_field(record, "netem").plans) == ["b"]


def test_record_as_json() -> None:
    """A record reads as it was written, with what is large beside it."""
    record = laid(InForce(origins={"sysctl": {KEY: {"values": {}}}}), {"mtu": 1400, "sysctl": {KEY: "9"}})
    record = laid(
        record, {"dscp": [{"match": {"dports": [str(port)]}, "dscp": 46} for port in range(1, 200)]}, name="web"
    )
    told, large = record.written()
    again = InForce.read(told, lambda sha256: sha256, lambda path: large[path])
    assert [replace(one, value=one.said) for one in again.sections] == list(record.sections)
    assert (again.plans, again.origins) == (record.plans, record.origins)
    assert len(large) == 1
    assert again.written()[0] == told
    assert laid(again, {"dscp": next(iter(large.values()))}, name="web").sections == again.sections


def test_listing() -> None:
    """The plan without a name comes first; each says what it sets, and which change set that."""
    record = laid(laid(InForce(), {"mtu": 1400}, name="web", digest="d", at="one"), {"sysctl": {KEY: "9"}}, at="two")
    about = {"checkpoint_id": "two", "since": "then", "by": None, "digest": None}
    assert listed(record) == [
        {
            "name": None,
            **about,
            "sections": [
                {"path": f"sysctl.{KEY}", "ifaces": [], "value": "9", "checkpoint_id": "two", "persist": False}
            ],
        },
        {
            "name": "web",
            **about,
            "checkpoint_id": "one",
            "digest": "d",
            "sections": [{"path": "mtu", "ifaces": ["eth0"], "value": 1400, "checkpoint_id": "one", "persist": False}],
        },
    ]

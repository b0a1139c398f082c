# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a change shall be there after a restart, and how changes cover one another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._common.change import Change
from ansible_collections.netopt.linux.plugins.module_utils._persist import layer as persist_layer
from ansible_collections.netopt.linux.plugins.module_utils._transaction.rehearse import intents_of

BUCKETS = "net.netfilter.nf_conntrack_buckets"


def layer(**parts: Any) -> dict[str, Any]:
    """Return a layer of some parts."""
    return {**persist_layer.empty(), **parts}


def layer_of(changes: dict[str, Any], *, current: Any = None, wanted: Any = None) -> dict[str, Any]:
    """Return the layer of changes on eth0."""
    intents = intents_of(changes, ("eth0",), skippable={}, modules={})
    return persist_layer.layer_of(changes, intents, current or {}, wanted or {})


def test_impairments_are_left_out() -> None:
    """The qdisc is kept as it is without netem; netem alone leaves nothing."""
    fq = {"qdisc": {"type": "fq_codel", "params": {}}}
    netem = {"netem": {"delay_ms": 10, "limit": 1000, "duration_s": 60}}
    assert layer_of({**fq, **netem}) == layer_of(fq)
    assert layer_of(netem) == persist_layer.empty()


def test_what_makes_a_device_may_find_it() -> None:
    """A device of our own is made where it is not there; what clears a running host is left out."""
    links = layer_of({"shaper": {"ingress_mbit": 10}})["tc"]["eth0"]["links"]
    assert [(one["words"][:2], one["may_fail"]) for one in links] == [
        (["link", "add"], True),
        (["link", "set"], False),
    ]
    assert layer_of({"shaper": {"egress_mbit": 10}})["tc"]["eth0"]["links"] == []


def test_a_floor_that_is_reached_is_kept() -> None:
    """A value that needed no raising now may need it after a restart."""
    changes = {"connection_tracking": {"max_connections": 1000}}
    values = {"net.netfilter.nf_conntrack_max": "1000"}
    current = {"sysctl": {"values": {BUCKETS: "512", "net.netfilter.nf_conntrack_max": "9"}}}
    found = layer_of(changes, current=current, wanted={"sysctl": {"values": values}})
    assert found["sysctl"] == {**values, BUCKETS: "512"}
    assert found["modules"] == ["nf_conntrack"]


@pytest.mark.parametrize(("algorithm", "modules"), [("bbr", ["tcp_bbr"]), ("cubic", []), ("reno", [])])
def test_modules_of_algorithms(algorithm: str, modules: list[str]) -> None:
    """An algorithm that the kernel does not bring itself is loaded first."""
    changes = {"sysctl": {"net.ipv4.tcp_congestion_control": algorithm}}
    assert layer_of(changes, wanted={"sysctl": {"values": changes["sysctl"]}})["modules"] == modules


def test_later_layers_cover_earlier_ones() -> None:
    """Setting by setting; a qdisc tree and the table are one setting each."""
    first = layer(
        sysctl={"a.b": "1", "a.c": "1"}, links={"eth0": {"mtu": 1400, "features": {"gso": False}}}, nft="one\n"
    )
    second = layer(
        sysctl={"a.b": "2"}, links={"eth0": {"features": {"gro": True}}}, tc={"eth0": {"links": [], "batch": []}}
    )
    assert persist_layer.merged([first, second]) == layer(
        sysctl={"a.b": "2", "a.c": "1"},
        links={"eth0": {"mtu": 1400, "features": {"gso": False, "gro": True}}},
        tc={"eth0": {"links": [], "batch": []}},
        nft="one\n",
    )


SMALL = st.dictionaries(st.sampled_from(["a.b", "a.c", "a.d"]), st.sampled_from(["1", "2"]))
LAYERS = st.lists(
    st.builds(
        lambda sysctl, mtu, nft: layer(sysctl=sysctl, links={"eth0": {"mtu": mtu}} if mtu else {}, nft=nft),
        SMALL,
        st.sampled_from([None, 1400, 1500]),
        st.sampled_from([None, "one\n", "two\n"]),
    ),
    max_size=5,
)


@given(LAYERS, st.integers(0, 5))
def test_merging_some_first_changes_nothing(layers: list[dict[str, Any]], count: int) -> None:
    """Old layers can become one."""
    assert persist_layer.merged([persist_layer.merged(layers[:count]), *layers[count:]]) == persist_layer.merged(layers)


@given(LAYERS)
def test_a_layer_twice_is_once(layers: list[dict[str, Any]]) -> None:
    """Persisting again what was persisted last changes nothing, and no difference is found."""
    once, twice = persist_layer.merged(layers), persist_layer.merged([*layers, *layers[-1:]])
    assert once == twice
    assert persist_layer.diff(once, twice) == []


def test_diff_for_people() -> None:
    """Values as they are, scripts by their size."""
    after = layer(sysctl={"a.b": "1"}, nft="x\ny\n", tc={"eth0": {"links": [], "batch": ["q", "r"]}})
    assert persist_layer.diff(persist_layer.empty(), after) == [
        Change("persist", "a.b at boot", None, "1"),
        Change("persist", "eth0 qdiscs at boot", None, "2 commands"),
        Change("persist", "table inet netopt at boot", None, "2 lines"),
    ]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a change shall be there after a restart, and how changes cover one another."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._common.change import Change
from ansible_collections.netopt.linux.plugins.module_utils._persist import layer as persist_layer


def layer(**parts: Any) -> dict[str, Any]:
    """Return a layer of some parts."""
    return {**persist_layer.empty(), **parts}


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


def test_what_is_released_goes() -> None:
    """A later layer takes single settings out; what is left of an interface stays."""
    first = layer(
        sysctl={"a.b": "1", "a.c": "1"},
        links={"eth0": {"mtu": 1400, "features": {"gso": False}}, "eth1": {"mtu": 1400}},
        tc={"eth0": {"links": [], "batch": ["q"]}},
        nft="one\n",
    )
    released = {"sysctl": ["a.b"], "links": [["eth0", "gso"], ["eth1", "mtu"]], "tc": ["eth0"]}
    found = persist_layer.merged([first, {**layer(nft=""), "released": released}])
    assert found == layer(sysctl={"a.c": "1"}, links={"eth0": {"mtu": 1400, "features": {}}}, nft="")


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

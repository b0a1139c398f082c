# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plans in force leave for the next boot."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._persist import layer as persist_layer
from ansible_collections.netopt.linux.plugins.module_utils._plans.change import Fitted, PlansChange, plans_change
from ansible_collections.netopt.linux.plugins.module_utils._plans.persisted import layer_of as _layer_of
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce

BUCKETS = "net.netfilter.nf_conntrack_buckets"


def change(
    *plans: dict[str, Any], before: InForce | None = None, persist: bool = True, remove: str = ""
) -> PlansChange:
    """Return the change that plans on eth0 make."""
    fitted = [Fitted({"name": one.get("name")}, None, one["changes"], ("eth0",)) for one in plans]
    about = {"checkpoint": "c", "since": "", "by": None}
    gone = [remove] if remove else []
    return plans_change(before or InForce(), fitted, gone, ["eth0"], about, persist=persist, skippable={}, modules={})


def layer_of(changes: dict[str, Any], *, current: Any = None, wanted: Any = None) -> dict[str, Any]:
    """Return what changes on eth0 leave."""
    found = _layer_of(change({"changes": changes}), current or {}, wanted or {}, adjuster=bytes)
    found.pop("released", None)
    return found


def test_impairments_are_left_out() -> None:
    """The qdisc is kept as it is without netem; netem alone leaves nothing."""
    fq = {"qdisc": {"type": "fq_codel", "params": {}}}
    netem = {"netem": {"delay_ms": 10, "limit": 1000, "duration_s": 60}}
    assert layer_of({**fq, **netem}) == layer_of(fq)
    assert layer_of(netem) == persist_layer.empty()


def test_rules_lead_to_no_class_of_an_impairment() -> None:
    """Where rules find the classes, those for the next boot are the ones that there are without netem."""
    tree = {
        "shaper": {"egress_mbit": 50},
        "htb_classes": [{"classid": "1:10", "rate_mbit": 5, "match": [{"uid": 77}]}],
    }
    netem = {"netem": {"delay_ms": 10, "limit": 1000, "duration_s": 60}}
    calm, impaired = layer_of(tree), layer_of({**tree, **netem}, wanted={"nft": {"present": True, "text": "1:fffd"}})
    assert "1:10" in calm["nft"]
    assert impaired["nft"] == calm["nft"]


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


def test_what_is_not_persisted_is_left_out() -> None:
    """Of two plans the persisted one is there after a restart; where it goes, that is let go of."""
    kept = change({"name": "kept", "changes": {"sysctl": {"a.b": "1"}}}).after
    other = change({"name": "other", "changes": {"sysctl": {"a.c": "1"}}}, before=kept, persist=False)
    assert not other.lets_go_of_persisted
    gone = change(before=other.after, remove="kept", persist=False)
    assert gone.lets_go_of_persisted
    assert _layer_of(gone, {}, {"sysctl": {"values": {"a.b": "0"}}}, adjuster=bytes)["released"] == {
        "sysctl": ["a.b"],
        "links": [],
        "routes": [],
        "tc": [],
    }

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which plans are in force, as a host's checkpoints say it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import model
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store, boot_id
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._plans.holder import holder
from ansible_collections.netopt.linux.plugins.module_utils._plans.in_force import plans_in_force
from ansible_collections.netopt.linux.plugins.module_utils._plans.large import Large, plain
from ansible_collections.netopt.linux.plugins.module_utils._plans.record import InForce, Section

KEY = "net.core.somaxconn"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in an empty folder."""
    return Store(str(tmp_path))


def plan(name: str, field: str = "mtu", value: Any = 1400, *, at: str = "") -> Section:
    """Return what a plan says."""
    return Section(name, field, "", ("eth0",), value, checkpoint=at)


def record(*sections: Section) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return plans in force as a checkpoint keeps them."""
    plans = {one.plan: {"digest": None, "checkpoint": one.checkpoint, "since": "", "by": None} for one in sections}
    return InForce(sections, plans).written()


def keep(store: Store, identity: str, status: str = model.CONFIRMED, plans: Any = None, **more: Any) -> model.Header:
    """Write a checkpoint, of an older release where no plans are given."""
    content = more.pop("content", model.Content(scopes={}, before={}))
    header = model.Header(
        id=identity,
        sequence=store.next_sequence(),
        created="then",
        boot_id=more.pop("boot", boot_id()),
        status=status,
        **more,
    )
    store.create(header, content, b"", plans=plans)
    return header


def older(changes: dict[str, Any], before: dict[str, Any], scopes: dict[str, Any] | None = None) -> model.Content:
    """Return what an older release kept of a change."""
    return model.Content(scopes=scopes or {}, before=before, plan={"iface": "eth0", "changes": changes})


def names(store: Store) -> list[str]:
    """Return the names of the plans in force."""
    return plans_in_force(store).names()


def test_nothing(store: Store) -> None:
    """A host without checkpoints has no plans."""
    assert plans_in_force(store) == InForce()


@pytest.mark.parametrize(
    ("status", "boot", "expected"),
    [
        (model.CONFIRMED, "", ["a", "b"]),
        (model.CONFIRMED, "before", ["a", "b"]),
        (model.APPLIED, "", ["a", "b"]),
        (model.APPLIED, "before", ["a"]),
        (model.ARMED, "", ["a"]),
        (model.ROLLED_BACK, "", ["a"]),
        (model.RESTORE_FAILED, "", ["a"]),
        (model.ACCEPTED, "", ["a"]),
        (model.SNAPSHOT, "", ["a"]),
    ],
)
def test_the_newest_change_in_force_says_it(store: Store, status: str, boot: str, expected: list[str]) -> None:
    """What a change was to lead to counts once it is made, and no more once it is undone."""
    keep(store, "one", plans=record(plan("a")))
    keep(store, "two", status, record(plan("a"), plan("b")), **({"boot": boot} if boot else {}))
    assert names(store) == expected
    assert holder(store) == ("two" if "b" in expected else "one")


def test_large_values_are_written_once(store: Store, tmp_path: Path) -> None:
    """A value with a file of its own is linked to by later records, and outlives the checkpoint that wrote it."""
    classes = {"htb_classes": [{"classid": f"1:{one:x}", "rate_mbit": 1} for one in range(1, 300)]}
    keep(store, "one", plans=record(plan("big", "htb_classes", classes)))
    (held,) = plans_in_force(store).sections
    assert isinstance(held.value, Large)
    assert held.said == classes
    keep(store, "two", plans=record(held, plan("small")))
    (part,) = (tmp_path / "checkpoints" / "two").glob("plans.*.json")
    assert part.stat().st_nlink == 2
    store.remove("one")
    store.remove("two")
    assert plans_in_force(store).of("big")[0].said == classes
    part_of_removed = next(tmp_path.glob("plans.*.json"))
    part_of_removed.write_text("{}", encoding="utf-8")
    with pytest.raises(NetoptError, match="damaged"):
        plain(plans_in_force(store).of("big")[0].value)
    part_of_removed.unlink()
    with pytest.raises(NetoptError, match="cannot be read"):
        plain(plans_in_force(store).of("big")[0].value)


def test_removed_checkpoints_leave_their_plans(store: Store) -> None:
    """The newest change's plans stay in force without its checkpoint, until a later one says otherwise."""
    keep(store, "one", plans=record(plan("a")))
    keep(store, "two", plans=record(plan("b")))
    store.remove("one")
    assert names(store) == ["b"]
    store.remove("two")
    assert (names(store), holder(store)) == (["b"], "removed 2")
    last = keep(store, "three", plans=record(plan("c")))
    assert last.sequence == 3
    assert names(store) == ["c"]
    store.update(last.with_status(model.ROLLED_BACK))
    assert names(store) == ["b"]


def test_a_rollback_leads_to_plans_of_a_removed_checkpoint(store: Store) -> None:
    """What was in force before the newest change is known, though its checkpoint is gone, once that is rolled back."""
    keep(store, "one", plans=record(plan("a")))
    last = keep(store, "two", plans=record(plan("a"), plan("b")))
    store.remove("one")
    assert names(store) == ["a", "b"]
    store.left.undone(last.sequence)
    store.update(last.with_status(model.ROLLED_BACK))
    assert names(store) == ["a"]


def test_a_damaged_record_is_gone_with_its_checkpoint(store: Store, tmp_path: Path) -> None:
    """It is told, and the host is not stuck: without the checkpoint the older record counts."""
    keep(store, "one", plans=record(plan("a")))
    keep(store, "two", plans=record(plan("b")))
    (tmp_path / "checkpoints" / "two" / "plans.json").write_text("{}", encoding="utf-8")
    with pytest.raises(NetoptError, match="damaged"):
        plans_in_force(store)
    store.remove("two")
    assert names(store) == ["a"]


def test_a_removal_that_was_interrupted(store: Store) -> None:
    """Plans are taken over before the checkpoint goes; where it stays, its rollback takes them away."""
    keep(store, "one", plans=record(plan("a")))
    last = keep(store, "two", plans=record(plan("b")))
    store._leave_plans("two")
    assert names(store) == ["b"]
    store.left.undone(last.sequence)
    store.update(last.with_status(model.ROLLED_BACK))
    assert names(store) == ["a"]


def test_plans_of_a_removed_change_go_with_an_older_one(store: Store) -> None:
    """Undoing an older change leaves nothing of a newer one whose checkpoint was removed."""
    keep(store, "one", plans=record(plan("a")))
    second = keep(store, "two", plans=record(plan("b")))
    keep(store, "three", plans=record(plan("c")))
    store.remove("three")
    assert names(store) == ["c"]
    store.left.undone(second.sequence)
    store.update(second.with_status(model.ROLLED_BACK))
    assert names(store) == ["a"]


@pytest.mark.parametrize(
    ("ends_at", "boot", "expected"), [(9e9, "", ["", "n"]), (None, "", [""]), (9e9, "before", [""])]
)
def test_an_impairment_that_is_over(store: Store, ends_at: float | None, boot: str, expected: list[str]) -> None:
    """It is in force until its end or a restart; the rest of what a plan says stays."""
    first = keep(store, "one", plans=record(), **({"boot": boot} if boot else {}))
    store.update(replace(first, ends_at=ends_at))
    keep(store, "two", plans=record(plan("n", "netem", {"delay_ms": 1}, at="one"), plan("")))
    assert names(store) == expected


def test_changes_of_older_releases(store: Store) -> None:
    """Their plans count as the one without a name, with what there was before; a later one builds upon them."""
    state = {
        "link": {"links": {"eth0": {"mtu": 1500, "groups": {}, "requested": {}, "active": {}}}},
        "sysctl": {"values": {KEY: "128"}},
    }
    scopes = {"link": {"ifaces": ["eth0"]}}
    keep(store, "one", content=older({"mtu": 1400, "sysctl": {KEY: "9"}, "dscp": None}, state, scopes))
    keep(store, "two", content=older({"sysctl": {KEY: "8"}}, {"sysctl": {"values": {KEY: "9"}}}))
    found = plans_in_force(store)
    assert found.names() == [""]
    assert [(one.field, one.value, one.checkpoint) for one in found.sections] == [
        ("mtu", 1400, "one"),
        ("sysctl", "8", "two"),
    ]
    assert holder(store) == "two"
    assert found.origins["link"] == {"eth0 mtu": {"mtu": 1500}}
    assert found.origins["sysctl"][KEY]["values"] == {KEY: "128"}
    keep(store, "three", plans=record(plan("a")))
    assert names(store) == ["a"]


def test_what_an_older_release_did_not_keep(store: Store) -> None:
    """Its plan is in force all the same; how it was before is not known."""
    keep(store, "one", content=older({"mtu": 1400}, {"link": {"links": {}}}))
    keep(store, "two", content=older({"sysctl": {KEY: "8"}}, {"sysctl": {}}))
    found = plans_in_force(store)
    assert [(one.field, one.ifaces) for one in found.sections] == [("mtu", ("eth0",)), ("sysctl", ())]
    assert found.origins == {}


def test_damage_is_told(store: Store) -> None:
    """A record that cannot be read is no record of nothing."""
    keep(store, "one", plans=record(plan("a")))
    Path(store.path("one", "plans.json")).write_text("{}", encoding="utf-8")
    with pytest.raises(NetoptError, match=r"plans\.json is damaged"):
        plans_in_force(store)

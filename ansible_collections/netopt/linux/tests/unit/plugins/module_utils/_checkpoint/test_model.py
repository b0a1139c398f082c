# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be decided about checkpoints without a host."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint import model as checkpoint_model
from ansible_collections.netopt.linux.plugins.module_utils._common.change import Change, Operation
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def header(number: int, status: str = checkpoint_model.CONFIRMED) -> checkpoint_model.Header:
    """Return the header of the checkpoint ``c<number>``."""
    return checkpoint_model.Header(
        id=f"c{number}", sequence=number, created="2026-01-01T00:00:00Z", boot_id="boot", status=status
    )


@pytest.mark.parametrize("name", ["a", "20260101T120000Z-4f2a1c", "A.b_c-d", "9" * 64])
def test_check_id_accepts(name: str) -> None:
    """Names that are safe as folders are taken as they are."""
    assert name == checkpoint_model.check_id(name)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "-a", ".a", "a b", "a\n", "é", "9" * 65])
def test_check_id_refuses(name: str) -> None:
    """A name that could leave the folder, or hide in it, is refused."""
    with pytest.raises(NetoptError) as caught:
        checkpoint_model.check_id(name)
    assert caught.value.stage == "checkpoint"


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_seal_round_trip(value: dict[str, object]) -> None:
    """What was sealed comes back as it was."""
    assert value == checkpoint_model.unseal(checkpoint_model.seal(value), name="x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        '{"sha256":"00","value":{}}',
        checkpoint_model.seal({"a": 1}).replace("1", "2", 1),
        checkpoint_model.seal({"a": "x"})[:-3],
        checkpoint_model.seal({"a": "x"}).replace("x", "y"),
    ],
)
def test_unseal_refuses(text: str) -> None:
    """Damaged text is told as such, whatever the damage."""
    with pytest.raises(NetoptError, match=r"state\.json is damaged"):
        checkpoint_model.unseal(text, name="state.json")


def test_content_survives_sealing() -> None:
    """Content is JSON, whatever the subsystems put into it."""
    content = checkpoint_model.Content(scopes={"tc": {}}, before={"tc": {"x": [1, None]}})
    assert vars(content) == json.loads(checkpoint_model.seal(vars(content)))["value"]


@pytest.mark.parametrize(
    ("statuses", "keep", "expected"),
    [
        ([], 2, []),
        (["confirmed"] * 2, 2, []),
        (["confirmed", "rolled_back", "confirmed"], 2, ["c0"]),
        (["snapshot", "applied", "armed", "restore_failed", "confirmed"], 0, ["c4"]),
        (["confirmed", "snapshot", "confirmed", "confirmed"], 1, ["c0", "c2"]),
    ],
)
def test_expired(statuses: list[str], keep: int, expected: list[str]) -> None:
    """The oldest finished ones go; what is undecided, failed or made by hand stays."""
    headers = [header(number, status) for number, status in enumerate(statuses)]
    assert expected == checkpoint_model.expired(reversed(headers), keep=keep)


@pytest.mark.parametrize(
    ("statuses", "target", "expected"),
    [
        (["confirmed"], 0, ["c0"]),
        (["confirmed", "confirmed", "applied"], 0, ["c2", "c1", "c0"]),
        (["confirmed", "confirmed", "applied"], 1, ["c2", "c1"]),
        (["confirmed", "rolled_back", "snapshot", "confirmed"], 0, ["c3", "c0"]),
        (["snapshot", "confirmed"], 0, ["c1", "c0"]),
    ],
)
def test_to_revert(statuses: list[str], target: int, expected: list[str]) -> None:
    """Newer changes that are in force are undone first, newest first; the target is the last."""
    headers = [header(number, status) for number, status in enumerate(statuses)]
    assert expected == [found.id for found in checkpoint_model.to_revert(headers, f"c{target}")]


def change(key: str) -> Change:
    """Return a difference in ``key``."""
    return Change("sysctl", key, "1", "2")


def operation(key: str) -> Operation:
    """Return an operation on ``key``."""
    return Operation("sysctl", key, f"set {key}")


@pytest.mark.parametrize(
    ("to_after", "to_before", "expected"),
    [
        ([], ["a"], []),
        (["a"], [], []),
        (["a"], ["a", "b"], ["a"]),
    ],
    ids=["as we set it", "as it was", "neither"],
)
def test_conflicts(to_after: list[str], to_before: list[str], expected: list[str]) -> None:
    """Only a setting that is neither as we set it nor as it was is a conflict."""
    found = checkpoint_model.conflicts(map(change, to_after), map(change, to_before))
    assert expected == [one.key for one in found]


@pytest.mark.parametrize(
    ("operations", "clashes", "expected"),
    [
        (["a", "b"], [], ["a", "b"]),
        (["a", "b"], ["b"], ["a"]),
        (["eth0 qdisc root", "eth1 qdisc root"], ["eth0 qdisc root handle 1:"], ["eth1 qdisc root"]),
        (["table inet netopt"], ["table inet netopt chain input rule 1"], []),
        (["eth0 tree"], ["eth0 class 1:10"], []),
        (["eth1"], ["eth10 mtu"], []),
    ],
)
def test_without_conflicts(operations: list[str], clashes: list[str], expected: list[str]) -> None:
    """Operations on a conflicting setting are left out, and all of them where none can be told apart."""
    found = checkpoint_model.without_conflicts(map(operation, operations), map(change, clashes))
    assert expected == [one.key for one in found]

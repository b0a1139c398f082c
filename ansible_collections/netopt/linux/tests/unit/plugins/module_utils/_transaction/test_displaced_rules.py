# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rules of an earlier change a plan would take away without a word, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Tuple

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.model import Content, Header
from ansible_collections.netopt.linux.plugins.module_utils._checkpoint.store import Store, boot_id
from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._nft import subsystem as nft_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._transaction.displaced_rules import Said, lost
from ansible_collections.netopt.linux.plugins.module_utils._transaction.refuse_displacing import refuse_displacing

MARKS = {"dscp": [{"match": {"proto": "udp", "dports": ["3478"]}, "dscp": 46}]}
LIMITS = {"connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100}]}
RATES = {"rate_limits": [{"rate": "5/second"}]}
NAT = {"nat_rules": [{"type": "masquerade"}]}
NAT_WAN = {"nat_rules": [{"type": "masquerade", "iface": "wan0"}]}
INVALID = {"connection_tracking": {"drop_invalid": True}}
ACCEPTS = {"connection_tracking": {"accept_established": True}}
COUNTS_ALL = {"connection_tracking": {"accept_established": False}}
TREE = {"htb_classes": [{"classid": "1:1", "match": [{"fwmark": 1}] * 257}]}
SIZE = {"connection_tracking": {"max_connections": 4096}}


def said(changes: dict[str, Any], *ifaces: str, named: tuple[str, ...] = ()) -> Said:
    """Return what a plan says on ``eth0`` or on other interfaces."""
    resolved = ifaces or ("eth0",)
    return Said(changes, named or resolved, resolved)


def text(plan: Said) -> str:
    """Return the table that a plan leads to."""
    return nft_subsystem.table_text(nft_subsystem.intent(plan.changes, plan.ifaces))


CASES: dict[str, tuple[Said, Said, tuple[str, ...]]] = {
    "a field not named": (said(MARKS), said(LIMITS), ("dscp",)),
    "several fields not named": (said({**MARKS, **RATES, **INVALID}), said(LIMITS), ("dscp", "rate_limits", "i")),
    "the same field": (said(MARKS), said({"dscp": [{"match": {}, "dscp": 0}]}), ()),
    "the same field beside another": (said(MARKS), said({**MARKS, **LIMITS}), ()),
    "an empty list": (said(MARKS), said({**LIMITS, "dscp": []}), ()),
    "null is left out": (said(MARKS), said({**LIMITS, "dscp": None}), ("dscp",)),
    "an empty list before": (said({**LIMITS, "dscp": []}), said({**LIMITS, **RATES}), ()),
    "fields of no rules": (said({**SIZE, **LIMITS, "mtu": 1400}), said(LIMITS), ()),
    "invalid packets": (said(INVALID), said(LIMITS), ("i",)),
    "invalid packets named": (said(INVALID), said({**LIMITS, "connection_tracking": {}}), ()),
    "invalid packets not named, but the size": (said(INVALID), said({**LIMITS, **SIZE}), ("i",)),
    "invalid packets not named, but established": (said(INVALID), said({**LIMITS, **ACCEPTS}), ("i",)),
    "invalid packets passed on purpose": (
        said(INVALID),
        said({**LIMITS, "connection_tracking": {"max_connections": 4096, "drop_invalid": False}}),
        (),
    ),
    "accepted anyway": (said({**LIMITS, **ACCEPTS}), said(LIMITS), ()),
    "no longer accepted": (said({**LIMITS, **ACCEPTS}), said({**MARKS, "connection_limits": []}), ("a",)),
    "accepted again": (said({**LIMITS, **COUNTS_ALL}), said({**LIMITS, **MARKS}), ("a",)),
    "not accepted, nor any limits": (said({**LIMITS, **COUNTS_ALL}), said({**MARKS, "connection_limits": []}), ()),
    "large trees": (said(MARKS), said(TREE), ("dscp",)),
    "another interface": (said(NAT, "wan0"), said(LIMITS), ("nat_rules",)),
    "the field, elsewhere": (said(MARKS, "wan0"), said(MARKS), ("dscp",)),
    "an empty list, elsewhere": (said(MARKS, "wan0"), said({**LIMITS, "dscp": []}), ()),
    "one of two interfaces": (said(MARKS, "eth0", "wan0"), said(MARKS), ("dscp",)),
    "more interfaces": (said(MARKS), said(MARKS, "wan0", "eth0"), ()),
    "auto is the same wherever it leads": (said(MARKS, "eth0", named=("auto",)), said(MARKS, "w", named=("auto",)), ()),
    "auto, and its name": (said(MARKS, "eth0", named=("auto",)), said(MARKS), ()),
    "translation by its own interface": (said(NAT, "wan0"), said(NAT_WAN), ()),
    "of another plan's interface": (said(NAT_WAN), said({"nat_rules": [], **LIMITS}, "wan0"), ()),
    "and not of this one": (said(NAT, "wan0"), said(NAT), ("nat_rules",)),
}


@pytest.mark.parametrize(("earlier", "plan", "expected"), CASES.values(), ids=CASES.keys())
def test_lost(earlier: Said, plan: Said, expected: tuple[str, ...]) -> None:
    """What the earlier change has there and the plan does not name is lost; what was removed by hand is not."""
    keys = {"a": "connection_tracking.accept_established", "i": "connection_tracking.drop_invalid"}
    fields = tuple(keys.get(field, field) for field in expected)
    assert lost(earlier, plan, there=text(earlier), then=text(plan)) == fields
    assert lost(earlier, plan, there="", then=text(plan)) in {(), (keys["a"],)}


def header(identity: str, sequence: int, **more: Any) -> Header:
    """Return the header of a confirmed change of this boot."""
    fields = {"created": "", "boot_id": boot_id(), "status": "confirmed", **more}
    return Header(id=identity, sequence=sequence, **fields)


def content(changes: dict[str, Any], *, sets: bool = True, persisted: bool = False, iface: str = "eth0") -> Content:
    """Return what a checkpoint holds of a change."""
    return Content(
        scopes={"nft": {"ifaces": [iface]}},
        before={},
        after={"nft": {}} if sets else {},
        plan={"iface": iface, "changes": changes},
        persist={"root": "/", "layer": {"nft": "table"}} if persisted else {},
    )


Change = Tuple[Header, Content]
BEFORE = {"boot_id": "another"}
STORES: dict[str, tuple[list[Change], str | None]] = {
    "nothing": ([], None),
    "confirmed": ([(header("a", 1), content(MARKS))], "a"),
    "rolled back": ([(header("a", 1, status="rolled_back"), content(MARKS))], None),
    "could not be rolled back": ([(header("a", 1, status="restore_failed"), content(MARKS))], None),
    "replaced": ([(header("a", 1), content(MARKS)), (header("b", 2), content({**LIMITS, "dscp": []}))], None),
    "by one that was rolled back": (
        [(header("a", 1), content(MARKS)), (header("b", 2, status="rolled_back"), content({**LIMITS, "dscp": []}))],
        "a",
    ),
    "what a later one found there": (
        [(header("a", 1), content(MARKS)), (header("b", 2), content({**MARKS, "mtu": 1400}, sets=False))],
        "a",
    ),
    "what a later one left there": (
        [(header("a", 1), content(MARKS)), (header("b", 2), content({"qdisc": {"type": "fq"}}))],
        "a",
    ),
    "gone with a restart": ([(header("a", 1, **BEFORE), content(MARKS))], None),
    "persisted": ([(header("a", 1, **BEFORE), content(MARKS, persisted=True))], "a"),
    "persisted, and a newer one that was not": (
        [
            (header("a", 1, **BEFORE), content(MARKS, persisted=True)),
            (header("b", 2, **BEFORE), content({**LIMITS, "dscp": []})),
        ],
        "a",
    ),
}


def stored(folder: Path, changes: list[Change]) -> Store:
    """Return a store that holds changes."""
    store = Store(str(folder))
    for head, held in changes:
        store.create(head, held, b"")
    return store


def refuse(store: Store, changes: dict[str, Any], iface: str = "eth0") -> list[str]:
    """Hold a plan against the store of a host that has the marks in its table."""
    plan = {"iface": iface, "changes": changes}
    current = {"present": True, "listing": text(said(MARKS)), "text": ""}
    return refuse_displacing(store, plan, nft_subsystem.intent(changes, (iface,)), current)


@pytest.mark.parametrize(("changes", "expected"), STORES.values(), ids=STORES.keys())
def test_what_is_in_force_counts(tmp_path: Path, changes: list[Change], expected: str | None) -> None:
    """The change that made the table last, and is in force, is the one that is named."""
    store = stored(tmp_path, changes)
    assert refuse(store, {**RATES, "dscp": []}) == []
    if expected is None:
        assert refuse(store, RATES) == []
        return
    with pytest.raises(NetoptError, match=f"what the change {expected} has set with dscp on eth0"):
        refuse(store, RATES)


def test_what_is_said(tmp_path: Path) -> None:
    """The change with its label, the fields, why, and the ways out; for another interface, which to name."""
    store = stored(tmp_path, [(header("a", 1, label="calls"), content({**MARKS, **LIMITS, **NAT, **SIZE}))])
    with pytest.raises(NetoptError) as caught:
        refuse(store, RATES)
    error = caught.value
    assert (error.stage, error.key) == ("plan", "changes.dscp")
    assert "the change a (calls) has set with dscp on eth0" in error.message
    assert error.message.endswith("does not name this field")
    assert "Name dscp in this plan too; an empty field ([] or {}) takes" in str(error.hint)
    assert "netopt rollback a" in str(error.hint)
    with pytest.raises(NetoptError) as caught:
        refuse(store, MARKS, "wan0")
    assert caught.value.message.endswith("does not name this field for that interface")
    assert "with iface [wan0, eth0];" in str(caught.value.hint)


def test_a_damaged_checkpoint_is_warned_of(tmp_path: Path) -> None:
    """What it has set is not known, so nobody is kept from anything by it, and it is said."""
    store = stored(tmp_path, [(header("a", 1), content(LIMITS)), (header("b", 2), content(MARKS))])
    Path(store.path("b", "state.json")).write_text("broken", encoding="utf-8")
    (warning,) = refuse(store, RATES)
    assert "rules of b cannot be told" in warning

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which an earlier version is still at work: its program has made a change, and this version goes on."""

from __future__ import annotations

import pytest

from tests.compat.conftest import Site
from tests.compat.earlier import Earlier
from tests.compat.hosts import DEADLY_NFT, HARMLESS_NFT
from tests.waiting import until

pytestmark = pytest.mark.lab

RUN = "20260101T000000Z-abc123"
PATIENCE_S = 60
# 0.1.0 counted each datagram of a flow that nobody answers, and its filters did not find ports behind IP options
REWRITTEN = {("tc", "filter"), ("nft", "inet")}


def test_a_confirmed_change_holds_and_is_rolled_back(site: Site, earlier: Earlier) -> None:
    """Nothing of it differs, and a rollback undoes it with what was built upon it.

    It is in force as a plan without a name. The same plan changes the rules and filters alone that this version writes
    otherwise, and then nothing.
    """
    before = site.view("web1")
    report = earlier.apply(site.hosts["web1"], "full", RUN)
    assert report["status"] == "applied", report["error"]
    assert site.statuses() == {RUN: {"web1": "confirmed"}}
    assert site.drift("-l", "web1") == []
    (listed,) = site.ask("plans", "-l", "web1").report["hosts"]["web1"]
    fields = {section["path"].partition(".")[0] for section in listed["sections"]}
    asked = earlier.plan("full")["changes"].keys() - {"default_class"}  # which goes with the classes
    assert (listed["name"], fields) == (None, asked)
    mended = site.apply(earlier.plan("full"), "-l", "web1").report["hosts"]["web1"]["diff"]
    assert {(entry["subsystem"], entry["key"].split()[1]) for entry in mended} == REWRITTEN, mended

    same = site.apply(earlier.plan("full"), "-l", "web1")
    assert same.statuses == {"unchanged"}, same.text
    assert site.apply(earlier.plan("rollout"), "-l", "web1").statuses == {"applied"}
    undone = site.ask("rollback", RUN, "-l", "web1")
    assert undone.statuses == {"rolled_back"}, undone.text
    assert site.differences("web1", before) == []


@pytest.mark.long
def test_a_waiting_change_is_confirmed_or_led_back(site: Site, earlier: Earlier) -> None:
    """It is confirmed, and rolled back afterwards; another one is rolled back while it waits."""
    host = site.hosts["web1"]
    before = site.view("web1")
    for identity in ("kept", "undone"):
        assert earlier.apply(host, "small", identity, confirm_timeout_s=600)["status"] == "applied"
        if identity == "kept":
            assert site.statuses() == {identity: {"web1": "applied"}}
            assert site.ask("confirm", identity, "-l", "web1").statuses == {"applied"}
            assert site.statuses() == {identity: {"web1": "confirmed"}}
        assert site.ask("rollback", identity, "-l", "web1").statuses == {"rolled_back"}
        assert site.differences("web1", before) == []


@pytest.mark.long
def test_a_waiting_change_is_left_to_its_guard(site: Site, earlier: Earlier) -> None:
    """The guard that the earlier version has started heeds the time that this version sets."""
    host = site.hosts["web1"]
    before = site.view("web1")
    assert earlier.apply(host, "small", RUN, confirm_timeout_s=600)["status"] == "applied"
    assert site.ask("confirm", RUN, "--extend", "5", "-l", "web1").statuses == {"applied"}
    until(lambda: "not confirmed in time" in host.by_hand(RUN, "--list"), PATIENCE_S, "the guard restores")
    assert site.statuses() == {RUN: {"web1": "rolled_back"}}
    assert site.differences("web1", before) == []


@pytest.mark.long
def test_an_interrupted_change_is_undone_first(site: Site, earlier: Earlier) -> None:
    """Its maker and its guard were killed in the midst of it: the next change restores the host, and says so."""
    host = site.hosts["web1"]
    before = site.view("web1")
    host.shell(DEADLY_NFT)
    assert earlier.apply(host, "full", RUN, confirm_timeout_s=600) == {}
    host.shell(HARMLESS_NFT)
    assert site.statuses() == {RUN: {"web1": "armed"}}
    assert site.differences("web1", before)
    next_one = site.apply(earlier.plan("small"), "-l", "web1")
    assert next_one.statuses == {"applied"}, next_one.text
    assert any(RUN in warning for warning in next_one.report["hosts"]["web1"]["warnings"])
    assert site.statuses()[RUN] == {"web1": "rolled_back"}
    site.ask("rollback", next_one.report["checkpoint_id"], "-l", "web1")
    assert site.differences("web1", before) == []

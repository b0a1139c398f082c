# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that was restarted since an earlier version worked on it: what that has left is read and taken back."""

from __future__ import annotations

import pytest

from tests.compat.conftest import Site
from tests.compat.earlier import Earlier
from tests.compat.hosts import CHECKPOINTS, SYSCTL_FILE, TOLD

pytestmark = pytest.mark.lab


def test_checkpoints_are_listed(site: Site, earlier: Earlier) -> None:
    """Each is there with its status; what was not confirmed has been undone by the restart."""
    for name, host in site.hosts.items():
        earlier.lay(name, host)
    undone = {"armed": "rolled_back", "applied": "rolled_back"}
    wanted = {
        identity: {name: undone.get(status, status)}
        for name, checkpoints in earlier.written["checkpoints"].items()
        for status, identity in checkpoints.items()
    }
    found = site.ask("checkpoints").report
    assert found["damaged"] == {}
    listed = {entry["checkpoint_id"]: entry for entry in found["checkpoints"]}
    assert {identity: listed[identity]["hosts"] for identity in wanted} == wanted
    labels = {status: listed[identity]["label"] for status, identity in earlier.written["checkpoints"]["web1"].items()}
    assert labels == {"rolled_back": "full", "snapshot": "by hand", "confirmed": "full", "armed": "lasting"}
    for name, host in site.hosts.items():
        by_hand = host.by_hand(earlier.checkpoint(name, "confirmed"), "--list")
        assert all(identity in by_hand for identity in earlier.written["checkpoints"][name].values())


def test_a_decision_holds(site: Site, earlier: Earlier) -> None:
    """A confirmation that was decided and not yet in the header when the host restarted is one."""
    host = site.hosts["web2"]
    earlier.lay("web2", host)
    decided, waiting = earlier.checkpoint("web2", "confirmed"), earlier.checkpoint("web2", "applied")
    host.run("cp", f"{CHECKPOINTS}/{decided}/decision", f"{CHECKPOINTS}/{waiting}/decision")
    assert site.statuses()[waiting] == {"web2": "confirmed"}


def after_the_change(site: Site, earlier: Earlier) -> str:
    """Bring web1 where the confirmed change had left it, by the commands that were shown for it; return its id."""
    host = site.hosts["web1"]
    host.run("bash", data=earlier.commands("full").encode())
    earlier.lay("web1", host)
    return earlier.checkpoint("web1", "confirmed")


@pytest.mark.long
def test_a_confirmed_change_is_rolled_back(site: Site, earlier: Earlier) -> None:
    """What the change had set is what this version expects of it, and the playbook restores the host to before."""
    before = site.view("web1")
    identity = after_the_change(site, earlier)
    differing = site.drift(identity, "-l", "web1")
    # another release of nft lists the same rules in other words; test_same_boot.py compares them
    assert [key for key in differing if not key.startswith("table inet netopt")] == []
    assert site.differences("web1", before)
    site.playbook("rollback", "web1", netopt_checkpoint_id=identity)
    assert site.differences("web1", before) == []
    assert site.statuses()[identity] == {"web1": "rolled_back"}


@pytest.mark.long
def test_a_confirmed_change_is_rolled_back_by_hand(site: Site, earlier: Earlier) -> None:
    """The checkpoint's own program does it too, and this version knows of it."""
    before = site.view("web1")
    identity = after_the_change(site, earlier)
    assert identity in site.hosts["web1"].by_hand(identity, "--restore")
    assert site.differences("web1", before) == []
    assert site.statuses()[identity] == {"web1": "rolled_back"}


def after_a_boot(site: Site, earlier: Earlier) -> str:
    """Have what was persisted on web2 brought back by a boot; return the id of its change."""
    earlier.lay("web2", site.hosts["web2"])
    site.hosts["web2"].boot()
    return earlier.checkpoint("web2", "confirmed")


def test_a_persisted_change_goes_on(site: Site, earlier: Earlier) -> None:
    """It is in force after the boot, holds as it is, carries a later one, and is taken away with all its files."""
    host = site.hosts["web2"]
    before, files = site.view("web2"), host.files()
    assert any(SYSCTL_FILE in line for line in files)
    identity = after_a_boot(site, earlier)
    persisted = host.files()
    assert site.drift("-l", "web2") == []
    same = site.apply(earlier.plan("lasting"), "--persist", "-l", "web2")
    assert (same.statuses, host.files()) == ({"unchanged"}, persisted), same.text

    later = site.apply(earlier.plan("small"), "--persist", "-l", "web2")
    assert later.statuses == {"applied"}, later.text
    assert host.files() != persisted
    site.ask("rollback", later.report["checkpoint_id"], "-l", "web2")
    assert host.files() == persisted

    report = site.ask("rollback", identity, "-l", "web2")
    assert report.statuses == {"rolled_back"}, report.text
    assert (host.files(), site.differences("web2", before)) == (files, [])
    assert "systemctl daemon-reload" in host.run("cat", TOLD).decode()


@pytest.mark.long
def test_a_persisted_change_is_taken_away_by_hand(site: Site, earlier: Earlier) -> None:
    """The checkpoint's own program takes its files away, and undoes first what this version has persisted upon it."""
    host = site.hosts["web2"]
    before, files = site.view("web2"), host.files()
    identity = after_a_boot(site, earlier)
    assert site.apply(earlier.plan("small"), "--persist", "-l", "web2").statuses == {"applied"}
    assert identity in host.by_hand(identity, "--restore")
    assert (host.files(), site.differences("web2", before)) == (files, [])

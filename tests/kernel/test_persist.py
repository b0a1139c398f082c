# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a change leaves for the next boot: written on confirmation, replayed by the very lines it holds, taken away."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.transaction_host import CHECKPOINT, Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

FIN = {"sysctl": {"net.ipv4.tcp_fin_timeout": "15"}}
EVERYTHING: dict[str, Any] = {
    "sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_fin_timeout": "15"},
    "mtu": 1400,
    "offloads": {"gso": False},
    "qdisc": {"type": "htb", "params": {"default": "1:10"}},
    "htb_classes": [
        {"classid": "1:10", "rate_mbit": 50, "ceil_mbit": 100},
        {"classid": "1:20", "rate_mbit": 20, "match": [{"proto": "tcp", "dports": ["443"]}]},
    ],
    "connection_limits": [{"protocol": "tcp", "port": 443, "limit": 100, "mask": 32, "action": "reject"}],
}
SYSCTL_FILE = "etc/sysctl.d/90-netopt.conf"
VERIFY = (sys.executable, "-m", "tests.kernel.verify_program")


class BootHost(Host):
    """A host that persists below a folder instead of ``/``, as systemd does not run it."""

    def __init__(self, pid: int, root: Path) -> None:
        super().__init__(pid)
        self.root = root

    def persist(self, changes: dict[str, Any], *, dies_at: int | None = None, **options: Any) -> dict[str, Any]:
        """Apply and persist changes."""
        return self.apply(changes, persist=True, boot_root=str(self.root), dies_at=dies_at, **options)

    def files(self) -> dict[str, tuple[str, int, int]]:
        """Return every file below the root, with its mode and owner; and every link and folder."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            about = path.lstat()
            content = str(path.readlink()) if path.is_symlink() else "" if path.is_dir() else path.read_bytes().hex()
            found[str(path.relative_to(self.root))] = (content, about.st_mode, about.st_uid)
        return found

    def text(self, path: str) -> str:
        """Return what a file below the root holds."""
        return (self.root / path).read_text()

    def boot(self) -> None:
        """Do what a boot does: sysctl.d, then what the enabled units say, none of it through a shell or Python."""
        conf = self.root / SYSCTL_FILE
        if conf.exists():
            self.run("sysctl", "-q", "-p", str(conf))
        for link in sorted(self.root.glob("etc/systemd/system/*.wants/*")):
            unit = self.root / str(link.readlink()).lstrip("/")
            for line in unit.read_text().splitlines():
                if line.startswith("ExecStart="):
                    command = line.partition("=")[2]
                    words = [
                        f"{self.root}{word}" if word.startswith("/etc/") else word
                        for word in shlex.split(command.lstrip("-"))
                    ]
                    self.run(*words, check=not command.startswith("-"))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[BootHost]:
    """A host with some files of its own."""
    (tmp_path / "etc/sysctl.d").mkdir(parents=True)
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    with transaction_host() as made:
        yield BootHost(made.pid, tmp_path)


def test_boot_leads_to_the_same_state(host: BootHost) -> None:
    """On a fresh host, what is persisted gives the very state that the change gave, and a second apply agrees."""
    report = host.persist(EVERYTHING)
    assert report["status"] == "applied", report["error"]
    made = host.view()
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.boot()
        again = booted.apply(EVERYTHING, check=True)
        assert {change["subsystem"] for change in again["diff"]} == {"plan"}  # nobody has told this host of the plan
        mine, theirs = (view.split("\n") for view in (made, booted.view()))
        volatile = ("link/ether", "inet6 fe80", "fe80::", "expires", "multicast ff00")
        assert [line for line in mine if not any(word in line for word in volatile)] == [
            line for line in theirs if not any(word in line for word in volatile)
        ]


@pytest.mark.parametrize("queues", [2, 5])
def test_boot_with_a_tree_for_each_queue(host: BootHost, queues: int) -> None:
    """Below mq each TX queue that the interface has gets its tree at boot."""
    changes = {
        "qdisc": {
            "type": "mq",
            "per_queue": {"type": "htb", "htb_classes": [{"classid": "1:10", "rate_mbit": 9, "match": [{}]}]},
        }
    }
    wide = f"ip link del eth0; ip link add eth0 numtxqueues {queues} type veth peer name peer0; ip link set eth0 up"
    host.shell(wide)
    report = host.persist(changes)
    assert report["status"] == "applied", report["error"]
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.shell(wide)
        booted.boot()
        look = "tc qdisc show dev eth0; tc class show dev eth0; tc filter show dev eth0 parent 11:"
        assert booted.shell(look) == host.shell(look)
        assert {change["subsystem"] for change in booted.apply(changes, check=True)["diff"]} == {"plan"}


def test_queues_at_boot(host: BootHost) -> None:
    """Channels, queue length and steering are there again, and one that is taken away is there no more."""
    shown = "ls /sys/class/net/eth0/queues; cat /sys/class/net/eth0/tx_queue_len /sys/class/net/eth0/queues/*/rps_cpus"
    queues = {
        "nic": {"channels": {"rx": 1}, "txqueuelen": 5000},
        "steering": {"rps_cpus": "all", "rps_flow_cnt": 1000},
    }
    fresh = host.shell(shown)
    report = host.persist(queues)
    assert report["status"] == "applied", report["error"]
    assert {"eth0 channels.rx at boot", "eth0 rps_cpus at boot"} <= {one["key"] for one in report["diff"]}
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.boot()
        assert booted.shell(shown) == host.shell(shown) != fresh
        again = booted.apply(queues, check=True)
        assert {change["subsystem"] for change in again["diff"]} == {"plan"}
    away = host.persist({"nic": {"channels": None}, "steering": {"rps_cpus": None}})
    assert away["status"] == "applied", away["error"]
    (unit,) = (path for path in host.files() if path.endswith("system/netopt-device@eth0.service"))
    assert "ethtool" not in host.text(unit)
    assert "txqueuelen 5000" in host.text(unit)
    (conf,) = (path for path in host.files() if path.endswith(".conf") and "boot/" in path)
    assert [line.split()[1] for line in host.text(conf).splitlines()[1:]] == [
        '"/sys/class/net/eth0/queues/rx-*/rps_flow_cnt"'
    ]


def test_persisted_once_and_rolled_back(host: BootHost) -> None:
    """Check mode writes nothing, a second run changes nothing, and rolling back restores every file, mode and owner."""
    theirs = host.root / SYSCTL_FILE
    theirs.write_bytes(b"\xff\xfe not ours\n")
    theirs.chmod(0o640)
    os.chown(theirs, 1234, 1234)
    before, view = host.files(), host.view()
    predicted = host.persist(EVERYTHING, check=True)
    assert (predicted["status"], host.files()) == ("would_change", before)
    report = host.persist(EVERYTHING, checkpoint_id="one")
    assert report["status"] == "applied", report["error"]
    assert report["diff"] == predicted["diff"]
    assert {"sysctl", "link", "tc", "nft", "persist"} == {change["subsystem"] for change in report["diff"]}
    assert all(operation["ok"] for operation in report["operations"])
    after = host.files()
    assert after != before
    assert not [path for path in after if path.endswith(".netopt-new")]
    again = host.persist(EVERYTHING)
    assert (again["status"], again["changed"], host.files()) == ("unchanged", False, after)
    undone = host.checkpoint("restored", id="one")["report"]
    assert undone["status"] == "rolled_back", undone["error"]
    assert (host.files(), host.view()) == (before, view)
    assert "persist" in {change["subsystem"] for change in undone["diff"]}


def test_nothing_before_the_confirmation(host: BootHost) -> None:
    """A change that waits has written no file; confirming writes them; the time running out writes none."""
    before = host.files()
    assert host.persist(FIN, checkpoint_id="one", confirm_timeout_s=60)["status"] == "applied"
    assert host.files() == before
    assert host.checkpoint("confirmed", id="one")["report"]["status"] == "applied"
    assert "net.ipv4.tcp_fin_timeout = 15" in host.text(SYSCTL_FILE)
    assert host.checkpoint("confirmed", id="one")["report"]["status"] == "unchanged"
    assert host.guards() == []
    host.checkpoint("restored", id="one")
    assert host.persist(FIN, checkpoint_id="two", confirm_timeout_s=1)["status"] == "applied"
    host.wait_for("two", "rolled_back")
    assert host.files() == before


def test_persist_what_is_in_force_already(host: BootHost) -> None:
    """A plan that holds and is not persisted is persisted; rolling that back leaves the kernel alone."""
    before = host.files()
    assert host.apply(FIN)["status"] == "applied"
    view = host.view()
    report = host.persist(FIN, checkpoint_id="two")
    assert (report["status"], {change["subsystem"] for change in report["diff"]}) == ("applied", {"persist"})
    assert "15" in host.text(SYSCTL_FILE)
    host.checkpoint("restored", id="two")
    assert (host.files(), host.view()) == (before, view)


def test_stacked_changes(host: BootHost) -> None:
    """A later change adds and supersedes; rolling it back leaves the earlier one's files as they were."""
    before = host.files()
    host.persist({**FIN, "mtu": 1400, "qdisc": {"type": "pfifo", "params": {"limit": 100}}}, checkpoint_id="one")
    first = host.files()
    report = host.persist(
        {"sysctl": {"net.ipv4.tcp_fin_timeout": "20", "net.ipv4.tcp_syncookies": "2"}, "mtu": 1300}, checkpoint_id="two"
    )
    assert report["status"] == "applied", report["error"]
    lines = host.text(SYSCTL_FILE).splitlines()
    assert "net.ipv4.tcp_fin_timeout = 20" in lines
    assert "net.ipv4.tcp_syncookies = 2" in lines
    unit = host.text("etc/systemd/system/netopt-device@eth0.service")
    assert "mtu 1300" in unit
    assert "tc -batch" in unit
    host.checkpoint("restored", id="two")
    assert host.files() == first
    host.checkpoint("restored", id="one")
    assert host.files() == before


def test_a_checkpoint_that_is_removed_leaves_what_it_persisted(host: BootHost) -> None:
    """Removing a checkpoint changes nothing else, and the next change builds upon what is there."""
    host.persist(FIN, checkpoint_id="one")
    host.checkpoint("absent", id="one")
    first = host.files()
    host.persist({"sysctl": {"net.ipv4.tcp_syncookies": "2"}}, checkpoint_id="two")
    assert "tcp_fin_timeout = 15" in host.text(SYSCTL_FILE)
    host.checkpoint("restored", id="two")
    assert host.files() == first


def test_edited_by_hand(host: BootHost) -> None:
    """An edited file is mended by the next apply, and named as a conflict when the change is rolled back."""
    host.persist(FIN, checkpoint_id="one")
    after = host.files()
    (host.root / SYSCTL_FILE).write_text("net.ipv4.tcp_fin_timeout = 99\n")
    report = host.persist(FIN)
    assert [change["key"] for change in report["diff"]] == [f"/{SYSCTL_FILE}"]
    assert host.files() == after
    (host.root / SYSCTL_FILE).write_text("net.ipv4.tcp_fin_timeout = 98\n")
    kept = host.checkpoint("restored", id="one", on_conflict="keep")["report"]
    assert f"/{SYSCTL_FILE}" in [entry["key"] for entry in kept["skipped"]]
    assert host.text(SYSCTL_FILE) == "net.ipv4.tcp_fin_timeout = 98\n"


@pytest.mark.slow
def test_killed_between_files(host: BootHost) -> None:
    """Wherever the writing is killed, the files end up as before or as confirmed, and the checkpoint says which."""
    before = host.files()
    clean = host.persist(EVERYTHING, checkpoint_id="clean")
    after = host.files()
    host.checkpoint("restored", id="clean")
    assert host.files() == before
    count = sum(operation["command"].startswith("write ") for operation in clean["operations"])
    assert count > 5
    for at in range(count + 2):
        identity = f"killed{at}"
        assert host.persist(EVERYTHING, dies_at=at, checkpoint_id=identity) == {}
        host.wait_for_guards(there=False)
        status = host.statuses()[identity]
        assert host.files() == {"confirmed": after, "rolled_back": before}[status], (at, status)
        host.checkpoint("restored", id=identity)
        assert host.files() == before


@pytest.mark.long
@pytest.mark.slow
def test_rollback_killed_between_files(host: BootHost) -> None:
    """A rollback that was killed anywhere is finished by the next one."""
    before = host.files()
    host.persist({**FIN, "mtu": 1400}, checkpoint_id="base")
    base = host.files()
    for at in range(0, 12, 2):
        host.persist(EVERYTHING, checkpoint_id=f"top{at}")
        asked = json.dumps({"state": "restored", "id": f"top{at}", "dies_at": at})
        host.run(*CHECKPOINT, stdin=asked, check=False)
        host.checkpoint("restored", id=f"top{at}")
        assert host.files() == base, at
    host.checkpoint("restored", id="base")
    assert host.files() == before


@pytest.mark.parametrize("folder", ["etc/sysctl.d", "etc"])
def test_refused_where_it_cannot_be_written(host: BootHost, folder: str) -> None:
    """A disk that refuses is told of, and leaves nothing behind."""
    before, view = host.files(), host.view()
    blocked = host.root / folder / ("90-netopt.conf" if folder.endswith(".d") else "netopt")
    if folder.endswith(".d"):
        blocked.mkdir()
    else:
        blocked.write_text("in the way")
    obstructed = host.files()
    assert obstructed != before
    report = host.persist(EVERYTHING)
    assert report["status"] in ("failed", "rolled_back")
    assert str(blocked.relative_to(host.root)) in report["error"]["message"]
    assert (host.files(), host.view()) == (obstructed, view)


def test_without_systemd(host: BootHost) -> None:
    """Where systemd does not run the host, asking to persist is refused before anything is done."""
    view = host.view()
    report = host.apply(FIN, persist=True)
    assert (report["status"], report["error"]["key"]) == ("failed", "persist")
    assert "systemd" in report["error"]["message"]
    assert host.view() == view


def test_the_modules_behind_the_keys(host: BootHost) -> None:
    """What brings the keys of connection tracking is loaded at boot, ahead of sysctl.d."""
    if not Path("/proc/sys/net/netfilter/nf_conntrack_buckets").exists():
        pytest.skip("this kernel has no connection tracking loaded")
    report = host.persist({"connection_tracking": {"tcp_timeout_established": 7200}})
    assert report["status"] == "applied", report["error"]
    assert host.text("etc/modules-load.d/90-netopt.conf").splitlines()[-1] == "nf_conntrack"


def test_the_disk_fills_up_at_the_confirmation(host: BootHost) -> None:
    """Confirming where nothing can be written fails, leaves the change unconfirmed, and works once there is room."""
    before = host.files()
    host.persist(FIN, checkpoint_id="one", confirm_timeout_s=60)
    (host.root / SYSCTL_FILE).mkdir()
    refused = host.checkpoint("confirmed", id="one")["report"]
    assert refused["status"] == "failed"
    assert SYSCTL_FILE in refused["error"]["message"]
    assert host.statuses()["one"] == "applied"
    (host.root / SYSCTL_FILE).rmdir()
    assert host.files() == before
    assert host.checkpoint("confirmed", id="one")["report"]["status"] == "applied"
    assert "15" in host.text(SYSCTL_FILE)


def test_drift(host: BootHost) -> None:
    """A file for the next boot that was removed is found, with the change that wrote it."""
    host.persist(FIN, checkpoint_id="one")
    assert json.loads(host.run(*VERIFY)) == []
    (host.root / SYSCTL_FILE).unlink()
    (found,) = json.loads(host.run(*VERIFY))
    assert (found["subsystem"], found["key"], found["found"]) == ("persist", f"/{SYSCTL_FILE}", None)
    assert found["checkpoint_id"] == "one"


def test_plans_side_by_side_at_boot(host: BootHost) -> None:
    """What is there after a restart is what the persisted plans say together; what is not persisted is left out."""
    root = {"boot_root": str(host.root)}
    before, view = host.files(), host.view()
    shaped = {"iface": "eth0", "changes": {"shaper": {"egress_mbit": 20}, "sysctl": {"net.ipv4.tcp_fin_timeout": "15"}}}
    limited = {"iface": "eth0", "changes": {"connection_limits": EVERYTHING["connection_limits"], "mtu": 1400}}
    marked = {"iface": "eth0", "changes": {"dscp": [{"match": {"dports": ["5"], "proto": "udp"}, "dscp": 46}]}}

    def table() -> str:
        return "".join(path.read_text() for path in host.root.glob("etc/netopt/boot/table-*.nft"))

    assert host.ask(plan={"name": "a", **shaped}, persist=True, **root)["status"] == "applied"
    assert host.ask(plan={"name": "b", **limited}, persist=True, **root)["status"] == "applied"
    both = host.files()
    assert host.ask(plan={"name": "c", **marked}, **root)["status"] == "applied"
    assert host.files() == both
    assert "dscp" in host.run("nft", "list", "table", "inet", "netopt")
    assert "dscp" not in table()
    assert "b: connection_limits[0]" in table()
    gone = host.ask(remove=["a"], checkpoint_id="gone", **root)
    assert (gone["status"], gone["error"]) == ("applied", None)
    assert not (host.root / SYSCTL_FILE).exists()
    assert "b: connection_limits[0]" in table()
    host.checkpoint("restored", id="gone")
    assert host.files() == both
    for name in ("c", "b", "a"):
        assert host.ask(remove=[name], **root)["error"] is None
    assert (host.files(), host.view()) == (before, view)


def test_a_document_of_somebody_elses(host: BootHost) -> None:
    """What says which files root puts back counts only where it is root's: nothing is written by one that is not."""
    assert host.persist({"sysctl": {"net.ipv4.tcp_fin_timeout": 41}}, checkpoint_id="one")["status"] == "applied"
    files = host.files()
    host.shell("chown 931 /var/lib/netopt/persist.json")
    told = host.checkpoint("restored", id="one")["report"]
    assert told["status"] != "rolled_back", told
    assert "persist.json belongs to the user 931" in str(told["error"])
    assert host.files() == files

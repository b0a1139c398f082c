# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of routes in the plans in force: one section each, given back exactly, whoever writes the route meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kernel.test_persist import BootHost
from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

LEASE = "default via 192.0.2.254 dev eth0 proto dhcp src 192.0.2.1 metric 100 mtu lock 1400"
OTHER_LEASE = "default via 192.0.2.253 dev eth0 proto dhcp src 192.0.2.1 metric 100"
ADVERTISED = "default via fe80::fe dev eth0 proto ra metric 100 expires 1800 hoplimit 64 pref high"
UNIT = "etc/systemd/system/netopt-routes@eth0.service"


def with_routes(made: Host) -> Host:
    """Give a host default routes of both families."""
    made.run("ip", "route", "add", *LEASE.split())
    made.run("ip", "-6", "route", "add", *ADVERTISED.split())
    return made


@pytest.fixture(params=[True, False], ids=["rehearsed", "unrehearsed"])
def either(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A host with default routes, with and without a place to rehearse in."""
    with transaction_host(may_make_namespaces=request.param) as made:
        yield with_routes(made)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[BootHost]:
    """A host with default routes that persists below a folder."""
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    with transaction_host() as made:
        yield BootHost(with_routes(made).pid, tmp_path)


def routes(host: Host) -> str:
    """Return the default routes, without how long they live still."""
    return host.shell("ip route show default; ip -6 route show default | sed 's/expires [0-9]*sec/expires/'")


def said(dst: str = "default", **words: Any) -> dict[str, Any]:
    """Return changes with one route."""
    return {"routes": [{"dst": dst, **words}]}


def apply(host: Host, changes: dict[str, Any], name: str | None = None, **options: Any) -> str:
    """Apply a plan that has to be possible, and return the status."""
    plan = {**({"name": name} if name else {}), "iface": "eth0", "changes": changes}
    report = host.ask(plan=plan, **options)
    assert report["error"] is None, report["error"]
    return str(report["status"])


def test_there_and_back_in_steps(either: Host) -> None:
    """Words are taken away one by one, and all at once by null or an empty list; the rest of the route stays."""
    before = routes(either)
    assert apply(either, said(initcwnd=20, initrwnd=30, rto_min_ms=40)) == "applied"
    assert routes(either).count("initcwnd 20 rto_min lock 40ms initrwnd 30") == 2
    assert apply(either, said(initcwnd=20, initrwnd=30, rto_min_ms=40)) == "unchanged"
    assert apply(either, said(initcwnd=None, quickack=True)) == "applied"
    assert routes(either).count("rto_min lock 40ms initrwnd 30 quickack 1") == 2
    assert "initcwnd" not in routes(either)
    assert either.checkpoint("verified")["drift"] == []
    assert apply(either, {"routes": None}) == "applied"
    assert routes(either) == before
    assert apply(either, said("0.0.0.0/0", initcwnd=7)) == "applied"
    assert apply(either, {"routes": []}) == "applied"
    assert routes(either) == before
    assert either.checkpoint("verified")["drift"] == []


def test_every_value_is_a_section_of_its_own(either: Host) -> None:
    """Two plans set metrics of one route side by side, contradict each other on one word alone, and go one by one."""
    before = routes(either)
    apply(either, said(initcwnd=20), "web")
    apply(either, said("0.0.0.0/0", initrwnd=30), "transfer")
    assert "initcwnd 20 initrwnd 30" in routes(either)
    refused = either.ask(plan={"name": "transfer", "iface": "eth0", "changes": said("0.0.0.0/0", initcwnd=21)})
    assert refused["status"] == "failed"
    assert all(word in refused["error"]["message"] for word in ("web", "transfer", "20", "21", "0.0.0.0/0 initcwnd"))
    assert either.ask(remove=["web"])["status"] == "applied"
    assert "initcwnd" not in routes(either)
    assert "initrwnd 30" in routes(either)
    assert either.ask(remove=["transfer"])["status"] == "applied"
    assert routes(either) == before


def test_a_new_lease_is_drift_and_its_gateway_stays(either: Host) -> None:
    """A client that writes the route again is seen; what is mended or rolled back then is the route as it is."""
    report = either.apply(said(initcwnd=20), checkpoint_id="one")
    assert "a DHCP client made this route (proto dhcp) and writes it again" in " ".join(report["warnings"])
    either.run("ip", "route", "change", *OTHER_LEASE.split())
    (drift,) = either.checkpoint("verified")["drift"]
    assert (drift["key"], drift["found"], drift["wanted"]) == ("eth0 0.0.0.0/0 metric 100 initcwnd", None, "20")
    assert drift["owner"] == "a DHCP client (proto dhcp)"
    assert apply(either, said(initcwnd=20)) == "applied"
    assert "via 192.0.2.253 dev eth0 proto dhcp src 192.0.2.1 metric 100 initcwnd 20" in routes(either)
    either.checkpoint("restored", id="one")
    assert "via 192.0.2.253 dev eth0 proto dhcp src 192.0.2.1 metric 100 \n" in routes(either)


def test_a_route_that_has_gone_is_not_made(either: Host) -> None:
    """A rollback and a removal go on without it."""
    either.apply(said(initcwnd=20), checkpoint_id="one")
    either.run("ip", "route", "del", "default")
    assert either.checkpoint("restored", id="one")["report"]["status"] == "rolled_back"
    assert "via 192.0.2" not in routes(either)
    assert "initcwnd" not in routes(either)


def test_what_is_not_there_is_refused(either: Host) -> None:
    """The report has what there is, and nothing of the plan is done."""
    before = routes(either) + either.shell("ip link show eth0")
    report = either.apply({**said("198.51.100.0/24", initcwnd=20), "mtu": 1400})
    assert (report["status"], report["error"]["stage"]) == ("failed", "rehearse")
    assert "There is no route to 198.51.100.0/24 through eth0" in report["error"]["message"]
    assert "192.0.2.0/24" in report["error"]["hint"]
    assert routes(either) + either.shell("ip link show eth0") == before


def test_restored_by_the_checkpoints_own_program(host: BootHost) -> None:
    """An operator at the console brings the routes back with nothing but Python."""
    before = routes(host)
    host.apply(said(initcwnd=20, congctl="reno"), checkpoint_id="one")
    assert routes(host) != before
    assert "one\n" in host.restore("one", "--restore")
    assert routes(host) == before


def test_a_snapshot_has_the_routes(host: BootHost) -> None:
    """A checkpoint that is written down by hand brings back what was changed by hand since."""
    before = routes(host)
    host.checkpoint("present", id="mine", ifaces=["eth0"], nft=False)
    host.run("ip", "route", "change", *LEASE.split(), "initcwnd", "99")
    host.checkpoint("restored", id="mine")
    assert routes(host) == before


def test_persisted_while_the_gateway_is_the_same(host: BootHost) -> None:
    """At boot the metrics are set on the route as it was; where another gateway is there, nothing is replaced."""
    report = host.persist(said(initcwnd=20), checkpoint_id="one")
    assert report["status"] == "applied", report["error"]
    assert "eth0 ::/0 metric 100: its metrics are not persisted, since it ends by itself" in " ".join(
        report["warnings"]
    )
    assert "Restart=on-failure" in host.text(UNIT)
    made = host.shell("ip route show default")
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.run("ip", "route", "add", *LEASE.split())
        booted.boot()
        assert booted.shell("ip route show default") == made
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.run("ip", "route", "add", *OTHER_LEASE.split())
        with pytest.raises(AssertionError, match=r"grep.*: 1:"):
            booted.boot()
        assert booted.shell("ip route show default") == OTHER_LEASE + " \n"
    host.checkpoint("restored", id="one")
    assert not (host.root / UNIT).exists()


def test_persisted_of_ipv6(host: BootHost) -> None:
    """The line of the kernel's list of IPv6 routes is found by every part that counts."""
    for_ever = ADVERTISED.replace(" expires 1800", "")
    host.run("ip", "-6", "route", "change", *for_ever.split())
    assert host.persist(said("::/0", initcwnd=20))["status"] == "applied"
    made = host.shell("ip -6 route show default")
    with transaction_host() as other:
        booted = BootHost(other.pid, host.root)
        booted.run("ip", "-6", "route", "add", *for_ever.split())
        booted.boot()
        assert booted.shell("ip -6 route show default") == made
    assert apply(host, said("::/0", initcwnd=None)) == "applied"
    assert not (host.root / UNIT).exists()

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees with hundreds of classes: made from their shapes, found by maps, changed one by one, and brought back."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.text_and_modules import by_hand, by_module, look
from tests.kernel.transaction_host import Host, transaction_host

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root")]

COUNT = 300
FIRST = 0x10
# Addresses beyond the wire that need no neighbour to be found.
ROUTES = (
    "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/peer0/disable_ipv6;"
    " ip link set eth0 arp off; ip link set peer0 arp off; ip route add 10.0.0.0/8 dev eth0"
)
SENT = re.compile(r"^class htb 1:(\S+) .*\n Sent \d+ bytes (\d+) pkt", re.MULTILINE)
SEND = (sys.executable, "-m", "tests.kernel.send_program")


@pytest.fixture
def host() -> Iterator[Host]:
    """Return a host from which packets can be sent to any address in 10.0.0.0/8."""
    with transaction_host() as found:
        found.shell(ROUTES)
        yield found


def address(number: int) -> str:
    """Return the address whose traffic belongs into a class."""
    return f"10.0.{number >> 8}.{number & 255}"


def classes(count: int = COUNT, **more: Any) -> list[dict[str, Any]]:
    """Return classes that each know one address, with a dozen different rates."""
    return [
        {
            "classid": f"1:{FIRST + number:x}",
            "rate_mbit": 1 + number % 12,
            "ceil_mbit": 100,
            "match": [{"dst": address(number) + "/32"}],
            **more,
        }
        for number in range(count)
    ]


def changes(found: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Return a plan's changes with some classes; what is not known goes into the first one."""
    qdisc = {"type": "htb", "params": {}}
    return {"qdisc": qdisc, "default_class": found[0]["classid"], "htb_classes": found, **more}


TOP = 0xFFFF


def packets(host: Host) -> dict[int, int]:
    """Return how many packets went through each class that has seen any, but for the one that all borrow from."""
    text = host.run("tc", "-s", "class", "show", "dev", "eth0")
    return {int(minor, 16): int(count) for minor, count in SENT.findall(text) if int(count) and int(minor, 16) != TOP}


def send(host: Host, *flows: str) -> None:
    """Send a packet for each ``address,port,source port``."""
    host.run(*SEND, *flows)


def test_packets_land_in_their_class(host: Host) -> None:
    """Each class gets the packets for its address, the default class the others, and no filter is tried."""
    report = host.apply(changes(classes()))
    assert report["status"] == "applied", report["error"]
    send(host, *(f"{address(number)},9,0" for number in range(1, COUNT)), "10.9.9.9,9,0")
    expected = {FIRST + number: 1 for number in range(COUNT)}
    assert packets(host) == expected
    assert "u32" not in host.run("tc", "filter", "show", "dev", "eth0")


def test_every_kind_of_match(host: Host) -> None:
    """Prefixes, ports, protocols and DSCP find their classes as well; the first field that is named counts."""
    found = classes()
    special: list[dict[str, Any]] = [
        {"dst": "10.7.0.0/16"},
        {"proto": "udp", "dports": ["7000", "7001"]},
        {"dst": "10.8.0.0/16", "proto": "udp", "dports": ["7100"]},
        {"dports": ["7200-7209"]},
        {"sports": ["7300"]},
        {"dst": "10.0.0.5/32", "proto": "udp", "dports": ["7400"]},
        {"dst": "2001:db8::1/128"},
        {"fwmark": 77},
    ]
    ids = [0x1000 + number for number in range(len(special))]
    found += [
        {"classid": f"1:{minor:x}", "rate_mbit": 3, "match": [each]} for minor, each in zip(ids, special, strict=True)
    ]
    assert host.apply(changes(found))["status"] == "applied"
    send(host, "10.7.1.1,9,0", "10.9.0.1,7001,0", "10.8.3.3,7100,0", "10.9.0.1,7205,0", "10.9.0.1,9,7300")
    assert packets(host) == dict.fromkeys(ids[:5], 1)
    send(host, "10.0.0.5,7400,0")  # addresses were named first
    assert packets(host)[FIRST + 5] == 1


def test_one_class_is_one_operation(host: Host) -> None:
    """A class that changes costs one message, and the counters of all others go on."""
    assert host.apply(changes(classes()))["status"] == "applied"
    send(host, *(f"{address(number)},9,0" for number in range(COUNT)))
    before = packets(host)
    other = classes()
    other[100] = {**other[100], "ceil_mbit": 77}
    report = host.apply(changes(other))
    assert [each["command"].split(" htb")[0] for each in report["operations"]] == [
        f"tc class change dev eth0 parent 1:ffff classid 1:{FIRST + 100:x}"
    ]
    assert [each["key"] for each in report["diff"]] == [f"eth0 class 1:{FIRST + 100:x}"]
    assert "ceil 77000000bit" in report["diff"][0]["after"]
    assert packets(host) == before
    assert host.apply(changes(other))["status"] == "unchanged"


def test_one_address_is_one_element(host: Host) -> None:
    """An address that moves costs one transaction on the map; neither classes nor other rules are touched."""
    marks = [{"match": {"dst": "10.1.0.0/16"}, "dscp": 46}]
    assert host.apply(changes(classes(), dscp=marks))["status"] == "applied"
    other = classes()
    other[7]["match"] = [{"dst": "10.99.0.1/32"}]
    report = host.apply(changes(other, dscp=marks))
    assert len(report["operations"]) == 1
    assert "delete element inet netopt classes_eth0_ip_daddr { 10.0.0.7 : 1:17 }" in report["operations"][0]["command"]
    send(host, "10.99.0.1,9,0", "10.0.0.7,9,0")
    assert packets(host) == {FIRST + 7: 1, FIRST: 1}


def test_a_class_comes_and_goes(host: Host) -> None:
    """A class more or less leaves the others alone."""
    assert host.apply(changes(classes()))["status"] == "applied"
    send(host, f"{address(3)},9,0")
    for count in (COUNT + 1, COUNT):
        report = host.apply(changes(classes(count)))
        assert (report["status"], len(report["operations"])) == ("applied", 2), report["error"]
    assert packets(host) == {FIRST + 3: 1}


def test_back_and_forth(host: Host) -> None:
    """Rolling back brings the tree before back, counters apart, whichever of the two was the large one."""
    empty = host.view()
    first = host.apply(changes(classes()))
    large = host.view()
    second = host.apply(changes(classes(20)))
    assert second["status"] == "applied", second["error"]
    small = host.view()
    assert "classify" not in small
    assert "filter parent 1: protocol ip" in small
    host.checkpoint("restored", id=second["checkpoint_id"])
    assert host.view() == large
    host.checkpoint("restored", id=first["checkpoint_id"])
    assert host.view() == empty


def test_other_plans_leave_the_maps_alone(host: Host) -> None:
    """A plan that says nothing of classes keeps how packets find them; one for other interfaces has maps of its own."""
    assert host.apply(changes(classes()))["status"] == "applied"
    assert host.apply({"dscp": [{"match": {"dst": "10.1.0.0/16"}, "dscp": 46}]})["status"] == "applied"
    send(host, f"{address(9)},9,0")
    assert packets(host) == {FIRST + 9: 1}
    host.shell("ip link add eth1 type veth peer name peer1; ip link set eth1 up")
    second = {"plan": {"iface": "eth1", "changes": changes(classes(), dscp=[])}}
    assert host.apply({}, **second)["status"] == "applied"
    listing = host.run("nft", "list", "table", "inet", "netopt")
    assert [name in listing for name in ("chain classify_eth0", "chain classify_eth1")] == [True, True]
    assert 'oifname "eth0" ip daddr 10.1.0.0/16 ip dscp set ef' in listing  # the plan for eth1 leaves marks of eth0
    for options in ({"changes": changes(classes())}, {"changes": {}, **second}):
        assert host.apply(**options)["status"] == "unchanged"


SHAPES: dict[str, list[dict[str, Any]]] = {
    "all different": [{**one, "rate_mbit": 1 + number / 8} for number, one in enumerate(classes())],
    "leaves": classes(leaf={"type": "pfifo", "params": {"limit": 30}}),
    "two kinds of leaves, by filter": [
        {**one, "match": one["match"] if number < 200 else [], "leaf": {"type": kind, "params": {}}}
        for number, one in enumerate(classes())
        for kind in (["pfifo", "bfifo"][number % 2],)
    ],
    "nested": [{"classid": f"1:{minor:x}", "rate_mbit": 200, "ceil_mbit": 900} for minor in range(2, 6)]
    + [{**one, "parent": f"1:{2 + number % 4:x}", "priority": number % 8} for number, one in enumerate(classes())],
}


@pytest.mark.parametrize("name", SHAPES)
def test_text_and_shapes_agree(name: str) -> None:
    """The text, run by hand, makes each class for real, and leads to what the modules made of the shapes."""
    found = SHAPES[name]
    plan = {"iface": "eth0", "changes": changes(found, default_class=found[-1]["classid"])}
    with transaction_host() as one, transaction_host() as other:
        by_hand(one, plan)
        report = by_module(other, plan)
        assert report["status"] == "applied", report["error"]
        assert look(one) == look(other)
        by_hand(one, plan)
        assert look(one) == look(other)
        assert by_module(other, plan)["status"] == "unchanged"


def test_the_rehearsal_refuses_before_anything_is_touched(host: Host) -> None:
    """What the kernel refuses of one class among hundreds is named, and nothing was changed."""
    before = host.view()
    found = classes()
    found[250]["leaf"] = {"type": "sfq", "params": {"limit": 100, "depth": 900000}}
    report = host.apply(changes(found))
    assert report["status"] == "failed"
    assert report["error"]["stage"] == "rehearse"
    assert host.view() == before


def test_a_class_among_many_that_somebody_changed(host: Host) -> None:
    """Drift in one class is seen and mended by one operation."""
    assert host.apply(changes(classes()))["status"] == "applied"
    host.run("tc", "class", "change", "dev", "eth0", "parent", "1:", "classid", "1:20", "htb", "rate", "9mbit")
    report = host.apply(changes(classes()))
    assert (report["status"], len(report["operations"])) == ("applied", 1)
    assert report["diff"][0]["key"] == "eth0 class 1:20"


def test_reports_stay_short(host: Host) -> None:
    """A report names the first differences and says how many more there are."""
    report = host.apply(changes(classes()), check=True)
    assert report["status"] == "would_change"
    tc = [each for each in report["diff"] if each["subsystem"] == "tc"]
    assert len(tc) == 201
    assert tc[-1]["key"] == f"and more: {COUNT + 2 - 200}"

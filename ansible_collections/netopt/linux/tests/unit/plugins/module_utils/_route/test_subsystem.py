# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of routes, the steps that follow from it, and what comes back when no plan says it any more."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.intents import Intents
from ansible_collections.netopt.linux.plugins.module_utils._plan.routes import with_words_away, words_away
from ansible_collections.netopt.linux.plugins.module_utils._route import origin, subsystem
from ansible_collections.netopt.linux.plugins.module_utils._route.owner import owner_of, written_again

NONE = dict.fromkeys(("initcwnd", "initrwnd", "quickack", "rto_min_ms", "congctl"))
BODY = "02000000fe1000010000000008000f00fe00000008000600640000000800050" + "0c00002fe0800040003000000"
LEASE = {"protocol": "dhcp", "owner": "a DHCP client", "leased": True}


def entry(**more: Any) -> dict[str, Any]:
    """Return a route of a state."""
    return {"metrics": NONE, "body": BODY, "lives": False, "refused": None, "text": LEASE, **more}


def state(**routes: dict[str, Any]) -> dict[str, Any]:
    """Return a state by interface."""
    return {"routes": routes, "text": {iface: ["192.0.2.0/24"] for iface in routes}}


def intent(*routes: dict[str, Any], ifaces: tuple[str, ...] = ("eth0",)) -> Any:
    """Return what a plan asks."""
    return subsystem.intent({"routes": list(routes)}, ifaces)


def test_default_is_that_of_both_families() -> None:
    """The words are as the kernel keeps them, and switching off is setting nothing."""
    found = intent({"dst": "default", "initcwnd": 20, "rto_min_ms": 40, "quickack": False, "congctl": None})
    words = {"initcwnd": "20", "quickack": None, "rto_min_ms": "lock 40"}
    assert found.routes == {"0.0.0.0/0": words, "::/0": words}
    assert found
    assert not intent()
    assert not intent({"dst": "default"})
    assert not subsystem.intent({}, ("eth0",))


def test_two_values_for_one_route() -> None:
    """A plan that contradicts itself is refused; the same twice is not."""
    assert intent({"dst": "default", "initcwnd": 9}, {"dst": "::/0", "initcwnd": 9})
    with pytest.raises(NetoptError, match=r"routes\.::/0 initcwnd is asked to be 9 and 8"):
        intent({"dst": "default", "initcwnd": 9}, {"dst": "::/0", "initcwnd": 8})


def test_all_routes_to_a_destination_are_meant() -> None:
    """Whatever their priority; and of the default route that of one family is enough."""
    there = state(eth0={"0.0.0.0/0 metric 100": entry(), "0.0.0.0/0 metric 200": entry(), "10.0.0.0/8": entry()})
    found = subsystem.merge(intent({"dst": "default", "initcwnd": 9}), there)
    wanted = {"metrics": {"initcwnd": "9"}}
    assert found == {"routes": {"eth0": {"0.0.0.0/0 metric 100": wanted, "0.0.0.0/0 metric 200": wanted}}}
    steps = subsystem.operations(there, found)
    assert [step.key for step in steps] == [f"eth0 0.0.0.0/0 metric {metric} initcwnd" for metric in (100, 200)]
    assert [change.key for change in subsystem.diff(there, found)] == [step.key for step in steps]
    assert "dhcp" in subsystem.warnings(there, found)[0]
    assert subsystem.warnings(there, None) == []


@pytest.mark.parametrize(
    ("dst", "message"),
    [
        ("::/0", r"There is no route to default \(::/0\) through eth0"),
        ("10.0.0.0/9", "There is no route to 10.0.0.0/9 through eth0"),
        ("10.0.0.0/8", "cannot be set: it has several next hops"),
    ],
)
def test_refusals(dst: str, message: str) -> None:
    """One that is not there, and one that cannot be replaced by itself."""
    there = state(eth0={"0.0.0.0/0 metric 100": entry(), "10.0.0.0/8": entry(refused="it has several next hops")})
    with pytest.raises(NetoptError, match=message):
        subsystem.merge(intent({"dst": dst, "initcwnd": 9}), there)


def test_what_comes_back() -> None:
    """Each route gets its own value back, one that has gone is passed over, and what is still asked for stays."""
    there = state(
        eth0={
            "0.0.0.0/0 metric 100": entry(metrics={**NONE, "initcwnd": "5"}),
            "0.0.0.0/0 metric 200": entry(),
        }
    )
    asked = intent({"dst": "0.0.0.0/0", "initcwnd": 9, "initrwnd": 8})
    assert origin.claims(asked) == {"eth0 0.0.0.0/0 initcwnd", "eth0 0.0.0.0/0 initrwnd"}
    known = origin.remember(asked, there)
    assert known["eth0 0.0.0.0/0 initcwnd"] == {"0.0.0.0/0 metric 100": "5", "0.0.0.0/0 metric 200": None}
    left = intent({"dst": "0.0.0.0/0", "initrwnd": 8})
    back = origin.give_back(left, {"eth0 0.0.0.0/0 initcwnd": known["eth0 0.0.0.0/0 initcwnd"]}, {})
    del there["routes"]["eth0"]["0.0.0.0/0 metric 200"]
    found = subsystem.merge(back, there)
    assert found["routes"]["eth0"] == {"0.0.0.0/0 metric 100": {"metrics": {"initcwnd": "5", "initrwnd": "8"}}}
    assert origin.give_back(left, {}, {}) is left
    alone = origin.give_back(Intents(()), {"eth1 ::/0 congctl": {"::/0 metric 1": "bbr"}}, {})
    assert (alone.ifaces, alone.former) == (("eth1",), {"::/0 metric 1": {"congctl": "bbr"}})
    assert subsystem.scope(alone) == {"ifaces": ["eth1"], "networks": ["::/0"]}


def test_text_takes_each_route_as_it_is() -> None:
    """Nothing of a route is in the text but what the plan says of it."""
    first, second = subsystem.render(intent({"dst": "default", "quickack": False, "rto_min_ms": 9}, ifaces=("e $",)))
    assert first.startswith("ip -4 route show exact 0.0.0.0/0 dev 'e $' | sed ")
    assert first.endswith("do ip -4 route change $route dev 'e $' quickack 0 rto_min 9ms; done")
    assert "ip -6 route change $route" in second


def test_words_that_are_null() -> None:
    """They go with the words that are set, each by its destination."""
    routes = [{"dst": "default", "initcwnd": 9, "quickack": None}, {"dst": "10.0.0.0/8", "initcwnd": 9}]
    away = words_away(routes)
    assert away == [{"dst": "default", "quickack": None}]
    without = [{"dst": "default", "initcwnd": 9}, {"dst": "10.0.0.0/8", "initcwnd": 9}]
    assert with_words_away(without, away) == routes


@pytest.mark.parametrize(
    ("protocol", "running", "words"),
    [
        (
            16,
            [],
            "a DHCP client made this route (proto dhcp) and writes it again, without what is set here, when its l",
        ),
        (16, ["systemd-network"], "systemd-networkd made this route (proto dhcp)"),
        (9, ["NetworkManager"], "NetworkManager made this route (proto ra)"),
        (9, [], "the receiver of router advertisements made"),
        (
            4,
            ["NetworkManager"],
            "when it is restarted. To keep it, set it there as well: the attributes of ipv4.routes",
        ),
        (
            3,
            ["dhclient"],
            "dhclient made this route (proto boot) and writes it again, without what is set here, when i",
        ),
        (
            186,
            [],
            "a routing daemon made this route (proto bgp) and writes it again, without what is set here, when its n",
        ),
        (77, [], None),
        (4, [], None),
        (3, ["NetworkManager"], None),
        (2, ["NetworkManager"], None),
    ],
)
def test_who_writes_it_again(protocol: int, running: list[str], words: str | None) -> None:
    """By the route's protocol and by what runs."""
    told = written_again("eth0 ::/0", owner_of(protocol, running))
    assert (told is None) if words is None else told is not None and words in told

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rows that take rules, netem and tunnels in one kernel: impairments beside senders, and classes beside tunnels."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

from tests.effects.classes import counted, spoken
from tests.effects.frames import Frame
from tests.effects.lab import CLIENT, HOST
from tests.effects.row import Row
from tests.effects.sender_rows import BY_ADDRESS, BY_PORT, MASQUERADE, MET, REST, SECOND, classes
from tests.effects.traffic import OWN, PASSING, class_of, one_flow
from tests.kernel.nft_namespaces import run
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.effects.lab import Lab
    from tests.effects.traffic import Path, Traffic

ALL = {"loss_pct": 100}
ITSELF = {"src": f"{HOST[4]}/32"}
SENT = 4
SSH, ANSWERED_S, END_S = 22, 1.0, 60.0
UP = ("ip link set top0 up", "ip addr add 198.51.100.1/24 dev top0")
TUNNELS = {
    "GRE": ("ip link add top0 type gre local 192.0.2.1 remote 192.0.2.2", *UP),
    "IP in IP": ("ip link add top0 type ipip local 192.0.2.1 remote 192.0.2.2", *UP),
}
INSIDE = Frame(4, src="198.51.100.1", dst="198.51.100.2")
ON_TOP = {"name": "top", "iface": "top0", "changes": classes({"src": "198.51.100.9/32"}, BY_PORT)}
PORTS = ({"dports": ["1"]}, {"dports": ["2"]})
BELOW = {"filters": PORTS, "rules": (*PORTS, {"uid": 77})}
BY_SENDER = (PORTS[0], {**ITSELF, **PORTS[1]})


def _known(lab: Lab) -> None:
    """Let the host and the client know one another: what looks for a neighbour is impaired as well."""
    for place, other, address in (("host", "client", CLIENT[4]), ("client", "host", HOST[4])):
        mac = lab.mac(other, "eth0").hex(":")
        with getattr(lab, place).inside():
            run(f"ip neigh replace {address} lladdr {mac} dev eth0 nud permanent")


def _sent(path: Path) -> Traffic:
    """Send datagrams to a neighbour that is known; returns how many arrive."""
    send = one_flow(path, SENT)

    def known(lab: Lab) -> int:
        _known(lab)
        return int(send(lab))

    return known


def _from_ssh(path: Path) -> Traffic:
    """Open a connection from the port of ssh; returns whether it is made."""
    port = path.port + (path is PASSING)  # else translation gives the second of the two another source port

    def send(lab: Lab) -> bool:
        _known(lab)
        with getattr(lab, path.receiver).inside():
            lab.stack.enter_context(socket.create_server(("", port)))
        with getattr(lab, path.sender).inside(), socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.settimeout(ANSWERED_S)
            one.bind(("", SSH))
            return one.connect_ex((path.address[4], port)) == 0

    return send


def _once_over(*each: Traffic) -> Traffic:
    """Wait until the impairment has ended; returns what comes of each kind of traffic then."""

    def send(lab: Lab) -> list[Any]:
        _known(lab)
        until(lambda: not lab.machine.guards(), END_S, "the end of the impairment")
        return [one(lab) for one in each]

    return send


def _netem(says: str, changes: dict[str, Any], traffic: Traffic, expected: Any, **more: Any) -> Row:
    words = {"labels": ("netem",), "shared": says.partition(";")[0], "machine": True, "quick": False}
    return Row("netem", says, changes, traffic, expected, **{**words, **more})


def _beside_senders() -> Iterator[Row]:
    """Yield netem beside classes of senders, with a shaper and without."""
    for says, without in ((" and a shaper", {}), ("", {"shaper": None})):
        every = classes(BY_ADDRESS, ITSELF, **MASQUERADE, netem=ALL) | without
        one = classes({"src": "10.9.0.77/32"}, **MASQUERADE, netem={**ALL, "classes": [MET]}) | without
        named = classes({**BY_ADDRESS, "proto": "tcp", "sports": ["22"]}, BY_ADDRESS, **MASQUERADE)
        named = {**named, "netem": {**ALL, "classes": [MET]}, **without}
        boxed = classes(BY_ADDRESS, ITSELF, **MASQUERADE, netem={**ALL, "duration_s": 1}) | without
        for way, path in (("of its own", OWN), ("passing through", PASSING)):
            yield _netem(f"all{says} beside senders; ssh {way}", every, _from_ssh(path), expected=True)
            yield _netem(f"all{says} beside senders; udp {way}", every, _sent(path), 0, free=SENT)
            yield _netem(f"the class of another sender{says}; ssh {way}", one, _from_ssh(path), expected=True)
            yield _netem(f"the class of another sender{says}; udp {way}", one, _sent(path), SENT)
        yield _netem(f"ssh of a sender by its class{says}; of its own", named, _from_ssh(OWN), expected=True)
        yield _netem(f"ssh of a sender by its class{says}; passing through", named, _from_ssh(PASSING), expected=False)
        yield _netem(f"ssh of a sender by its class{says}; udp passing through", named, class_of(PASSING), SECOND)
        over = _once_over(class_of(PASSING), class_of(OWN), _classes_of_ssh)
        ends = [MET, SECOND, [SECOND]]
        yield _netem(f"beside senders{says}, once it is over", boxed, over, ends)


def _classes_of_ssh(lab: Lab) -> list[str]:
    """Return the classes of what the host sends from the port of ssh."""
    before = counted(lab, "eth0")
    assert _from_ssh(OWN)(lab)
    return sorted(name for name, count in counted(lab, "eth0").items() if count > before[name])


def _above(lab: Lab) -> None:
    report = lab.machine.ask(plan=ON_TOP)
    assert report["status"] == "applied", report["error"]


def _beside_tunnels() -> Iterator[Row]:
    """Yield classes below a tunnel that has classes of senders: their numbers are brought along, which is told."""
    more: dict[str, Any] = {"machine": True, "quick": False, "earlier": (_above,)}
    for tunnel, arranged in TUNNELS.items():
        for says, matches in BELOW.items():
            yield Row(
                "htb_classes",
                f"below classes of a tunnel of {tunnel}, by {says}",
                classes(*matches),
                spoken(INSIDE),
                {SECOND: 1},
                arranged=arranged,
                told="where that carries the tunnel",
                **more,
            )
        yield Row(
            "htb_classes",
            f"below classes of a tunnel of {tunnel}, by sender",
            classes(*BY_SENDER),
            spoken(INSIDE),
            {REST: 1},
            arranged=arranged,
            **more,
        )


ROWS = (*_beside_senders(), *_beside_tunnels())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Traffic that shows impairments: how many frames arrive, whether they are whole, and when."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from tests.effects.classes import WAYS
from tests.effects.lab import CLIENT
from tests.effects.seen import watched
from tests.kernel.nft_namespaces import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.effects.frames import Frame
    from tests.effects.lab import Lab
    from tests.effects.traffic import Traffic

LATE_S = 0.2
BEHIND = {"arriving": "inner"}  # who gets the frames that go through the host; the client gets all others


def _sent(lab: Lab, way: str, one: Frame, number: int) -> None:
    place, by, (whose, their) = WAYS[way]
    ethernet = lab.mac(whose, their) + lab.mac(place, by)
    if way == "forwarded":  # what looks for neighbours is impaired as well
        known = f"{CLIENT[one.family]} lladdr {lab.mac('client', 'eth0').hex(':')}"
        with lab.host.inside():
            run(f"ip neigh replace {known} dev eth0 nud permanent")
    with getattr(lab, place).inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as made:
        made.bind((by, 0))
        for _ in range(number):
            made.send(one.to(ethernet))


def _of(one: Frame) -> Callable[[bytes], Any]:
    """Return what tells a frame by its end, whatever became of its beginning on the way."""
    source, target = one.ends
    payload = one.carried

    def is_it(data: bytes) -> bool | None:
        return (source + target in data[:70] and data[-len(payload) :] == payload) or None

    return is_it


def arrived(way: str, one: Frame, number: int) -> Traffic:
    """Send a frame so many times; returns how many arrive."""

    def send(lab: Lab) -> int:
        with watched(lab, BEHIND.get(way, "client")) as seen:
            _sent(lab, way, one, number)
            return len(seen(_of(one), 2 * number + 1))

    return send


def intact(way: str, one: Frame, number: int) -> Traffic:
    """Send a frame so many times; returns how many arrive as they were sent."""
    place, by, (whose, their) = WAYS[way]

    def send(lab: Lab) -> int:
        whole = one.to(lab.mac(whose, their) + lab.mac(place, by))
        with watched(lab, "client") as seen:
            _sent(lab, way, one, number)
            return len(seen(lambda data: data == whole or None, number + 1))

    return send


def late(way: str, one: Frame, number: int) -> Traffic:
    """Send frames; returns whether the last of them comes late."""

    def send(lab: Lab) -> bool:
        with watched(lab, "client", silent_s=1.0) as seen:
            _sent(lab, way, one, number)
            since = time.monotonic()
            assert len(seen(_of(one), number)) == number
            return time.monotonic() - since > LATE_S

    return send


def gone_by_itself(way: str, one: Frame, number: int, after_s: float) -> Traffic:
    """Send frames, and once more when the impairment has ended; returns how many arrive each time."""
    once = arrived(way, one, number)

    def send(lab: Lab) -> list[int]:
        first = once(lab)
        time.sleep(after_s + 1)
        return [first, once(lab)]

    return send

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits for some senders, and for some types of ICMP, under real traffic."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kernel.nft_namespaces import run
from tests.kernel.test_nft_traffic import PORT, SERVER, SILENT_S, SOURCES, Lab

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

LIMIT = {"protocol": "tcp", "port": PORT, "limit": 1}
ONCE = {"rate": "1/hour", "burst": 1, "protocol": "tcp", "port": PORT}
BOTH = ["192.0.2.0/24", "2001:db8::/64"]


@pytest.fixture
def lab() -> Iterator[Lab]:
    """Yield a fresh lab and close all that was opened in it."""
    with ExitStack() as stack:
        yield Lab(stack)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize(
    ("who", "limited"),
    [
        ({"src": BOTH}, (True, True, False)),
        ({"except": [SOURCES[4][0], SOURCES[6][0]]}, (False, True, True)),
        ({"src": BOTH, "except": [SOURCES[4][1], SOURCES[6][1]]}, (True, False, False)),
    ],
    ids=["src", "except", "both"],
)
def test_connections_of_some_senders(
    lab: Lab, family: int, who: dict[str, list[str]], limited: tuple[bool, ...]
) -> None:
    """A limit meets those that src names but those that except names, and nobody else."""
    lab.listen(family)
    lab.apply(connection_limits=[{**LIMIT, **who, "mask": 24}])
    for source, is_limited in zip(SOURCES[family], limited, strict=True):
        held = [lab.connect(source)]
        if is_limited:
            with pytest.raises(ConnectionRefusedError):
                lab.connect(source)
        else:
            held.append(lab.connect(source))
        for each in held:
            each.close()
        lab.apply()
        lab.apply(connection_limits=[{**LIMIT, **who, "mask": 24}])  # counts anew


def test_one_rate_for_senders_of_both_versions(lab: Lab) -> None:
    """What IPv4 has used up is not there for IPv6; who is excepted has no limit."""
    lab.listen(4)
    lab.listen(6)
    lab.apply(rate_limits=[{**ONCE, "src": BOTH, "except": [SOURCES[4][1]]}])
    lab.connect(SOURCES[4][0])
    for source in (SOURCES[4][0], SOURCES[6][0]):
        with pytest.raises(TimeoutError):
            lab.connect(source, timeout=SILENT_S)
    for source in (SOURCES[4][1], SOURCES[4][2], SOURCES[6][2]):
        lab.connect(source)


def test_a_version_that_src_does_not_name_is_free(lab: Lab) -> None:
    """A limit for IPv4 networks leaves IPv6 alone."""
    lab.listen(4)
    lab.listen(6)
    lab.apply(rate_limits=[{**ONCE, "src": BOTH[:1]}])
    for source in (SOURCES[4][0], SOURCES[6][0], SOURCES[6][0]):
        lab.connect(source)
    with pytest.raises(TimeoutError):
        lab.connect(SOURCES[4][0], timeout=SILENT_S)


def ping(lab: Lab, family: int) -> bool:
    """Say whether a ping is answered."""
    with lab.client.inside():
        try:
            return "1 received" in run(f"ping -{family} -c 1 -W 1 {SERVER[family]}")
        except AssertionError:
            return False


TYPES: list[tuple[int, dict[str, Any], list[bool]]] = [
    (4, {"protocol": "icmp", "icmp_type": "echo-request"}, [True, False]),
    (4, {"protocol": "icmp", "icmp_type": 13}, [True, True]),
    (6, {"protocol": "icmpv6", "icmp_type": 128}, [True, False]),
    (6, {"protocol": "icmpv6", "icmp_type": "packet-too-big"}, [True, True]),
]


@pytest.mark.parametrize(("family", "what", "answered"), TYPES)
def test_types_of_icmp(lab: Lab, family: int, what: dict[str, Any], answered: list[bool]) -> None:
    """Messages of the type are limited, others are not."""
    lab.apply(rate_limits=[{"rate": "1/hour", "burst": 1, "per": "packets", **what}])
    assert [ping(lab, family), ping(lab, family)] == answered

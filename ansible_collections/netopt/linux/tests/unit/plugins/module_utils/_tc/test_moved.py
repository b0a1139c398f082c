# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A shaper that an adjuster has moved reads as the plan has it, and nothing else does."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._adjuster.options import kbit_of
from ansible_collections.netopt.linux.plugins.module_utils._netlink import messages as rt
from ansible_collections.netopt.linux.plugins.module_utils._tc.moved import as_planned


def htb(kbit: int, ceil: int | None = None) -> bytes:
    """Return options of an htb class as the kernel dumps them."""
    spec = struct.Struct("=BBHhHI")
    rate, most = (spec.pack(0, 1, 0, -1, 0, one * 125) for one in (kbit, ceil or kbit))
    return rt.attribute(1, rate + most + struct.pack("=IIIII", 1500, 1500, kbit, 0, 0))


def cake(kbit: int, target: int = 5000) -> bytes:
    """Return options of cake: its rate, and one more."""
    return rt.attribute(2, struct.pack("=Q", kbit * 125)) + rt.attribute(4, struct.pack("=I", target))


SHAPES = {"htb": (htb, "class", 0x10001), "cake": (cake, "qdisc", 0x10000)}


def tree(kind: str, options: bytes) -> dict[str, Any]:
    """Return the objects of a device with one shaper."""
    _make, form, handle = SHAPES[kind]
    return {"objects": [{"form": form, "kind": kind, "handle": handle, "parent": 0, "options": options.hex()}]}


def notice(kind: str, base: bytes) -> dict[str, Any]:
    """Return what an adjuster says that moves between 2 and 16 Mbit/s, with 8 of the plan's own."""
    direction = {"device": "eth0", "kind": kind, "min_kbit": 2000, "base_kbit": 8000, "max_kbit": 16000}
    return {"settings": {"directions": {"egress": direction}}, "base": {"egress": base.hex()}}


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(("kbit", "hidden"), [(2000, True), (16000, True), (1999, False), (16001, False)])
def test_within_the_bounds(kind: str, kbit: int, hidden: bool) -> None:  # noqa: FBT001 - a parameter
    """A rate within the bounds is the plan's; one beyond them is what it is."""
    make = SHAPES[kind][0]
    base, moved = tree(kind, make(8000)), tree(kind, make(kbit))
    read = as_planned("eth0", moved, notice(kind, make(8000)))
    assert (read == base, read == moved) == (hidden, not hidden)


def test_the_rest_of_cake_is_seen() -> None:
    """Another setting of cake by hand stays visible while the rate is moved."""
    read = as_planned("eth0", tree("cake", cake(9000, target=7)), notice("cake", cake(8000)))
    assert read == tree("cake", cake(8000, target=7))


def test_a_class_with_a_ceiling_is_not_moved() -> None:
    """An adjuster sets rate and ceiling alike; a class where they differ is somebody else's."""
    other = tree("htb", htb(9000, ceil=10000))
    assert kbit_of("htb", htb(9000, ceil=10000)) == 0
    assert as_planned("eth0", other, notice("htb", htb(8000))) == other


@pytest.mark.parametrize("kind", SHAPES)
def test_without_an_adjuster(kind: str) -> None:
    """Where none runs, or it moves another device, all is as it is."""
    make = SHAPES[kind][0]
    moved = tree(kind, make(9000))
    assert as_planned("eth0", moved, None) == moved
    assert as_planned("wan0", moved, notice(kind, make(8000))) == moved

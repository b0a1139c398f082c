# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapers whose rate follows the uplink's: what a plan says of it, and what cannot be. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ADAPT = "adapt"
RATES = {
    "egress": ("egress_mbit", "egress_min_mbit", "egress_max_mbit"),
    "ingress": ("ingress_mbit", "ingress_min_mbit", "ingress_max_mbit"),
}
"""By direction: the shaper's field, and those of ``adapt`` with the least and the most."""
FAIR = ("cake", "fq_codel", "fq", "sfq")  # behind others the adjuster's pings wait for the traffic that they judge
DEFAULTS = {"delay_ms": 30, "interval_ms": 500}
INTERVAL_MIN_MS = 100  # whatever a policy allows
REFLECTORS_MAX = 8
KBIT = 1000


class Problem(NamedTuple):
    """What cannot be: where below ``changes``, what it is, and what to do."""

    path: tuple[str, ...]
    message: str
    hint: str


def adapting(changes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what changes say of adapting, ``None`` where they say nothing."""
    return (changes.get("shaper") or {}).get(ADAPT) or None


def limits(shaper: Mapping[str, Any]) -> dict[str, tuple[int, int, int]]:
    """Return (least, own, most) rate in kbit/s of each direction that adapts."""
    adapt = shaper[ADAPT]
    found = {}
    for direction, (rate, least, most) in RATES.items():
        if adapt.get(least) is not None:
            own = shaper[rate]
            each = (adapt[least], own, own if adapt.get(most) is None else adapt[most])
            found[direction] = tuple(round(value * KBIT) for value in each)
    return found


def problems(changes: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield why a shaper cannot adapt as changes say.

    Args:
        changes: of one plan, or of all that are in force on an interface.
    """
    adapt = adapting(changes)
    if adapt is None:
        return
    shaper, here = changes["shaper"], ("shaper", ADAPT)
    yield from _of_probes(adapt)
    if not any(adapt.get(least) is not None for _rate, least, _most in RATES.values()):
        yield Problem(here, "Nothing adapts", "Give egress_min_mbit, ingress_min_mbit, or both.")
    for direction, (rate, least, most) in RATES.items():
        if adapt.get(least) is None:
            if adapt.get(most) is not None:
                yield Problem((*here, most), f"{most} without {least}", f"Give {least} as well, or leave {most} out.")
            continue
        if shaper.get(rate) is None:
            yield Problem((*here, least), f"{least} without shaper.{rate}", f"Give shaper.{rate} as well.")
            continue
        yield from _of_rates(shaper, direction)
        yield from _of_tree(changes, direction)


def _of_probes(adapt: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the reflectors, and with how often they are asked."""
    import ipaddress  # noqa: PLC0415 - few shapers adapt

    here = ("shaper", ADAPT)
    reflectors = adapt.get("reflectors") or ()
    if not 1 <= len(reflectors) <= REFLECTORS_MAX:
        message = f"{len(reflectors)} reflectors, and 1 to {REFLECTORS_MAX} are wanted"
        yield Problem((*here, "reflectors"), message, "Name hosts beyond the uplink that answer pings.")
    for number, text in enumerate(reflectors):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            address = None
        if address is None or address.is_loopback or address.is_multicast or address.is_unspecified:
            message = f"{text} is not the address of a host beyond the uplink"
            yield Problem((*here, "reflectors", str(number)), message, "Write an IP address, not a name.")
    interval = adapt.get("interval_ms") or DEFAULTS["interval_ms"]
    if interval < INTERVAL_MIN_MS:
        message = f"Pings every {interval} ms, and {INTERVAL_MIN_MS} is the least"
        yield Problem((*here, "interval_ms"), message, "Use a longer interval.")


def _of_rates(shaper: Mapping[str, Any], direction: str) -> Iterator[Problem]:
    """Yield what is wrong with the rates of a direction."""
    rate, least, most = RATES[direction]
    adapt, here = shaper[ADAPT], ("shaper", ADAPT)
    own, low = shaper[rate], adapt[least]
    high = own if adapt.get(most) is None else adapt[most]
    if low > own:
        yield Problem((*here, least), f"{low:g} is above shaper.{rate}, {own:g}", f"Use {own:g} or less.")
    if high < own:
        yield Problem((*here, most), f"{high:g} is below shaper.{rate}, {own:g}", f"Use {own:g} or more.")
    for path, value in (((*here, least), low), (("shaper", rate), own), ((*here, most), high)):
        if abs(value * KBIT - round(value * KBIT)) > 1e-6:
            yield Problem(path, f"{value:g} Mbit/s is no whole number of kbit/s", "Use at most three decimals.")


def _of_tree(changes: Mapping[str, Any], direction: str) -> Iterator[Problem]:
    """Yield what of the tree of a direction stands in the way."""
    shaper, least = changes["shaper"], ("shaper", ADAPT, RATES[direction][1])
    ingress = changes.get("ingress") or {}
    qdisc = changes.get("qdisc") or {}
    classes = changes.get("htb_classes")
    if direction == "ingress":
        classes = ingress.get("htb_classes")
        qdisc = ingress.get("qdisc") or (qdisc.get("per_queue") or {} if qdisc.get("type") == "mq" else qdisc)
    elif shaper.get("ceil_mbit") is not None:
        yield Problem(least, "A shaper that adapts has one rate, and ceil_mbit is another", "Leave ceil_mbit out.")
    netem = changes.get("netem") or {}
    if netem and (netem.get("direction") or "egress") == direction and qdisc.get("type") == "cake":
        yield Problem(least, "Below netem cake is not the shaper at the root", "Use fq_codel, or leave netem out.")
    if classes:
        message = f"A shaper that adapts has no htb_classes for {direction}: what they are guaranteed would not adapt"
        yield Problem(least, message, "Leave the classes out, or use cake with diffserv.")
    elif qdisc.get("type") not in FAIR:
        message = f"A shaper that adapts needs a fair queue for {direction}, and has {qdisc.get('type') or 'none'}"
        yield Problem(least, message, f"Add changes.qdisc of type {', '.join(FAIR[:-1])} or {FAIR[-1]}.")

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Walks the replies of the controller's connection through the queues that a plan would set. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Tuple

from .._nft.class_maps import class_for, lookups
from .._plan.match_words import TCP_FLAGS, flags_of, mark_of
from .._tc.class_tree import ROOTS, classes_of, led
from .._tc.intent import MQ, Intent, intent
from .._tc.netem import is_for_some, lost_pct, spared, spares_ssh
from .._tc.parameters import as_number
from .connection import Flow, has_port, is_tcp, within
from .limits import IPV6_MTU_MIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._nft.class_maps import Lookup
    from .._tc.class_tree import Class

Found = Tuple[str, str, str]  # path, message, hint

RATE_MIN_MBIT = 0.064  # what a session over ssh needs: 8 kB a second
SHAPED = {
    "egress_mbit": "answers",
    "adapt.egress_min_mbit": "answers",
    "ingress_mbit": "requests",
    "adapt.ingress_min_mbit": "requests",
    "ceil_mbit": "answers",
}
"""Rates of a shaper, and what of a session has to do with them."""
FRAME_BYTES = 14  # of an Ethernet header, which queues count with a packet
ROUND_TRIPS = 8  # until a new connection over ssh runs a command
CONNECT_S = 10.0  # Ansible's default timeout for a new connection
LOSS_MAX_PCT = 50.0  # with more, a handshake of eight round trips rarely ends in time
DSCP_OF_SSH = (0, 8, 18)  # none until the login; OpenSSH since 7.8: CS1 for commands, AF21 for terminals


def starved_by_queues(
    changes: Mapping[str, Any], ifaces: Sequence[str], flow: Flow, within_s: float
) -> Iterator[Found]:
    """Yield the path, the message and the hint of everything that leaves the connection too little.

    Args:
        changes: normalised changes.
        ifaces: the plan's interfaces.
        flow: the controller's connection.
        within_s: seconds within which a new connection has to be had.
    """
    shared = [name for name in (*flow.leaves, *flow.under) if name in ifaces]
    wanted = intent(changes, ifaces)
    if not shared or not wanted:
        return
    if not _is_spared(wanted, flow, shared):
        yield from _impaired(wanted, flow, within_s)
    yield from _shaped(wanted, flow)
    yield from _queued(wanted, flow, mtu=int(changes.get("mtu") or flow.mtu))
    yield from _classed(changes, wanted, flow, shared)
    yield from _below_mq(changes, wanted, flow, shared)
    yield from _arriving(wanted, flow, shared, within_s)


def _is_spared(wanted: Intent, flow: Flow, shared: Sequence[str]) -> bool:
    """Return whether netem lets the answers pass: it is not for them, or they are known for what they are.

    A tunnel's outer packet is not, and a map sends packets to their class past the one that is spared.
    """
    netem = wanted.netem or {}
    if any(name in flow.under for name in shared):
        return False
    if netem.get("match") and not _matches(netem["match"], flow, None):
        return True
    known = wanted.filters or is_for_some(netem)
    named = [one for one in wanted.htb_classes if one["classid"] in (netem.get("classes") or ())]
    led = [match for one in named for match in one.get("match") or ()]
    return known and spares_ssh(netem, led) and any(_matches(match, flow, None) for match in spared(netem))


def _impaired(wanted: Intent, flow: Flow, within_s: float) -> Iterator[Found]:
    """Yield what netem does to every packet."""
    netem = wanted.netem or {}
    shares = {
        "loss_model" if netem.get("loss_model") else "loss_pct": lost_pct(netem),
        "corrupt_pct": min(100.0, as_number(netem.get("corrupt_pct") or 0)),
    }
    passes = 1.0
    for share in shares.values():
        passes *= 1 - share / 100
    hint = "Impair an interface that the controller does not come by, or impair less."
    if 100 * (1 - passes) > LOSS_MAX_PCT:
        worst = max(shares, key=lambda name: shares[name])
        yield (f"netem.{worst}", f"Losing {100 * (1 - passes):g} % of the packets would starve {flow.name}", hint)
    delay_s = (as_number(netem.get("delay_ms") or 0) + as_number(netem.get("delay_jitter_ms") or 0)) / 1000
    if delay_s >= CONNECT_S or delay_s * ROUND_TRIPS > within_s:
        yield (
            "netem.delay_ms",
            (
                f"A delay of {delay_s:g} s would starve {flow.name}: a new one takes {ROUND_TRIPS} round trips and has "
                f"to come within {min(within_s, CONNECT_S * ROUND_TRIPS):.0f} s"
            ),
            hint,
        )
    if netem.get("rate_mbit") and as_number(netem["rate_mbit"]) < RATE_MIN_MBIT:
        message = f"A link of {as_number(netem['rate_mbit']):g} Mbit/s would starve {flow.name}"
        yield "netem.rate_mbit", message, f"Allow {RATE_MIN_MBIT} Mbit/s or more."
    limit = netem.get("limit")
    if limit is not None and delay_s > 0 and limit * flow.mtu * 8 / delay_s < RATE_MIN_MBIT * 1e6:
        yield (
            "netem.limit",
            f"A queue of {limit} packets with {delay_s:g} s of delay would starve {flow.name}",
            "Raise netem.limit, or leave it out.",
        )


def _shaped(wanted: Intent, flow: Flow) -> Iterator[Found]:
    """Yield the directions that are shaped to too little, or may come to be."""
    shaper = wanted.shaper or {}
    rates = {**shaper, **{f"adapt.{name}": rate for name, rate in (shaper.get("adapt") or {}).items()}}
    for name, words in SHAPED.items():
        rate = rates.get(name)
        if rate is not None and as_number(rate) < RATE_MIN_MBIT:
            yield (
                f"shaper.{name}",
                f"{as_number(rate):g} Mbit/s for the {words} would starve {flow.name}",
                f"Allow {RATE_MIN_MBIT} Mbit/s or more.",
            )


def _queued(wanted: Intent, flow: Flow, *, mtu: int) -> Iterator[Found]:
    """Yield what the chosen qdisc keeps from passing."""
    if wanted.qdisc:
        yield from _narrow(wanted.qdisc, "qdisc", flow, mtu)


def _narrow(qdisc: Mapping[str, Any], path: str, flow: Flow, mtu: int) -> Iterator[Found]:
    """Yield the parameters of a qdisc that are too small for a session."""
    kind, params = qdisc["type"], qdisc.get("params") or {}
    rates = {"tbf": ("rate_mbit", "peakrate_mbit"), "fq": ("maxrate_mbit",), "cake": ("bandwidth_mbit",)}
    for name in rates.get(kind, ()):
        rate = params.get(name)
        if rate is not None and as_number(rate) < RATE_MIN_MBIT:
            yield (
                f"{path}.params.{name}",
                f"{as_number(rate):g} Mbit/s would starve {flow.name}",
                f"Allow {RATE_MIN_MBIT} Mbit/s or more.",
            )
    sizes = {"tbf": ("burst_bytes", "limit_bytes"), "bfifo": ("limit_bytes",)}
    for name in sizes.get(kind, ()):
        size = params.get(name)
        if size is not None and as_number(size) < mtu + FRAME_BYTES:
            yield (
                f"{path}.params.{name}",
                (
                    f"{kind} would drop every packet of more than {as_number(size):g} bytes, and {flow.name} sends "
                    f"up to {mtu + FRAME_BYTES}"
                ),
                f"Use {mtu + FRAME_BYTES} or more.",
            )
    if kind in ("pfifo", "fq", "sfq", "fq_codel") and params.get("limit") == 0:
        yield (f"{path}.params.limit", f"A queue of no packets would block {flow.name}", "Use 1 or more.")


def _classed(changes: Mapping[str, Any], wanted: Intent, flow: Flow, shared: Sequence[str]) -> Iterator[Found]:
    """Yield the classes that the answers fall into and that are too small for them."""
    if not wanted.htb_classes:
        return
    everything, default = classes_of(wanted)
    by_name = {one["classid"]: one for one in everything}
    told = set()
    found = [] if wanted.filters else lookups(wanted.htb_classes, wanted.ifaces)
    for device in shared:
        for dscp in _marks(changes, flow):
            if wanted.filters:
                name = _class_of(wanted, everything, default, flow, dscp=dscp, hidden=device in flow.under)
            else:  # the table sees the interface that a packet is routed to, not those below
                name = _looked_up(found, flow, dscp) if device in flow.arrives else None
                name = _leaf(everything, name, default)
            if name is None or name in told:
                continue
            told.add(name)
            yield from _small(name, by_name, wanted, flow, mtu=int(changes.get("mtu") or flow.mtu))


def _below_mq(changes: Mapping[str, Any], wanted: Intent, flow: Flow, shared: Sequence[str]) -> Iterator[Found]:
    """Yield what is too small in any of the queues below mq: the answers may leave by each."""
    if wanted.kind != MQ or not wanted.of_queue.qdisc:
        return
    queue = replace(wanted.of_queue, netem=None)
    found = [*_queued(queue, flow, mtu=int(changes.get("mtu") or flow.mtu)), *_classed(changes, queue, flow, shared)]
    for path, message, hint in found:
        yield f"qdisc.per_queue.{path.partition('qdisc.')[2] or path}", message, hint


def _arriving(wanted: Intent, flow: Flow, shared: Sequence[str], within_s: float) -> Iterator[Found]:
    """Yield what netem does to the requests, and the classes and the queue that are too small for them."""
    own = wanted.ingress or {}
    there = wanted.arriving
    requests = replace(
        flow, local=flow.remote, local_port=flow.remote_port or 0, remote=flow.local, remote_port=flow.local_port
    )
    if not _is_spared(there, requests, shared):
        yield from _impaired(there, flow, within_s)
    if own.get("qdisc"):
        yield from _narrow(own["qdisc"], "ingress.qdisc", flow, flow.mtu)
    if not own.get("htb_classes"):
        return
    everything, default = classes_of(there)
    by_name = {one["classid"]: one for one in everything}
    hidden = all(name in flow.under for name in shared)
    names = [_class_of(there, everything, default, requests, dscp=dscp, hidden=hidden) for dscp in DSCP_OF_SSH]
    for name in dict.fromkeys(names):
        if name is not None:
            for path, message, _hint in _small(name, by_name, there, flow, mtu=flow.mtu):
                told = message.replace("The answers of", "The requests of", 1)
                hint = f"Give the class {RATE_MIN_MBIT} Mbit/s or more, or one of its own to port {flow.local_port}."
                yield f"ingress.{path}", told, hint


def _small(
    name: str, by_name: Mapping[str, Mapping[str, Any]], wanted: Intent, flow: Flow, *, mtu: int
) -> Iterator[Found]:
    """Yield why a class is too small: its own rate, or the ceiling of it or of one above it."""
    index = next((i for i, one in enumerate(wanted.htb_classes) if one["classid"] == name), None)
    path = "shaper" if index is None else f"htb_classes[{index}]"
    one: Mapping[str, Any] | None = by_name[name]
    rate = as_number(by_name[name]["rate_mbit"])
    ceil = rate if by_name[name].get("ceil_mbit") is None else as_number(by_name[name]["ceil_mbit"])
    while one is not None:
        ceil = min(ceil, as_number(one.get("ceil_mbit") or one["rate_mbit"]))
        one = None if one["parent"] in ROOTS else by_name.get(one["parent"])
    if min(rate, ceil) < RATE_MIN_MBIT:
        word = "at most" if ceil < RATE_MIN_MBIT else "no more than"
        yield (
            path,
            (
                f"The answers of {flow.name} would fall into class {name}, which is sure of {word} {min(rate, ceil):g} "
                "Mbit/s, and would starve"
            ),
            (
                f"Give the class {RATE_MIN_MBIT} Mbit/s or more, or a class of its own to what leaves port "
                f"{flow.local_port}: match: [{{proto: tcp, sports: ['{flow.local_port}']}}]."
            ),
        )
    leaf = by_name[name].get("leaf")
    if leaf:
        yield from _narrow(leaf, f"{path}.leaf", flow, mtu)


def _class_of(
    wanted: Intent, everything: Sequence[Class], default: str | None, flow: Flow, *, dscp: int, hidden: bool
) -> str | None:
    """Return the class that an answer falls into, ``None`` for the queue that is not shaped."""
    inner = {one["parent"] for one in everything}
    found = default
    if not hidden:  # below a tunnel filters see another flow
        for one in led(wanted, everything):
            if any(_matches(match, flow, dscp) for match in one["match"]):
                found = default if one["classid"] in inner else one["classid"]
                break
    numbers = {_minor(one["classid"]): one["classid"] for one in everything if one["classid"] not in inner}
    return None if found is None else numbers.get(_minor(found))


def _looked_up(found: Sequence[Lookup], flow: Flow, dscp: int) -> str | None:
    """Return the class that an answer finds in the maps."""

    def value_of(expression: str) -> str | None:
        word, _and, mask = expression.partition(" & ")
        if word in ("meta l4proto", "meta mark"):
            return "tcp" if word == "meta l4proto" else "0x00000000"
        if word in ("th sport", "th dport"):
            port = flow.local_port if word == "th sport" else flow.remote_port
            return None if port is None else str(port)
        family, side = word.split()
        if (family == "ip") is not (flow.family == 4):
            return None
        one = flow.local if side == "saddr" else flow.remote
        return str(type(one)(int(one) & int(type(one)(mask)))) if mask else str(one)

    return class_for(found, value_of, lambda match: _matches(match, flow, dscp))


def _leaf(everything: Sequence[Mapping[str, Any]], found: str | None, default: str | None) -> str | None:
    """Return the class in which packets wait that were sent to one; one with classes below it is passed over."""
    inner = {one["parent"] for one in everything}
    numbers = {_minor(one["classid"]): str(one["classid"]) for one in everything if one["classid"] not in inner}
    for name in (found, default):
        if name is not None and _minor(name) in numbers:
            return numbers[_minor(name)]
    return None


def _minor(classid: Any) -> int:
    return int(str(classid).rpartition(":")[2] or "0", 16)


def _matches(match: Mapping[str, Any], flow: Flow, dscp: int | None) -> bool:
    """Return whether a match is about the answers of the connection. They carry no mark of the firewall's."""
    return (
        is_tcp(match.get("proto"))
        and has_port(flow.local_port, match.get("sports") or ())
        and has_port(flow.remote_port, match.get("dports") or ())
        and within(flow.local, match.get("src"))
        and within(flow.remote, match.get("dst"))
        and match.get("dscp") in (None, dscp)
        and not (mark_of(match.get("fwmark") or 0) or (0, 0))[0]
        and _in_words(match)
    )


def _in_words(match: Mapping[str, Any]) -> bool:
    """Return whether a match is about full packets of a session that root's sshd sends: ACK is set, no priority."""
    value, mask = flags_of(match["tcp_flags"]) or (0, 0) if match.get("tcp_flags") else (0, 0)
    return (
        value == mask & TCP_FLAGS["ack"]
        and int(match.get("max_length") or IPV6_MTU_MIN) >= IPV6_MTU_MIN
        and not match.get("skb_priority")
        and not match.get("uid")
    )


def _marks(changes: Mapping[str, Any], flow: Flow) -> Tuple[int, ...]:
    """Return the code points that answers may have: the one that the plan sets, or those of ssh."""
    for entry in changes.get("dscp") or ():
        if _matches({**(entry.get("match") or {}), "dscp": None, "fwmark": None}, flow, None):
            return (int(entry["dscp"]),)
    return DSCP_OF_SSH

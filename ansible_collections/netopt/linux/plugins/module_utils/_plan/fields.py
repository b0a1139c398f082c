# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shape of a plan as one table: its fields, their kinds and words, and which of them must be there.

What it says is what the JSON schema of ``ParameterPlan`` on the controller says; ``tests/contract`` holds the two
together. Bounds and what fields mean to each other are the policy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .dscp import DSCP_NAMES
from .match_words import NOT, TCP_FLAGS
from .nic_words import CHANNELS, COALESCE_FLAGS, COALESCE_NUMBERS, MAX, NIC, PAUSE, RINGS, STEERING
from .routes import DST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Union

    Shape = Union[str, "Words", "ListOf", "MapOf", "Record", "ByType", "Either"]

BY_KEY = ("sysctl", "offloads")  # fields of changes of which each key is a section of its own

TEXT = "text"
WHOLE = "a whole number"
NUMBER = "a number"
FLAG = "true or false"


class Words(NamedTuple):
    """One of a few words."""

    words: tuple[str, ...]


class ListOf(NamedTuple):
    """A list."""

    item: Shape


class MapOf(NamedTuple):
    """An object with any keys, whose values may be null where ``null`` says so."""

    value: Shape
    null: bool = False


class Field(NamedTuple):
    """What may stand at a key.

    Attributes:
        shape: of the value.
        required: whether the key must be there.
        null: whether null stands for a key that is left out.
    """

    shape: Shape
    required: bool = False
    null: bool = False


class Record(NamedTuple):
    """An object with known keys.

    Attributes:
        fields: by key.
        aliases: other names of keys.
    """

    fields: Mapping[str, Field]
    aliases: Mapping[str, str] = {}


class ByType(NamedTuple):
    """An object whose keys depend on its ``type``."""

    records: Mapping[str, Record]


class Either(NamedTuple):
    """A value that may be written in several ways."""

    shapes: tuple[Shape, ...]


def _one_of(*words: str) -> Words:
    return Words(words)


def _must(shape: Shape) -> Field:
    """Return a field that every plan has to give."""
    return Field(shape, required=True)


def _may(shape: Shape) -> Field:
    """Return a field that a plan may leave out, or set to null."""
    return Field(shape, null=True)


def _each(shape: Shape, *names: str) -> dict[str, Field]:
    """Return several fields of one shape that a plan may leave out."""
    return {name: _may(shape) for name in names}


_DSCP = Either((WHOLE, Words((*(name.upper() for name in DSCP_NAMES), *DSCP_NAMES))))
_PORTS = Either((WHOLE, TEXT, ListOf(Either((WHOLE, TEXT)))))
_NUMBER_OR_TEXT = Either((WHOLE, TEXT))  # sizes with units, marks in hexadecimal, values of kernel parameters
_PORT_PROTOCOL = _one_of("tcp", "udp", "sctp")
_PROTOCOL = _one_of("tcp", "udp", "icmp", "icmpv6", "sctp")

_PARAMS = {
    "fq": {
        **_each(WHOLE, "limit", "flow_limit", "quantum", "initial_quantum", "buckets", "refill_delay_us"),
        **_each(WHOLE, "low_rate_threshold_kbit", "ce_threshold_us", "timer_slack_ns", "horizon_ms"),
        **_each(NUMBER, "maxrate_mbit"),
        **_each(FLAG, "pacing", "horizon_drop"),
    },
    "fq_codel": {
        **_each(WHOLE, "limit", "flows", "target_us", "interval_us", "quantum", "ce_threshold_us"),
        **_each(WHOLE, "memory_limit_bytes", "drop_batch"),
        **_each(FLAG, "ecn"),
    },
    "cake": {
        **_each(NUMBER, "bandwidth_mbit", "rtt_ms"),
        "diffserv": _may(_one_of("besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8")),
        "isolation": _may(
            _one_of(
                *("flowblind", "srchost", "dsthost", "hosts", "flows"),
                *("dual-srchost", "dual-dsthost", "triple-isolate"),
            )
        ),
        "ack_filter": _may(_one_of("no", "yes", "aggressive")),
        "atm": _may(_one_of("noatm", "atm", "ptm")),
        **_each(FLAG, "nat", "wash", "split_gso", "ingress"),
        **_each(WHOLE, "overhead", "mpu", "memlimit_bytes"),
    },
    "htb": {**_each(TEXT, "default"), **_each(WHOLE, "r2q", "direct_qlen")},
    "sfq": {
        **_each(WHOLE, "perturb_s", "quantum", "limit", "depth", "flows", "divisor"),
        **_each(FLAG, "headdrop"),
    },
    "tbf": {
        "rate_mbit": _must(NUMBER),
        "burst_bytes": _must(WHOLE),
        **_each(NUMBER, "latency_ms", "peakrate_mbit"),
        **_each(WHOLE, "limit_bytes", "mtu_bytes"),
    },
    "pfifo": _each(WHOLE, "limit"),
    "bfifo": _each(WHOLE, "limit_bytes"),
    "pfifo_fast": {},
}
_QDISCS = {
    name: Record({"type": _must(_one_of(name)), "params": Field(Record(params), required=name == "tbf")})
    for name, params in _PARAMS.items()
}
_QDISC = ByType(_QDISCS)
_LEAF = ByType({name: record for name, record in _QDISCS.items() if name != "htb"})

_MATCH = {
    "proto": _may(_PROTOCOL),
    **_each(_PORTS, "sports", "dports"),
    **_each(TEXT, "src", "dst"),
}
_TCP_FLAG = Words(tuple(sign + name for name in TCP_FLAGS for sign in ("", NOT)))
_CLASS_MATCH = {
    **_MATCH,
    "fwmark": _may(_NUMBER_OR_TEXT),
    "dscp": _may(_DSCP),
    "tcp_flags": _may(Either((_TCP_FLAG, ListOf(_TCP_FLAG)))),
    **_each(WHOLE, "max_length", "skb_priority", "uid"),
}
_HTB_CLASS = {
    "classid": _must(TEXT),
    "parent": _may(TEXT),
    "rate_mbit": _must(NUMBER),
    "ceil_mbit": _may(NUMBER),
    "priority": _may(WHOLE),
    **_each(_NUMBER_OR_TEXT, "burst", "cburst"),
    "quantum": _may(WHOLE),
    "leaf": _may(_LEAF),
    "match": _may(ListOf(Record(_CLASS_MATCH))),
}
_QUEUE = ByType(
    {
        name: Record(
            {
                **record.fields,
                **(
                    {"htb_classes": _may(ListOf(Record(_HTB_CLASS))), "default_class": _may(TEXT)}
                    if name == "htb"
                    else {}
                ),
            }
        )
        for name, record in _QDISCS.items()
    }
)
_MQ = Record({"type": _must(_one_of("mq")), "params": Field(Record({})), "per_queue": _may(_QUEUE)})
_ROOT = ByType({**_QDISCS, "mq": _MQ})
_ADAPT = {
    "reflectors": _must(ListOf(TEXT)),
    **_each(NUMBER, "egress_min_mbit", "egress_max_mbit", "ingress_min_mbit", "ingress_max_mbit", "delay_ms"),
    "interval_ms": _may(WHOLE),
}
_SHAPER = {
    **_each(NUMBER, "egress_mbit", "ingress_mbit", "ceil_mbit"),
    **_each(WHOLE, "overhead_bytes", "mpu"),
    "linklayer": _may(_one_of("ethernet", "atm", "ptm")),
    "adapt": _may(Record(_ADAPT)),
}
_INGRESS = {
    "qdisc": _may(_QDISC),
    "htb_classes": _may(ListOf(Record(_HTB_CLASS))),
    "default_class": _may(TEXT),
}
_LOSS_MODELS = {
    "gemodel": {"p_pct": _must(NUMBER), **_each(NUMBER, "r_pct", "bad_loss_pct", "good_loss_pct")},
    "state": {"p13_pct": _must(NUMBER), **_each(NUMBER, "p31_pct", "p32_pct", "p23_pct", "p14_pct")},
}
_NETEM = {
    **_each(NUMBER, "delay_ms", "delay_jitter_ms", "delay_correlation_pct", "loss_pct", "loss_correlation_pct"),
    **_each(NUMBER, "duplicate_pct", "corrupt_pct", "reorder_pct", "rate_mbit"),
    **_each(NUMBER, "duplicate_correlation_pct", "corrupt_correlation_pct", "reorder_correlation_pct"),
    "distribution": _may(_one_of("uniform", "normal", "pareto", "paretonormal")),
    "loss_model": _may(
        ByType({name: Record({"type": _must(_one_of(name)), **chances}) for name, chances in _LOSS_MODELS.items()})
    ),
    **_each(WHOLE, "limit", "duration_s"),
    "direction": _may(_one_of("egress", "ingress")),
    "match": _may(Record(_MATCH)),
    "classes": _may(ListOf(TEXT)),
}
_CONNECTION_LIMIT = {
    "protocol": _must(_PORT_PROTOCOL),
    "port": _may(WHOLE),
    "ports": _may(_PORTS),
    "limit": _must(WHOLE),
    "mask": Field(WHOLE),
    "action": Field(_one_of("reject", "drop")),
    **_each(ListOf(TEXT), "src", "except"),
}
_RATE_LIMIT = {
    "rate": _must(TEXT),
    **_each(WHOLE, "burst", "port"),
    "ports": _may(_PORTS),
    "protocol": _may(_PROTOCOL),
    "per_source": Field(FLAG),
    "per": Field(_one_of("connections", "packets")),
    "icmp_type": _may(_NUMBER_OR_TEXT),
    **_each(ListOf(TEXT), "src", "except"),
}
_CONNECTION_TRACKING = {
    **_each(WHOLE, "max_connections", "tcp_timeout_established", "tcp_timeout_close_wait"),
    **_each(FLAG, "accept_established", "drop_invalid"),
}
_NAT_RULE = {
    "type": _must(_one_of("snat", "dnat", "masquerade")),
    "protocol": _may(_PORT_PROTOCOL),
    **_each(TEXT, "iface", "src", "dst", "to_addr"),
    **_each(WHOLE, "port", "to_port"),
}
_COUNT = Either((WHOLE, Words((MAX,))))
_NIC = {
    "rings": _may(Record(_each(_COUNT, *RINGS))),
    "coalesce": _may(Record({**_each(FLAG, *COALESCE_FLAGS), **_each(WHOLE, *COALESCE_NUMBERS)})),
    "channels": _may(Record(_each(_COUNT, *CHANNELS))),
    "pause": _may(Record(_each(FLAG, *PAUSE))),
    "txqueuelen": _may(WHOLE),
    "promisc": _may(FLAG),
}
_STEERING = {**_each(TEXT, "rps_cpus", "xps_cpus"), **_each(WHOLE, "rps_flow_cnt", "rfs_entries")}

_ROUTE = {
    DST: _must(TEXT),
    **_each(WHOLE, "initcwnd", "initrwnd", "rto_min_ms"),
    "quickack": _may(FLAG),
    "congctl": _may(TEXT),
}

_CHANGES = {
    "sysctl": _may(MapOf(_NUMBER_OR_TEXT, null=True)),
    "qdisc": _may(_ROOT),
    "shaper": _may(Record(_SHAPER)),
    "ingress": _may(Record(_INGRESS)),
    "netem": _may(Record(_NETEM)),
    "htb_classes": _may(ListOf(Record(_HTB_CLASS))),
    "default_class": _may(TEXT),
    "dscp": _may(ListOf(Record({"match": _must(Record(_MATCH)), "dscp": _must(_DSCP)}))),
    "connection_limits": _may(ListOf(Record(_CONNECTION_LIMIT))),
    "rate_limits": _may(ListOf(Record(_RATE_LIMIT))),
    "connection_tracking": _may(Record(_CONNECTION_TRACKING)),
    "nat_rules": _may(ListOf(Record(_NAT_RULE))),
    "offloads": _may(MapOf(FLAG, null=True)),
    "mtu": _may(WHOLE),
    NIC: _may(Record(_NIC)),
    STEERING: _may(Record(_STEERING)),
    "routes": _may(ListOf(Record(_ROUTE))),
}
_LINK = {"up_mbit": _must(NUMBER), "down_mbit": _must(NUMBER), "overhead_bytes": _may(WHOLE)}
_INTERFACES = Record({**_each(TEXT, "driver", "type"), "min_speed_mbit": _may(WHOLE)})
_VALIDATE = {
    "targets": Field(Record({**_each(ListOf(TEXT), "ping", "tcp"), "iperf": _may(TEXT)})),
    "objectives": Field(
        Record(
            _each(NUMBER, "latency_p95_ms", "jitter_ms", "loss_pct", "throughput_mbps", "max_regression_pct"),
        )
    ),
    "duration_s": _may(WHOLE),
}

PLAN = Record(
    {
        "name": _may(TEXT),
        "iface": _must(Either((TEXT, _INTERFACES, ListOf(Either((TEXT, _INTERFACES)))))),
        "profile": _may(TEXT),
        "link": _may(Record(_LINK)),
        "changes": Field(Record(_CHANGES)),
        "validate": _may(Record(_VALIDATE)),
        "rationale": Field(Either((TEXT, ListOf(TEXT)))),
    },
    aliases={"validation": "validate"},
)

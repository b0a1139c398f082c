# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words a qdisc's parameters as tc takes them, unit included. Pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from .._common.errors import NetoptError

Words = List[str]
Word = Callable[[str, Any], Words]

TBF_LATENCY_MS = 50
MS_OF_RATE = 10  # a tbf without a burst gets what its rate sends in so many milliseconds
SMALLEST_TBF_BURST = 10000


def number(value: Any) -> str:
    """Return a number without exponent and without needless digits: ``12``, ``0.5``.

    Raises:
        NetoptError: it is no number.
    """
    return str(value) if isinstance(value, int) else f"{as_number(value):.6f}".rstrip("0").rstrip(".")


def as_number(value: Any) -> float:
    """Return a plan's value as a number; text is accepted, since templates make text.

    Raises:
        NetoptError: it is no number.
    """
    try:
        return float(value)
    except (TypeError, ValueError):
        raise NetoptError(
            f"{value} is no number",
            stage="plan",
            key="tc",
            wanted=str(value),
            hint="Give a number in the field's unit.",
        ) from None


def _unit(unit: str, name: str | None = None) -> Word:
    """Return how a number with a unit is worded; ``name`` where tc's word is another."""
    return lambda field, value: [name or field, number(value) + unit]


def _flag(on: str, off: str | None) -> Word:
    """Return how a switch is worded; ``None`` where tc has no word for off."""
    return lambda _field, value: [on] if value else [off] if off else []


def _choice(words: Mapping[str, str]) -> Word:
    """Return how one of several words is said; ``words`` maps what a plan says to what tc says."""

    def word(field: str, value: Any) -> Words:
        said = ("yes" if value else "no") if isinstance(value, bool) else str(value)
        if said not in words:
            raise NetoptError(
                f"{field} cannot be {value}",
                stage="plan",
                key=f"qdisc.params.{field}",
                wanted=str(value),
                hint="One of " + ", ".join(words) + ".",
            )
        return [words[said]]

    return word


_ACK_FILTER = {"no": "no-ack-filter", "yes": "ack-filter", "aggressive": "ack-filter-aggressive"}
_DIFFSERV = ("besteffort", "precedence", "diffserv3", "diffserv4", "diffserv8")
_ISOLATION = (
    *("flowblind", "srchost", "dsthost", "hosts", "flows"),
    *("dual-srchost", "dual-dsthost", "triple-isolate"),
)
_ATM = ("noatm", "atm", "ptm")
_PLAIN = _unit("")
PARAMETERS: Dict[str, Dict[str, Word]] = {
    "fq": {
        "limit": _PLAIN,
        "flow_limit": _PLAIN,
        "quantum": _PLAIN,
        "initial_quantum": _PLAIN,
        "maxrate_mbit": _unit("mbit", "maxrate"),
        "buckets": _PLAIN,
        "refill_delay_us": _unit("us", "refill_delay"),
        "pacing": _flag("pacing", "nopacing"),
        "low_rate_threshold_kbit": _unit("kbit", "low_rate_threshold"),
        "ce_threshold_us": _unit("us", "ce_threshold"),
        "timer_slack_ns": _unit("ns", "timer_slack"),
        "horizon_ms": _unit("ms", "horizon"),
        "horizon_drop": _flag("horizon_drop", "horizon_cap"),
    },
    "fq_codel": {
        "limit": _PLAIN,
        "flows": _PLAIN,
        "target_us": _unit("us", "target"),
        "interval_us": _unit("us", "interval"),
        "quantum": _PLAIN,
        "ecn": _flag("ecn", "noecn"),
        "ce_threshold_us": _unit("us", "ce_threshold"),
        "memory_limit_bytes": _unit("b", "memory_limit"),
        "drop_batch": _PLAIN,
    },
    "cake": {
        "bandwidth_mbit": _unit("mbit", "bandwidth"),
        "diffserv": _choice({word: word for word in _DIFFSERV}),
        "isolation": _choice({word: word for word in _ISOLATION}),
        "nat": _flag("nat", "nonat"),
        "wash": _flag("wash", "nowash"),
        "ack_filter": _choice(_ACK_FILTER),
        "split_gso": _flag("split-gso", "no-split-gso"),
        "rtt_ms": _unit("ms", "rtt"),
        "atm": _choice({word: word for word in _ATM}),
        "overhead": _PLAIN,
        "mpu": _PLAIN,
        "ingress": _flag("ingress", "egress"),
        "memlimit_bytes": _unit("b", "memlimit"),
    },
    "htb": {
        "default": lambda _field, value: ["default", str(value).rpartition(":")[2]],
        "r2q": _PLAIN,
        "direct_qlen": _PLAIN,
    },
    "sfq": {
        "perturb_s": _unit("", "perturb"),
        "quantum": _PLAIN,
        "limit": _PLAIN,
        "depth": _PLAIN,
        "flows": _PLAIN,
        "divisor": _PLAIN,
        "headdrop": _flag("headdrop", None),
    },
    "tbf": {
        "rate_mbit": _unit("mbit", "rate"),
        "burst_bytes": _unit("b", "burst"),
        "latency_ms": _unit("ms", "latency"),
        "limit_bytes": _unit("b", "limit"),
        "peakrate_mbit": _unit("mbit", "peakrate"),
        "mtu_bytes": _unit("b", "mtu"),
    },
    "pfifo": {"limit": _PLAIN},
    "bfifo": {"limit_bytes": _unit("b", "limit")},
    "pfifo_fast": {},
    "mq": {},
}


def qdisc_words(kind: str, params: Mapping[str, Any]) -> Words:
    """Return ``kind`` and its parameters as tc takes them.

    Raises:
        NetoptError: an unknown kind or parameter, or one that is missing.
    """
    known = PARAMETERS.get(kind)
    if known is None:
        raise NetoptError(
            f"Unknown qdisc {kind}",
            stage="plan",
            key="qdisc.type",
            wanted=kind,
            hint="Known: " + ", ".join(PARAMETERS) + ".",
        )
    unknown = sorted(set(params) - set(known))
    if unknown:
        raise NetoptError(
            f"The qdisc {kind} has no parameter {unknown[0]}",
            stage="plan",
            key=f"qdisc.params.{unknown[0]}",
            hint="Known: " + (", ".join(known) or "none") + ".",
        )
    values = dict(params)
    if kind == "tbf":
        if "rate_mbit" not in values:
            raise NetoptError(
                "The qdisc tbf needs a rate", stage="plan", key="qdisc.params.rate_mbit", hint="Set rate_mbit."
            )
        values.setdefault(
            "burst_bytes", max(SMALLEST_TBF_BURST, int(as_number(values["rate_mbit"]) * 125 * MS_OF_RATE))
        )
        if "limit_bytes" not in values:
            values.setdefault("latency_ms", TBF_LATENCY_MS)
    return [
        kind,
        *(word for field in known if values.get(field) is not None for word in known[field](field, values[field])),
    ]


def stab_words(shaper: Mapping[str, Any]) -> Words:
    """Return how tc takes what the link adds to packets, for a qdisc that does not know by itself.

    Raises:
        NetoptError: a link that the kernel's table of sizes cannot say.
    """
    known = (("mpu", "mpu"), ("overhead_bytes", "overhead"), ("linklayer", "linklayer"))
    words = [word for field, name in known if shaper.get(field) is not None for word in (name, str(shaper[field]))]
    if shaper.get("linklayer") == "ptm":
        raise NetoptError(
            "shaper.linklayer: only cake knows ptm",
            stage="plan",
            key="shaper.linklayer",
            wanted="ptm",
            hint="Use qdisc cake; or ethernet, and 64/65 of the rate.",
        )
    return ["stab", *words] if words else []


def cake_of_link(shaper: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the parameters by which cake takes what the link adds to packets."""
    layers = {None: None, "ethernet": "noatm"}
    layer = shaper.get("linklayer")
    found = {"overhead": shaper.get("overhead_bytes"), "mpu": shaper.get("mpu"), "atm": layers.get(layer, layer)}
    return {name: value for name, value in found.items() if value is not None}

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only the host can tell: constraints over a plan's changes and the host's facts.

Each check has the id of the constraint in the policy's ``rules.yaml`` that explains it.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from .._lockout.connection import address, has_port, is_counted
from .._nft.match import ports_of
from .class_reach import classes_missed_on_top, netem_on_management, ports_miss_fragments
from .misses import FORWARDING, families_of, forwards, misses, takes_transit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Changes = Mapping[str, Any]
    Facts = Mapping[str, Any]

    from .._lockout.connection import Address

IPV6_MTU_MIN = 1280  # RFC 8200, section 5
NETEM_LABEL = "netem"
SSH_PORT = 22
_IP_FORWARD = "net.ipv4.ip_forward"
_CONNTRACK_MAX = "net.netfilter.nf_conntrack_max"
_MEETS_CONNECTIONS = (
    "connection_limits",
    "rate_limits",
    "nat_rules",
    "connection_tracking",
    "mtu",
    "qdisc",
    "shaper",
    "ingress",
    "netem",
    "htb_classes",
)
_FORWARDING = (_IP_FORWARD, "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")


def meets_connections(changes: Changes) -> bool:
    """Return whether changes set anything that a connection to the host meets on its way."""
    return any(changes.get(name) for name in _MEETS_CONNECTIONS) or _CONNTRACK_MAX in changes.get("sysctl", {})


def preflight(changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]) -> list[dict[str, str]]:
    """Return what speaks against changes on this host, errors and warnings alike.

    Args:
        changes: normalised changes, adapted to the host.
        ifaces: the plan's interfaces, ``auto`` resolved.
        facts: the host's facts, and as ``confirm_timeout_s`` the seconds within which the change has to be confirmed.
        labels: the host's labels from the inventory.

    Returns:
        ``{id, path, message, severity, hint}`` each; ``severity`` is ``error`` or ``warning``.
    """
    issues: list[dict[str, str]] = []
    for check in CHECKS.values():
        issues.extend(check(changes, ifaces, facts, labels))
    return issues


def _issue(name: str, path: str, message: str, hint: str, severity: str = "error") -> dict[str, str]:
    """Return one issue."""
    return {"id": name, "path": path, "message": message, "severity": severity, "hint": hint}


def _forwards(changes: Changes, facts: Facts) -> str | None:
    """Return the key by which the host forwards packets once the plan holds, ``None`` when it does not."""
    for key in _FORWARDING:
        value = changes.get("sysctl", {}).get(key, facts.get("sysctl", {}).get(key))
        if value is not None and str(value).strip() not in ("", "0"):
            return key
    return None


def _lro_with_forwarding(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """LRO merges packets in a way that forwarding cannot undo; the kernel turns it off."""
    del ifaces, labels
    key = _forwards(changes, facts)
    if changes.get("offloads", {}).get("lro") is True and key:
        yield _issue(
            "lro_with_forwarding",
            "changes.offloads.lro",
            f"Large receive offload cannot be on while the host forwards packets ({key})",
            "Leave lro out or set it to false; gro does the same work and can be forwarded.",
        )


def _nat_without_forwarding(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Packets for others are translated only when they are forwarded at all, each IP version by itself."""
    del ifaces, labels
    rules = changes.get("nat_rules") or ()
    for family, key in FORWARDING.items():
        wanted = [index for index, rule in enumerate(rules) if families_of(rule) == {family}]
        if not wanted or forwards(family, changes, facts):
            continue
        yield _issue(
            "nat_without_forwarding",
            f"changes.nat_rules[{wanted[0]}]",
            f"Address translation needs forwarding, and this host does not forward IPv{family}",
            f"Add {key}: 1 to changes.sysctl.",
        )


def _dnat_takes_transit(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Without an address, what is for others is taken too."""
    del ifaces, facts, labels
    for path, message, hint in takes_transit(changes):
        yield _issue("dnat_takes_transit", f"changes.{path}", message, hint, "warning")


def _packets_missed(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """A rule that no packet meets protects nothing."""
    del labels
    for path, message, hint in misses(changes, ifaces, facts):
        yield _issue("packets_missed", f"changes.{path}", message, hint, "warning")


def _mtu_below_ipv6_minimum(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Below 1280 the kernel takes every IPv6 address and route off the interface."""
    del ifaces, labels
    mtu = changes.get("mtu")
    if mtu is not None and mtu < IPV6_MTU_MIN and facts.get("ipv6"):
        yield _issue(
            "mtu_below_ipv6_minimum",
            "changes.mtu",
            f"An MTU of {mtu} would remove every IPv6 address and route of the interface",
            f"Use {IPV6_MTU_MIN} or more, or turn IPv6 off on this host first.",
        )


def _netem_unlabelled_host(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Impairments are for hosts that were set aside for them."""
    del ifaces, facts
    if changes.get("netem") and NETEM_LABEL not in labels:
        yield _issue(
            "netem_unlabelled_host",
            "changes.netem",
            "This host is not labelled for impairments",
            f"Add '{NETEM_LABEL}' to netopt_labels of the host in the inventory, or leave the host out.",
        )


def _limit_on_management_port(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """A limit that counts new management connections can keep the operator out."""
    del ifaces, labels
    management = facts.get("management") or {}
    port = int(management.get("local_port") or SSH_PORT)
    remote = address(management.get("remote_addr"))
    hint = "Established connections are kept; raise the limit, or name a port other than that of management."
    for index, entry in enumerate(changes.get("connection_limits", ())):
        met = has_port(port, ports_of(entry)) and entry.get("protocol", "tcp") == "tcp"
        if met and _is_counted(remote, entry):
            yield _issue(
                "limit_on_management_port",
                f"changes.connection_limits[{index}]",
                f"The limit of {entry['limit']} connections also counts management connections on port {port}",
                hint,
                "warning",
            )
    for index, entry in enumerate(changes.get("rate_limits", ())):
        met = has_port(port, ports_of(entry)) and entry.get("protocol") in (None, "tcp")
        if met and _is_counted(remote, entry):
            yield _issue(
                "limit_on_management_port",
                f"changes.rate_limits[{index}]",
                f"The limit of {entry['rate']} also counts management connections on port {port}",
                hint,
                "warning",
            )


def _is_counted(remote: Address | None, entry: Mapping[str, Any]) -> bool:
    """Return whether a limit counts the controller; where it is not known, each host will tell."""
    return _is_everybody(entry.get("src") or ()) if remote is None else is_counted(remote, entry)


def _is_everybody(networks: Sequence[str]) -> bool:
    """Return whether networks are all of IPv4 or of IPv6 together; none named means everybody."""
    each = [ipaddress.ip_network(text, strict=False) for text in networks]
    v4 = [one for one in each if isinstance(one, ipaddress.IPv4Network)]
    v6 = [one for one in each if isinstance(one, ipaddress.IPv6Network)]
    lengths = [one.prefixlen for one in ipaddress.collapse_addresses(v4)]
    lengths += [one.prefixlen for one in ipaddress.collapse_addresses(v6)]
    return not networks or 0 in lengths


def _management_blocked(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """No plan keeps its own operator out."""
    del labels
    yield from (issue for issue in _walked(changes, ifaces, facts) if issue["id"] == "management_blocked")


def _management_starved(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """No plan leaves its own operator too little to work with."""
    del labels
    yield from (issue for issue in _walked(changes, ifaces, facts) if issue["id"] == "management_starved")


def _walked(changes: Changes, ifaces: Sequence[str], facts: Facts) -> list[dict[str, str]]:
    """Return what the controller's own connection meets on its way through the plan."""
    if not facts.get("management") or not meets_connections(changes):
        return []
    from .._lockout.walk import lockout  # noqa: PLC0415 - most plans do without the walk and what it needs

    return lockout(changes, ifaces, facts.get("management"), confirm_s=facts.get("confirm_timeout_s"))


CHECKS: dict[str, Callable[[Changes, Sequence[str], Facts, Sequence[str]], Iterator[dict[str, str]]]] = {
    "lro_with_forwarding": _lro_with_forwarding,
    "nat_without_forwarding": _nat_without_forwarding,
    "dnat_takes_transit": _dnat_takes_transit,
    "packets_missed": _packets_missed,
    "mtu_below_ipv6_minimum": _mtu_below_ipv6_minimum,
    "netem_unlabelled_host": _netem_unlabelled_host,
    "limit_on_management_port": _limit_on_management_port,
    "management_blocked": _management_blocked,
    "management_starved": _management_starved,
    "classes_missed_on_top": classes_missed_on_top,
    "ports_miss_fragments": ports_miss_fragments,
    "netem_on_management": netem_on_management,
}
"""The checks by the id of their constraint."""

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which sysctl keys change others when they are written, and the order in which keys are written.

Found by writing each key and comparing all of ``/proc/sys/net`` before and after, and by reading
``net/ipv4/devinet.c``, ``net/ipv6/addrconf.c`` and ``net/ipv4/tcp_cong.c`` of Linux 5.4 to 6.18:

* ``ip_forward`` (the same variable as ``conf.all.forwarding``) sets ``conf.*.forwarding`` and
  ``conf.all.accept_redirects``, and turns LRO off on every interface; so does ``forwarding`` of one interface for it.
* ``net.ipv6.conf.all.forwarding`` sets ``conf.*.forwarding``, turns LRO off, and removes default routes learned
  from router advertisements where ``accept_ra`` is not 2.
* ``net.ipv4.conf.default.X`` is copied to every interface whose ``X`` was never written.
* ``disable_ipv6``, ``ignore_routes_with_linkdown``, ``addr_gen_mode`` and ``force_forwarding`` of
  ``net.ipv6.conf.all`` are copied to all.
* ``neigh.default.X`` is copied to every interface whose ``X`` was never written.
* Some keys are two views of one number, the second of them finer: ``base_reachable_time`` and
  ``base_reachable_time_ms`` (``FINER``). What the coarse one rounds away only the fine one brings back.
* Some keys may not pass one another (``AT_MOST``), so which of the two is written first depends on their values.
* Choosing a default congestion control adds it to the list of allowed ones.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

IPV4_FORWARD = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")
IPV6_FORWARD = "net.ipv6.conf.all.forwarding"
CONGESTION_CONTROL = "net.ipv4.tcp_congestion_control"
ALLOWED_CONGESTION_CONTROL = "net.ipv4.tcp_allowed_congestion_control"
AVAILABLE_CONGESTION_CONTROL = "net.ipv4.tcp_available_congestion_control"

ONE_SETTING = {IPV4_FORWARD[1]: IPV4_FORWARD[0], "net.nf_conntrack_max": "net.netfilter.nf_conntrack_max"}
"""Keys that are another name of the very same number, each with the name that it is kept by."""

_DEFAULT_V4 = pattern(r"^net\.ipv4\.conf\.default\.([^.]+)$")
_DEFAULT_NEIGH = pattern(r"^(net\.ipv[46]\.neigh)\.default\.([^.]+)$")
_ALL_V6 = pattern(r"^net\.ipv6\.conf\.all\.(disable_ipv6|ignore_routes_with_linkdown|addr_gen_mode|force_forwarding)$")
_DISABLE_IPV6 = pattern(r"^net\.ipv6\.conf\.(?!default\.)[^.]+\.disable_ipv6$")
_FORWARDING = pattern(r"^net\.ipv[46]\.conf\.[^.]+\.forwarding$")
_ACCEPT_RA = pattern(r"^net\.ipv6\.conf\.[^.]+\.accept_ra$")
_PER_INTERFACE = pattern(r"^net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh)\.([^.]+)\.[^.]+$")

FINER = {
    "base_reachable_time": "base_reachable_time_ms",
    "retrans_time": "retrans_time_ms",
    "unres_qlen": "unres_qlen_bytes",
    "gc_min_interval": "gc_min_interval_ms",
    "pm_type": "path_manager",
}
_FINE = frozenset(FINER.values())

AT_MOST = {
    "net.ipv4.ipfrag_low_thresh": "net.ipv4.ipfrag_high_thresh",
    "net.ipv6.ip6frag_low_thresh": "net.ipv6.ip6frag_high_thresh",
    "net.netfilter.nf_conntrack_frag6_low_thresh": "net.netfilter.nf_conntrack_frag6_high_thresh",
    "net.ipv4.ip_unprivileged_port_start": "net.ipv4.ip_local_port_range",
    "net.sctp.rto_min": "net.sctp.rto_max",
}
"""Keys that the kernel keeps at most as high as another one; of a row the first field counts."""


def _finer(key: str) -> list[str]:
    """Return the finer view of a key, if there is one."""
    head, _dot, name = key.rpartition(".")
    is_view = head.startswith(("net.ipv4.neigh.", "net.ipv6.neigh.")) or head in ("net.ipv6.route", "net.mptcp")
    return [f"{head}.{FINER[name]}"] if is_view and name in FINER else []


def resets(key: str) -> list[str]:
    """Return the keys, as shell patterns where one part is ``*``, that writing ``key`` may change."""
    if key in IPV4_FORWARD:
        return [*IPV4_FORWARD, "net.ipv4.conf.all.accept_redirects", "net.ipv4.conf.*.forwarding"]
    if key == IPV6_FORWARD:
        return ["net.ipv6.conf.*.forwarding"]
    if key == CONGESTION_CONTROL:
        return [ALLOWED_CONGESTION_CONTROL]
    default = _DEFAULT_V4.match(key)
    if default and default.group(1) != "forwarding":
        return [f"net.ipv4.conf.*.{default.group(1)}"]
    everywhere = _ALL_V6.match(key)
    if everywhere:
        return [f"net.ipv6.conf.*.{everywhere.group(1)}"]
    neighbours = _DEFAULT_NEIGH.match(key)
    alike = [f"{neighbours.group(1)}.*.{neighbours.group(2)}"] if neighbours else []
    return [*alike, *_finer(alike[0] if alike else key)]


def disturbed(keys: Iterable[str], writers: Collection[str]) -> set[str]:
    """Return those of some keys that writing others may change."""
    return {key for key in keys if any(is_reset_by(key, writer) for writer in writers)}


def is_reset_by(key: str, writer: str) -> bool:
    """Tell whether writing ``writer`` may change ``key``."""
    return key != writer and any(fnmatchcase(key, pattern) for pattern in resets(writer))


def is_forwarding(key: str) -> bool:
    """Tell whether the key switches forwarding, which turns LRO off."""
    return key in IPV4_FORWARD or bool(_FORWARDING.match(key))


def turns_ipv6_off(key: str) -> bool:
    """Tell whether the key is a switch for IPv6 of an interface, or of all."""
    return bool(_DISABLE_IPV6.match(key))


def interface_of(key: str) -> str | None:
    """Return the interface whose key this is, ``None`` for keys of the host, of ``all`` and of ``default``."""
    match = _PER_INTERFACE.match(key)
    name = match.group(1).replace("/", ".") if match else None
    return None if name in ("all", "default") else name


def write_order(key: str) -> tuple[int, int, int]:
    """Return the sort key of a key: what resets others comes before what it resets.

    ``accept_ra`` comes first of all, since it decides what IPv6 forwarding does to routes; then the forwarding
    switches; then the rest. Within each, ``ip_forward`` and ``all`` come before ``default`` and single interfaces.
    """
    if _ACCEPT_RA.match(key):
        group = 0
    elif is_forwarding(key):
        group = 1
    elif key in (ALLOWED_CONGESTION_CONTROL, "net.netfilter.nf_conntrack_buckets"):
        group = 3
    else:
        group = 2
    if interface_of(key):
        spread = 2
    elif ".conf.default." in key or ".neigh.default." in key:
        spread = 1
    else:
        spread = 0
    if key.rpartition(".")[2] in _FINE:
        return group, spread, 2
    return group, spread, 0 if resets(key) else 1


def write_sequence(keys: Iterable[str], now: Mapping[str, str | None], wanted: Mapping[str, str | None]) -> list[str]:
    """Return keys in the order in which they are written.

    Args:
        keys: what is written.
        now: values by key, as they are.
        wanted: values by key, as they are to be.
    """
    order = sorted(keys, key=lambda key: (write_order(key), key))
    for low, high in AT_MOST.items():
        if low in order and high in order:
            upwards = _first(wanted.get(high)) >= _first(now.get(low))
            first, second = (high, low) if upwards else (low, high)
            places = sorted((order.index(low), order.index(high)))
            order[places[0]], order[places[1]] = first, second
    return order


def _first(value: str | None) -> int:
    """Return the first number of a value."""
    word = (value or "").split()[:1]
    return int(word[0]) if word and word[0].isdigit() else 0

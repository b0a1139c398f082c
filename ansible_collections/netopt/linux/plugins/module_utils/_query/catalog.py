# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be asked of a host: the read-only queries, the commands behind them, and the arguments they take."""

from __future__ import annotations

import re
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._sysctl.keys import holds_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEYS = 256
ROWS = "rows"
WORDS = "words"
FIELDS = "fields"


@dataclass(frozen=True)
class Parameter:
    """One argument of a query.

    Attributes:
        kind: one of ``KINDS``.
        description: for the people and agents who fill it in.
        required: whether the query makes no sense without it.
        default: what goes for an argument that is left out.
    """

    kind: str
    description: str
    required: bool = False
    default: Any = None


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        summary: what the answer tells.
        shape: what the answer's data is made of, for those who read it.
        commands: ``{part: argv}``; a word in braces is a parameter's value, a word ``?{name}`` and a
            ``dev`` before it are left out where the parameter has no value. Rows of a named part carry
            its name as ``family``. Empty: the answer is read from files, see ``answer.py``.
        output: which parser of ``parse.py`` reads what the command prints.
        data: ``rows`` (a list of objects), ``words`` (a list of text) or ``fields`` (an object).
        parameters: by name.
    """

    summary: str
    shape: str
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    output: str = "json"
    data: str = ROWS
    parameters: dict[str, Parameter] = field(default_factory=dict)


_IFACE = {"iface": Parameter("iface", "Interface name; all interfaces when left out.")}
_ONE_IFACE = {"iface": Parameter("iface", "Interface name.", required=True)}
_TARGET = {"target": Parameter("target", "Host name or IP address to look at from the host.", required=True)}
_NAME = {"target": Parameter("target", "Host name or IP address to look up.", required=True)}
_RECORD = {"record": Parameter("record", "Record type such as A, AAAA, MX, TXT; A when left out.")}
_COUNT = {"count": Parameter("count", "Echo requests to send; 4 when left out.", default=4)}
_DURATION = {"duration_s": Parameter("seconds", "How long to watch, in seconds; 2 when left out.", default=2)}
_KEYS = {"keys": Parameter("keys", "Dotted keys such as net.ipv4.tcp_rmem.", required=True)}
_MORE_KEYS = {"keys": Parameter("keys", "Kernel parameters whose values are wanted as well, as dotted keys.")}

QUERIES: dict[str, Query] = {
    "ip_info": Query(
        "Interfaces and their addresses",
        "Rows as `ip -j addr` has them: ifname, mtu, operstate, address, addr_info[family, local, prefixlen].",
        {"": ("ip", "-j", "addr", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "eth_info": Query(
        "Speed, duplex and link of an interface",
        "Fields as ethtool names them: Speed, Duplex, Auto-negotiation, Link detected and others.",
        {"": ("ethtool", "{iface}")},
        "pairs",
        FIELDS,
        _ONE_IFACE,
    ),
    "hostname_ips": Query(
        "All addresses of the host",
        "A list of addresses, those of the loopback and of link scope left out.",
        {"": ("hostname", "-I")},
        "words",
        WORDS,
    ),
    "hostnamectl": Query(
        "Host name, operating system and kernel",
        "Fields: Static hostname, Operating System, Kernel, Architecture and others.",
        {"": ("hostnamectl", "status")},
        "pairs",
        FIELDS,
    ),
    "nmcli_status": Query(
        "Devices as NetworkManager sees them",
        "Rows: device, type, state, connection.",
        {"": ("nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CONNECTION", "device", "status")},
        "nmcli_devices",
    ),
    "iwconfig": Query(
        "Settings of the wireless interfaces",
        "Rows, wireless interfaces only: iface, and fields such as ESSID, Mode, Frequency, Bit Rate, Signal level.",
        {"": ("iwconfig",)},
        "wireless_interfaces",
    ),
    "iwlist_scan": Query(
        "Wireless cells in reach",
        "Rows: Address, ESSID, Channel, Frequency, Quality, Signal level, Encryption key.",
        {"": ("iwlist", "{iface}", "scan")},
        "wireless_cells",
        parameters=_ONE_IFACE,
    ),
    "arp_table": Query(
        "IPv4 neighbours (ARP)", "Rows: dst, dev, lladdr, state.", {"": ("ip", "-4", "-j", "neigh", "show")}
    ),
    "ip_neigh": Query(
        "IPv4 and IPv6 neighbours",
        "Rows: dst, dev, lladdr, state.",
        {"": ("ip", "-j", "neigh", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "ip_route": Query(
        "Routes of the main table",
        "Rows: family (ipv4 or ipv6), dst, gateway, dev, metric, prefsrc and others.",
        {"ipv4": ("ip", "-4", "-j", "route", "show"), "ipv6": ("ip", "-6", "-j", "route", "show")},
    ),
    "ip_rule": Query(
        "Policy routing rules",
        "Rows: family (ipv4 or ipv6), priority, src, table and others.",
        {"ipv4": ("ip", "-4", "-j", "rule", "show"), "ipv6": ("ip", "-6", "-j", "rule", "show")},
    ),
    "resolvectl_status": Query(
        "Name resolution as systemd-resolved does it",
        "Fields by section (Global, and one for each link): Current DNS Server, DNS Servers, DNS Domain and others.",
        {"": ("resolvectl", "status")},
        "sections",
        FIELDS,
    ),
    "cat_resolv_conf": Query(
        "Name servers and search domains of /etc/resolv.conf",
        "Fields: nameservers, search, options, each a list.",
        data=FIELDS,
    ),
    "dig": Query(
        "DNS lookup with dig",
        "Fields: status (NOERROR, NXDOMAIN ...) and answers, each with name, ttl, class, type, data.",
        {"": ("dig", "+noall", "+answer", "+comments", "+time=3", "{target}", "?{record}")},
        "dig",
        FIELDS,
        {**_NAME, **_RECORD},
    ),
    "host": Query(
        "DNS lookup with host",
        "Rows: name, says (such as `has address`, `mail is handled by`), data.",
        {"": ("host", "{target}")},
        "host",
        parameters=_NAME,
    ),
    "nslookup": Query(
        "DNS lookup with nslookup",
        "Fields: server, and answers, each with name and address.",
        {"": ("nslookup", "{target}")},
        "nslookup",
        FIELDS,
        _NAME,
    ),
    "ping_host": Query(
        "Round-trip time and loss to a target",
        "Fields: sent, received, loss_pct, min_ms, avg_ms, max_ms, mdev_ms, times_ms, errors.",
        {"": ("ping", "-n", "-c", "{count}", "-w", "20", "{target}")},
        "ping",
        FIELDS,
        {**_TARGET, **_COUNT},
    ),
    "traceroute": Query(
        "Routers on the way to a target",
        "Rows: hop, address and rtt_ms, both null where no answer came.",
        {"": ("traceroute", "-n", "-w", "1", "-q", "1", "-m", "20", "{target}")},
        "traceroute",
        parameters=_TARGET,
    ),
    "tracepath": Query(
        "Routers and path MTU on the way to a target",
        "Fields: hops (hop, address, rtt_ms), path_mtu, reached.",
        {"": ("tracepath", "-n", "-m", "15", "{target}")},
        "tracepath",
        FIELDS,
        _TARGET,
    ),
    "ss_summary": Query(
        "Sockets by protocol and state",
        "Fields: total, tcp_states (estab, closed, orphaned, timewait), transports (total, ip, ipv6 of each).",
        {"": ("ss", "-s")},
        "socket_summary",
        FIELDS,
    ),
    "tc_qdisc_show": Query(
        "Queueing disciplines with their counters",
        "Rows: kind, handle, dev, root or parent, options, bytes, packets, drops, overlimits, backlog, qlen.",
        {"": ("tc", "-s", "-j", "qdisc", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "tc_class_show": Query(
        "Traffic classes of an interface",
        "Rows: class, handle, parent or root, rate, ceil, burst, prio, stats.",
        {"": ("tc", "-s", "-j", "class", "show", "dev", "{iface}")},
        "tc_classes",
        parameters=_ONE_IFACE,
    ),
    "tc_filter_show": Query(
        "Traffic filters of an interface",
        "Rows as `tc -j filter` has them: protocol, pref, kind, options.",
        {"": ("tc", "-s", "-j", "filter", "show", "dev", "{iface}")},
        parameters=_ONE_IFACE,
    ),
    "nft_list_ruleset": Query(
        "All nftables rules",
        "Rows with one key each, the kind (table, chain, set, map, rule), as in libnftables-json(5).",
        {"": ("nft", "-j", "list", "ruleset")},
        "nft",
    ),
    "iptables_list": Query(
        "Rules made with iptables",
        "Rows: family (ipv4 or ipv6), table, and rule or policy in the words of iptables-save.",
        {"ipv4": ("iptables-save",), "ipv6": ("ip6tables-save",)},
        "iptables",
    ),
    "sysctl_get": Query(
        "Values of kernel parameters",
        "Fields: value by key, null for one that the kernel does not have or does not show.",
        data=FIELDS,
        parameters=_KEYS,
    ),
    "kernel_capabilities": Query(
        "Kernel release, qdiscs and congestion controls that it can use, and network modules that are loaded",
        "Fields: release, machine, qdiscs and congestion_controls (by name: true, false, null where it cannot be "
        "told), congestion_control (current, available, allowed), default_qdisc, modules.",
        data=FIELDS,
    ),
    "conntrack_stats": Query(
        "Tracked connections, their maximum, and the tracker's counters",
        "Fields: loaded, count, max, buckets, counters (drop, early_drop, insert_failed and others).",
        data=FIELDS,
    ),
    "nic_features": Query(
        "Offloads and other features of an interface",
        "Fields: `on` or `off` by feature, with ` [fixed]` where it cannot be changed.",
        {"": ("ethtool", "-k", "{iface}")},
        "pairs",
        FIELDS,
        _ONE_IFACE,
    ),
    "nic_rings": Query(
        "Ring buffer sizes of an interface",
        "Fields such as `Pre-set maximums: RX` and `Current hardware settings: RX`.",
        {"": ("ethtool", "-g", "{iface}")},
        "pairs",
        FIELDS,
        _ONE_IFACE,
    ),
    "nic_stats": Query(
        "Counters of an interface's driver",
        "Fields: number by counter, named by the driver.",
        {"": ("ethtool", "-S", "{iface}")},
        "pairs",
        FIELDS,
        _ONE_IFACE,
    ),
    "link_stats": Query(
        "Packets, bytes, errors and drops by interface",
        "Rows: ifname, mtu, operstate, ifalias, stats64 with rx and tx (bytes, packets, errors, dropped ...).",
        {"": ("ip", "-s", "-j", "link", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "softnet_stats": Query(
        "Packets processed, dropped and squeezed by processor", "Rows: cpu, processed, dropped, time_squeeze."
    ),
    "nstat": Query(
        "Counters of the kernel's network stack since boot",
        "Fields: number by counter, such as TcpRetransSegs or TcpExtListenDrops; counters at 0 are left out.",
        {"": ("nstat", "-asj")},
        "nstat",
        FIELDS,
    ),
    "bandwidth_sample": Query(
        "Traffic of each interface over a short while",
        "Rows: iface, rx_mbit and tx_mbit (Mbit/s), over_s (seconds watched).",
        parameters=_DURATION,
    ),
    "host_facts": Query(
        "What profiles adapt to: memory, processors, kernel, virtualisation, interfaces, tools",
        "Fields: memory_mb, cpus, kernel, kernel_version, virtualization, initial_netns, ipv6, systemd, "
        "default_interface, default_interfaces, interfaces, sysctl, python, tools, "
        "management (the controller's connection).",
        data=FIELDS,
        parameters=_MORE_KEYS,
    ),
    "netopt_state": Query(
        "Checkpoints that netopt keeps on the host",
        "Fields: checkpoints (id, label, status, created ...), damaged.",
        data=FIELDS,
    ),
}

PATTERNS: dict[str, tuple[str, str]] = {
    "iface": (r"[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,14}", "an interface name"),
    "target": (r"[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}", "a host name or an IP address"),
    "record": (r"[A-Za-z][A-Za-z0-9]{0,9}", "a record type such as A or MX"),
    "keys": (r"[A-Za-z0-9_][A-Za-z0-9_/:-]*(\.[A-Za-z0-9_][A-Za-z0-9_/:-]*)+", "dotted keys"),
}
BOUNDS: dict[str, tuple[int, int]] = {"count": (1, 20), "seconds": (1, 20)}
KINDS = (*PATTERNS, *BOUNDS)


def arguments(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked arguments of a query, defaults filled in.

    Raises:
        NetoptError: there is no such query, or an argument is missing, unknown or malformed.
    """
    query = QUERIES.get(name)
    if query is None:
        raise refused(f"There is no query {name!r}", hint="One of: " + ", ".join(sorted(QUERIES)) + ".")
    values = {key: value for key, value in given.items() if value is not None}
    unknown = sorted(set(values) - set(query.parameters))
    if unknown:
        raise refused(
            f"{name} takes no {unknown[0]}", hint="It takes: " + (", ".join(query.parameters) or "nothing") + "."
        )
    for key, parameter in query.parameters.items():
        if key in values:
            _check(key, parameter.kind, values[key])
        elif parameter.required:
            raise refused(f"{name} needs {key}", hint=parameter.description)
        elif parameter.default is not None:
            values[key] = parameter.default
    return values


def argv(template: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    """Return the command with the values in their places."""
    words: list[str] = []
    for word in template:
        if word.startswith("?{"):
            value = values.get(word[2:-1])
            if value is not None:
                words.append(str(value))
            elif words and words[-1] == "dev":
                words.pop()
        elif word.startswith("{"):
            words.append(str(values[word[1:-1]]))
        else:
            words.append(word)
    return words


def refused(message: str, *, hint: str) -> NetoptError:
    """Return the error for a question that cannot be asked."""
    return NetoptError(message, stage="plan", hint=hint)


def _check(key: str, kind: str, value: Any) -> None:
    if kind in BOUNDS:
        low, high = BOUNDS[kind]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise refused(f"{key} is {value!r}", hint=f"Give a whole number from {low} to {high}.")
        return
    values = value if kind == "keys" else [value]
    if not isinstance(values, (list, tuple)) or not values or len(values) > MAX_KEYS:
        raise refused(f"{key} is {value!r}", hint=f"Give a list of 1 to {MAX_KEYS} keys.")
    pattern, wanted = PATTERNS[kind]
    for item in values:
        if not isinstance(item, str) or not re.fullmatch(pattern, item):
            raise refused(f"{key} is {item!r}", hint=f"Give {wanted}.")
        if kind == "keys" and holds_secret(item):
            raise refused(f"{item} holds a secret, which is not read out", hint="Ask for the other keys alone.")

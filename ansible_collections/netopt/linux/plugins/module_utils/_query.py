# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be asked of a host: the read-only queries, the commands behind them, and the parsing of their output."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._errors import NetoptError

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_KEYS = 64


@dataclass(frozen=True)
class Parameter:
    """One argument of a query.

    Attributes:
        kind: ``iface``, ``target`` (a name or an address), ``record``, ``keys``, ``count`` or ``seconds``.
        description: for the people and agents who fill it in.
        required: whether the query makes no sense without it.
    """

    kind: str
    description: str
    required: bool = False


@dataclass(frozen=True)
class Query:
    """One question.

    Attributes:
        summary: what the answer tells.
        commands: ``{part: argv}``; a word in braces is a parameter's value, a word ``?{name}`` and the
            one before it are left out where the parameter has no value. Empty: the answer is read from
            files, by the function of the same name in ``_query_io``.
        output: ``json``, ``pairs`` (``name: value`` lines), ``lines``, or the name of a parser here.
        parameters: by name.
    """

    summary: str
    commands: dict[str, tuple[str, ...]]
    output: str = "json"
    parameters: dict[str, Parameter] | None = None


_IFACE = {"iface": Parameter("iface", "Interface name; all interfaces when left out.")}
_ONE_IFACE = {"iface": Parameter("iface", "Interface name.", required=True)}
_TARGET = {"target": Parameter("target", "Host name or IP address to look at from the host.", required=True)}
_NAME = {
    "target": Parameter("target", "Host name or IP address to look up.", required=True),
    "record": Parameter("record", "Record type such as A, AAAA, MX, TXT."),
}

QUERIES: dict[str, Query] = {
    "ip_info": Query(
        "Interfaces and their addresses", {"": ("ip", "-j", "addr", "show", "dev", "?{iface}")}, parameters=_IFACE
    ),
    "eth_info": Query("Speed, duplex and link of an interface", {"": ("ethtool", "{iface}")}, "pairs", _ONE_IFACE),
    "hostname_ips": Query("All addresses of the host", {"": ("hostname", "-I")}, "words"),
    "hostnamectl": Query("Host name, operating system and kernel", {"": ("hostnamectl", "status")}, "pairs"),
    "nmcli_status": Query(
        "Devices as NetworkManager sees them",
        {"": ("nmcli", "-t", "-f", "DEVICE,TYPE,STATE,CONNECTION", "device", "status")},
        "nmcli_devices",
    ),
    "iwconfig": Query("Settings of the wireless interfaces", {"": ("iwconfig",)}, "lines"),
    "iwlist_scan": Query("Wireless cells in reach", {"": ("iwlist", "{iface}", "scan")}, "lines", _ONE_IFACE),
    "arp_table": Query("IPv4 neighbours (ARP)", {"": ("ip", "-4", "-j", "neigh", "show")}),
    "ip_neigh": Query(
        "IPv4 and IPv6 neighbours", {"": ("ip", "-j", "neigh", "show", "dev", "?{iface}")}, parameters=_IFACE
    ),
    "ip_route": Query(
        "Routes of the main table",
        {"ipv4": ("ip", "-4", "-j", "route", "show"), "ipv6": ("ip", "-6", "-j", "route", "show")},
    ),
    "ip_rule": Query(
        "Policy routing rules",
        {"ipv4": ("ip", "-4", "-j", "rule", "show"), "ipv6": ("ip", "-6", "-j", "rule", "show")},
    ),
    "resolvectl_status": Query("Name resolution as systemd-resolved does it", {"": ("resolvectl", "status")}, "lines"),
    "cat_resolv_conf": Query("Name servers and search domains of /etc/resolv.conf", {}),
    "dig": Query(
        "DNS lookup with dig", {"": ("dig", "+noall", "+answer", "+time=3", "{target}", "?{record}")}, "lines", _NAME
    ),
    "host": Query("DNS lookup with host", {"": ("host", "{target}")}, "lines", _TARGET),
    "nslookup": Query("DNS lookup with nslookup", {"": ("nslookup", "{target}")}, "lines", _TARGET),
    "ping_host": Query(
        "Round-trip time and loss to a target",
        {"": ("ping", "-n", "-c", "{count}", "-w", "20", "{target}")},
        "ping",
        dict(_TARGET, count=Parameter("count", "Echo requests to send, 1 to 20; 4 when left out.")),
    ),
    "traceroute": Query(
        "Routers on the way to a target",
        {"": ("traceroute", "-n", "-w", "1", "-q", "1", "-m", "20", "{target}")},
        "lines",
        _TARGET,
    ),
    "tracepath": Query(
        "Routers and path MTU on the way to a target",
        {"": ("tracepath", "-n", "-m", "15", "{target}")},
        "lines",
        _TARGET,
    ),
    "ss_summary": Query("Sockets by protocol and state", {"": ("ss", "-s")}, "socket_summary"),
    "tc_qdisc_show": Query(
        "Queueing disciplines with their counters",
        {"": ("tc", "-s", "-j", "qdisc", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "tc_class_show": Query(
        "Traffic classes of an interface",
        {"": ("tc", "-s", "-j", "class", "show", "dev", "{iface}")},
        "tc_classes",
        _ONE_IFACE,
    ),
    "tc_filter_show": Query(
        "Traffic filters of an interface",
        {"": ("tc", "-s", "-j", "filter", "show", "dev", "{iface}")},
        "json",
        _ONE_IFACE,
    ),
    "nft_list_ruleset": Query("All nftables rules", {"": ("nft", "-j", "list", "ruleset")}),
    "iptables_list": Query(
        "Rules made with iptables", {"ipv4": ("iptables-save",), "ipv6": ("ip6tables-save",)}, "lines"
    ),
    "sysctl_get": Query(
        "Values of kernel parameters",
        {},
        parameters={"keys": Parameter("keys", "Dotted keys such as net.ipv4.tcp_rmem.", required=True)},
    ),
    "kernel_capabilities": Query("Kernel release, congestion controls, and network modules that are loaded", {}),
    "conntrack_stats": Query("Tracked connections, their maximum, and the tracker's counters", {}),
    "nic_features": Query(
        "Offloads and other features of an interface", {"": ("ethtool", "-k", "{iface}")}, "pairs", _ONE_IFACE
    ),
    "nic_rings": Query("Ring buffer sizes of an interface", {"": ("ethtool", "-g", "{iface}")}, "pairs", _ONE_IFACE),
    "nic_stats": Query("Counters of an interface's driver", {"": ("ethtool", "-S", "{iface}")}, "pairs", _ONE_IFACE),
    "link_stats": Query(
        "Packets, bytes, errors and drops by interface",
        {"": ("ip", "-s", "-j", "link", "show", "dev", "?{iface}")},
        parameters=_IFACE,
    ),
    "softnet_stats": Query("Packets processed, dropped and squeezed by processor", {}),
    "nstat": Query("Counters of the kernel's network stack since boot", {"": ("nstat", "-asj")}),
    "bandwidth_sample": Query(
        "Traffic of each interface over a short while, Mbit/s",
        {},
        parameters={"duration_s": Parameter("seconds", "How long to watch, 1 to 20 seconds; 2 when left out.")},
    ),
    "netopt_state": Query("Checkpoints that netopt keeps on the host", {}),
}

DEFAULTS: dict[str, Any] = {"count": 4, "duration_s": 2}

_PATTERNS = {
    "iface": (re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,14}"), "an interface name"),
    "target": (re.compile(r"[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}"), "a host name or an IP address"),
    "record": (re.compile(r"[A-Za-z][A-Za-z0-9]{0,9}"), "a record type such as A or MX"),
    "key": (re.compile(r"[A-Za-z0-9_][A-Za-z0-9_/:-]*(\.[A-Za-z0-9_][A-Za-z0-9_/:-]*)+"), "dotted keys"),
}


def arguments(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked arguments of a query, defaults filled in.

    Raises:
        NetoptError: there is no such query, or an argument is missing, unknown or malformed.
    """
    query = QUERIES.get(name)
    if query is None:
        raise _refused(f"There is no query {name!r}", hint="One of: " + ", ".join(sorted(QUERIES)) + ".")
    parameters = query.parameters or {}
    values = {key: value for key, value in given.items() if value is not None}
    unknown = sorted(set(values) - set(parameters))
    if unknown:
        raise _refused(f"{name} takes no {unknown[0]}", hint="It takes: " + (", ".join(parameters) or "nothing") + ".")
    for key, parameter in parameters.items():
        if key in values:
            _check(key, parameter.kind, values[key])
        elif key in DEFAULTS:
            values[key] = DEFAULTS[key]
        elif parameter.required:
            raise _refused(f"{name} needs {key}", hint=parameter.description)
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


def parse(output: str, text: str) -> Any:
    """Return a command's output as data.

    Args:
        output: as in ``Query``.
        text: what the command printed.
    """
    return _PARSERS[output](text)


def _refused(message: str, *, hint: str) -> NetoptError:
    return NetoptError(message, stage="plan", hint=hint)


def _check(key: str, kind: str, value: Any) -> None:
    if kind in ("count", "seconds"):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 20:
            raise _refused(f"{key} is {value!r}", hint="Give a whole number from 1 to 20.")
        return
    values = value if kind == "keys" else [value]
    if not isinstance(values, (list, tuple)) or not values or len(values) > MAX_KEYS:
        raise _refused(f"{key} is {value!r}", hint=f"Give a list of 1 to {MAX_KEYS} keys.")
    pattern, wanted = _PATTERNS["key" if kind == "keys" else kind]
    for item in values:
        if not isinstance(item, str) or not pattern.fullmatch(item):
            raise _refused(f"{key} is {item!r}", hint=f"Give {wanted}.")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def _pairs(text: str) -> dict[str, Any]:
    """Return ``name: value`` lines as a mapping; lines without a name go on with the value before them."""
    found: dict[str, Any] = {}
    section = ""
    last: str | None = None
    for line in _lines(text):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            if last is not None:
                found[last] = f"{found[last]} {name}".strip()
        elif not value and not line[0].isspace():
            section = "" if name.startswith(("Features for", "Settings for", "NIC statistics")) else f"{name}: "
            section = "" if name.startswith("Ring parameters") else section
            last = None
        else:
            last = f"{section}{name}"
            found[last] = int(value) if value.isdigit() else value
    return found


def _nmcli_devices(text: str) -> list[dict[str, str]]:
    rows = [[field.replace("\\:", ":") for field in re.split(r"(?<!\\):", line)] for line in _lines(text)]
    return [dict(zip(("device", "type", "state", "connection"), row)) for row in rows]


def _socket_summary(text: str) -> dict[str, Any]:
    """Return the table of ``ss -s`` as ``{protocol: {total, ip, ipv6}}`` and the TCP states."""
    found: dict[str, Any] = {"tcp_states": {}, "transports": {}}
    for line in _lines(text):
        words = line.split()
        if words[0] == "Total:":
            found["total"] = int(words[1])
        elif words[0] == "TCP:":
            states = re.findall(r"(\w+) (\d+)", line)
            found["tcp_states"] = {state: int(count) for state, count in states}
        elif len(words) == 4 and words[1].isdigit():
            found["transports"][words[0].lower()] = {"total": int(words[1]), "ip": int(words[2]), "ipv6": int(words[3])}
    return found


def _ping(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"lines": _lines(text)}
    counts = re.search(r"(\d+) packets transmitted, (\d+) (?:packets )?received.*?([\d.]+)% packet loss", text)
    if counts:
        found.update(sent=int(counts[1]), received=int(counts[2]), loss_pct=float(counts[3]))
    times = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", text)
    if times:
        names = ("min_ms", "avg_ms", "max_ms", "mdev_ms")
        found.update(zip(names, (float(value) for value in times.groups())))
    return found


def _json(text: str) -> Any:
    return json.loads(text) if text.strip() else []


def _tc_classes(text: str) -> list[dict[str, Any]]:
    """Return traffic classes; before iproute2 6.3, ``tc -j class`` prints text as if ``-j`` were not there."""
    if text.lstrip().startswith("["):
        found: list[dict[str, Any]] = _json(text)
        return found
    classes: list[dict[str, Any]] = []
    for line in _lines(text):
        words = line.split()
        if words[0] == "class" and len(words) > 2:
            classes.append({"class": words[1], "handle": words[2], **_class_words(words[3:])})
        elif classes and words[0] == "Sent":
            counts = re.findall(r"(\d+) (bytes|pkt)|(dropped|overlimits|requeues) (\d+)", line)
            names = {"pkt": "packets", "dropped": "drops"}
            classes[-1]["stats"] = {
                names.get(before or after, before or after): int(left or right) for left, before, after, right in counts
            }
    return classes


def _class_words(words: list[str]) -> dict[str, Any]:
    """Return what a line of ``tc class`` says after the handle: names and values, ``root`` alone."""
    found: dict[str, Any] = {}
    if words[:1] == ["root"]:
        found["root"] = True
        words = words[1:]
    for name, value in zip(words[::2], words[1::2]):
        found[name] = int(value) if value.isdigit() else value
    return found


_PARSERS = {
    "json": _json,
    "lines": _lines,
    "words": lambda text: text.split(),
    "pairs": _pairs,
    "nmcli_devices": _nmcli_devices,
    "socket_summary": _socket_summary,
    "tc_classes": _tc_classes,
    "ping": _ping,
}


def resolv_conf(text: str) -> dict[str, list[str]]:
    """Return the name servers, search domains and options of a resolv.conf(5)."""
    found: dict[str, list[str]] = {"nameservers": [], "search": [], "options": []}
    for line in _lines(text):
        words = line.split()
        if words[0] == "nameserver" and len(words) > 1:
            found["nameservers"].append(words[1])
        elif words[0] in ("search", "domain"):
            found["search"] = words[1:]
        elif words[0] == "options":
            found["options"] += words[1:]
    return found


def softnet(text: str) -> list[dict[str, int]]:
    """Return the counters of /proc/net/softnet_stat by processor (hexadecimal columns)."""
    rows = [[int(word, 16) for word in line.split()] for line in _lines(text)]
    return [
        {
            "cpu": row[12] if len(row) > 12 else number,
            "processed": row[0],
            "dropped": row[1],
            "time_squeeze": row[2],
        }
        for number, row in enumerate(rows)
    ]


def conntrack_counters(text: str) -> dict[str, int]:
    """Return the sums over all processors of /proc/net/stat/nf_conntrack (hexadecimal columns)."""
    lines = _lines(text)
    if not lines:
        return {}
    names = lines[0].split()
    rows = [[int(word, 16) for word in line.split()] for line in lines[1:]]
    # "entries" is the same number in every row
    return {
        name: (rows[0][index] if rows and name == "entries" else sum(row[index] for row in rows))
        for index, name in enumerate(names)
    }


def interface_bytes(text: str) -> dict[str, tuple[int, int]]:
    """Return ``{interface: (bytes received, bytes sent)}`` of /proc/net/dev."""
    found = {}
    for line in text.splitlines()[2:]:
        name, _colon, rest = line.partition(":")
        fields = rest.split()
        found[name.strip()] = (int(fields[0]), int(fields[8]))
    return found


def bandwidth(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]], *, seconds: float
) -> dict[str, dict[str, float]]:
    """Return Mbit/s by interface and direction between two readings of ``interface_bytes``."""
    return {
        name: {
            "rx_mbit": round((after[name][0] - received) * 8 / 1e6 / seconds, 3),
            "tx_mbit": round((after[name][1] - sent) * 8 / 1e6 / seconds, 3),
        }
        for name, (received, sent) in before.items()
        if name in after
    }

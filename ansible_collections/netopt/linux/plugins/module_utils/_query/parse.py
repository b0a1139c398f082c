# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the tools print: one pure function for each form of output."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DROPPED = re.compile(r"^(?:Features for|Settings for|NIC statistics|Ring parameters)")
_WIRELESS = re.compile(r'([A-Z][A-Za-z/ -]*?)\s?[:=]\s?("[^"]*"|[^ ]+(?: (?:GHz|MHz|Mb/s|dBm)\b)?)')


def parse(output: str, text: str) -> Any:
    """Return a command's output as data.

    Args:
        output: as in ``catalog.Query``.
        text: what the command printed.

    Raises:
        ValueError: it is not what the command usually prints.
    """
    return PARSERS[output](text)


def lines(text: str) -> list[str]:
    """Return the lines that hold something."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def number(text: str) -> Any:
    """Return digits as a number, anything else as it is."""
    return int(text) if text.isascii() and text.isdigit() else text


def pairs(text: str) -> dict[str, Any]:
    """Return ``name: value`` lines as a mapping; lines without a name go on with the value before them."""
    found: dict[str, Any] = {}
    section = ""
    last: str | None = None
    for line in lines(text):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            if last is not None:
                found[last] = f"{found[last]} {name}".strip()
        elif not value and not line[0].isspace():
            section = "" if _DROPPED.match(name) else f"{name}: "
            last = None
        else:
            last = f"{section}{name}"
            found[last] = number(value)
    return found


def sections(text: str) -> dict[str, dict[str, str]]:
    """Return what ``resolvectl status`` prints: ``name: value`` lines below a heading for each link."""
    found: dict[str, dict[str, str]] = {}
    fields: dict[str, str] = {}
    last = ""
    for line in lines(text):
        named = re.match(r"\s+([A-Za-z][\w./+ -]*):(?: (.*))?$", line)
        if not line[0].isspace():
            fields = found.setdefault(line, {})
        elif named:
            last = named[1]
            fields[last] = named[2] or ""
        elif last in fields:
            fields[last] = f"{fields[last]} {line.strip()}".strip()
    return found


def nmcli_devices(text: str) -> list[dict[str, str]]:
    """Return the devices of ``nmcli -t``, whose fields are set apart by colons."""
    rows = [[part.replace("\\:", ":") for part in re.split(r"(?<!\\):", line)] for line in lines(text)]
    return [dict(zip(("device", "type", "state", "connection"), row)) for row in rows]


def wireless_interfaces(text: str) -> list[dict[str, str]]:
    """Return the interfaces of ``iwconfig``."""
    rows: list[dict[str, str]] = []
    for line in lines(text):
        if not line[0].isspace():
            rows.append({"iface": line.split()[0]})
        if rows:
            rows[-1].update(_wireless_fields(line))
    return rows


def wireless_cells(text: str) -> list[dict[str, str]]:
    """Return the cells of ``iwlist scan``."""
    rows: list[dict[str, str]] = []
    for line in lines(text):
        cell = re.match(r"\s+Cell \d+ - (.*)", line)
        if cell:
            rows.append({})
        if rows:
            rows[-1].update(_wireless_fields(cell[1] if cell else line))
    return rows


def _wireless_fields(line: str) -> dict[str, str]:
    return {name.strip(): value.strip('"') for name, value in _WIRELESS.findall(line)}


def dig(text: str) -> dict[str, Any]:
    """Return the status and the answers of ``dig +noall +answer +comments``."""
    status = re.search(r"^;; ->>HEADER<<-.*\bstatus: (\w+)", text, re.MULTILINE)
    answers = []
    for line in lines(text):
        words = line.split(None, 4)
        if not line.startswith(";") and len(words) == 5 and words[1].isdigit():
            answers.append(
                {"name": words[0], "ttl": int(words[1]), "class": words[2], "type": words[3], "data": words[4]}
            )
    return {"status": status[1] if status else None, "answers": answers}


def host(text: str) -> list[dict[str, str]]:
    """Return the lines of ``host``: whose name, what is said of it, and the value."""
    said = re.compile(
        r"(\S+) (has address|has IPv6 address|mail is handled by|is an alias for|domain name pointer|name server"
        r"|descriptive text|has \S+ record) (.*)"
    )
    matches = [said.match(line) for line in lines(text)]
    return [{"name": match[1], "says": match[2], "data": match[3]} for match in matches if match]


def nslookup(text: str) -> dict[str, Any]:
    """Return the server and the answers of ``nslookup``."""
    server = re.search(r"^Server:\s+(\S+)", text, re.MULTILINE)
    found = re.findall(r"^Name:\s+(\S+)\s+Address(?:es)?:\s+(\S+)", text, re.MULTILINE)
    back = re.findall(r"^(\S+)\s+name = (\S+)", text, re.MULTILINE)
    return {
        "server": server[1] if server else None,
        "answers": [{"name": name, "address": address} for name, address in found]
        + [{"name": name, "address": address} for address, name in back],
    }


def ping(text: str) -> dict[str, Any]:
    """Return the counts and times of ``ping``."""
    found: dict[str, Any] = {}
    counts = re.search(r"(\d+) packets transmitted, (\d+) (?:packets )?received.*?([\d.]+)% packet loss", text)
    if not counts:
        raise ValueError(next(iter(lines(text)), "nothing"))
    found.update(sent=int(counts[1]), received=int(counts[2]), loss_pct=float(counts[3]))
    times = re.search(r"= ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", text)
    if times:
        names = ("min_ms", "avg_ms", "max_ms", "mdev_ms")
        found.update(zip(names, (float(value) for value in times.groups())))
    found["times_ms"] = [float(value) for value in re.findall(r"\btime=([\d.]+) ms", text)]
    found["errors"] = list(
        dict.fromkeys(re.findall(r"^From .* (Destination .*|Time to live exceeded.*)$", text, re.MULTILINE))
    )
    return found


def traceroute(text: str) -> list[dict[str, Any]]:
    """Return the hops of ``traceroute -n -q 1``."""
    hops = [re.match(r"\s*(\d+)\s+(\S+)(?:\s+([\d.]+) ms)?", line) for line in lines(text)]
    return [
        {"hop": int(hop[1]), "address": None if hop[2] == "*" else hop[2], "rtt_ms": float(hop[3]) if hop[3] else None}
        for hop in hops
        if hop
    ]


def tracepath(text: str) -> dict[str, Any]:
    """Return the hops of ``tracepath -n`` and the path's MTU."""
    hops: list[dict[str, Any]] = []
    for line in lines(text):
        found = re.match(r"\s*(\d+)[:?]\??:?\s+(no reply|\S+)(?:.*?\s([\d.]+)ms)?", line)
        if found and found[2] != "[LOCALHOST]":
            lost = found[2] == "no reply"
            hops.append(
                {
                    "hop": int(found[1]),
                    "address": None if lost else found[2],
                    "rtt_ms": float(found[3]) if found[3] else None,
                }
            )
    sizes = re.findall(r"\bpmtu (\d+)", text)
    return {"hops": hops, "path_mtu": int(sizes[-1]) if sizes else None, "reached": " reached" in text}


def socket_summary(text: str) -> dict[str, Any]:
    """Return the table of ``ss -s`` as ``{protocol: {total, ip, ipv6}}`` and the TCP states."""
    found: dict[str, Any] = {"tcp_states": {}, "transports": {}}
    for line in lines(text):
        words = line.split()
        if words[0] == "Total:":
            found["total"] = int(words[1])
        elif words[0] == "TCP:":
            found["tcp_states"] = {state: int(count) for state, count in re.findall(r"(\w+) (\d+)", line)}
        elif len(words) == 4 and words[1].isdigit():
            found["transports"][words[0].lower()] = {"total": int(words[1]), "ip": int(words[2]), "ipv6": int(words[3])}
    return found


def json_rows(text: str) -> Any:
    """Return JSON without its empty elements, which ``ip -j`` prints for what it left out."""
    found = json.loads(text, strict=False) if text.strip() else []
    return [row for row in found if row] if isinstance(found, list) else found


def nft(text: str) -> list[Any]:
    """Return the objects of ``nft -j list ruleset``, without its word on itself."""
    return [row for row in json_rows(text).get("nftables", []) if "metainfo" not in row] if text.strip() else []


def nstat(text: str) -> Any:
    """Return the counters of ``nstat -j``."""
    return json_rows(text).get("kernel", {}) if text.strip() else {}


def iptables(text: str) -> list[dict[str, str]]:
    """Return the rules and policies of ``iptables-save``, each with its table."""
    rows: list[dict[str, str]] = []
    table = ""
    for line in lines(text):
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            chain, policy = line[1:].split()[:2]
            if policy != "-":
                rows.append({"table": table, "policy": f"{chain} {policy}"})
        elif line.startswith("-"):
            rows.append({"table": table, "rule": line})
    return rows


def tc_classes(text: str) -> list[dict[str, Any]]:
    """Return traffic classes; before iproute2 6.3, ``tc -j class`` prints text as if ``-j`` were not there."""
    if text.lstrip().startswith("["):
        found: list[dict[str, Any]] = json_rows(text)
        return found
    classes: list[dict[str, Any]] = []
    for line in lines(text):
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
        found[name] = number(value)
    return found


PARSERS: dict[str, Callable[[str], Any]] = {
    "json": json_rows,
    "words": str.split,
    "pairs": pairs,
    "sections": sections,
    "nmcli_devices": nmcli_devices,
    "wireless_interfaces": wireless_interfaces,
    "wireless_cells": wireless_cells,
    "dig": dig,
    "host": host,
    "nslookup": nslookup,
    "ping": ping,
    "traceroute": traceroute,
    "tracepath": tracepath,
    "socket_summary": socket_summary,
    "nft": nft,
    "nstat": nstat,
    "iptables": iptables,
    "tc_classes": tc_classes,
}


def resolv_conf(text: str) -> dict[str, list[str]]:
    """Return the name servers, search domains and options of a resolv.conf(5)."""
    found: dict[str, list[str]] = {"nameservers": [], "search": [], "options": []}
    for line in lines(text):
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
    rows = [[int(word, 16) for word in line.split()] for line in lines(text)]
    return [
        {"cpu": row[12] if len(row) > 12 else index, "processed": row[0], "dropped": row[1], "time_squeeze": row[2]}
        for index, row in enumerate(rows)
    ]


def conntrack_counters(text: str) -> dict[str, int]:
    """Return the sums over all processors of /proc/net/stat/nf_conntrack (hexadecimal columns)."""
    table = lines(text)
    if not table:
        return {}
    names = table[0].split()
    rows = [[int(word, 16) for word in line.split()] for line in table[1:]]
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
) -> list[dict[str, Any]]:
    """Return Mbit/s by interface and direction between two readings of ``interface_bytes``."""
    return [
        {
            "iface": name,
            "rx_mbit": round((after[name][0] - received) * 8 / 1e6 / seconds, 3),
            "tx_mbit": round((after[name][1] - sent) * 8 / 1e6 / seconds, 3),
            "over_s": round(seconds, 3),
        }
        for name, (received, sent) in before.items()
        if name in after
    ]

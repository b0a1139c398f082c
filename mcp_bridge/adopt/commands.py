# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the commands of a script say of settings that its sandbox cannot hold: ethtool, sysctl, metrics of routes. Pure.

Those that a plan never says are left out, each with its reason; tc's are read from the kernel, see ``tc/``.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mcp_bridge.collection.nic_words import NIC, PROMISC, STEERING_NAMES, list_of_mask

from . import sysctl_files
from .device_words import take_features, take_queues
from .found import Place, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .found import Found
    from .sandbox.model import Said

FEATURES = ("-K", "--features", "--offload")
QUEUES = {
    **dict.fromkeys(("-G", "--set-ring"), "rings"),
    **dict.fromkeys(("-C", "--coalesce"), "coalesce"),
    **dict.fromkeys(("-L", "--set-channels"), "channels"),
    **dict.fromkeys(("-A", "--pause"), "pause"),
}
READING = re.compile(r"-[kgclaiSnxTdeftPmu]|--show-.*|--driver|--statistics|--version|--help|--json|[^-].*")
SILENT = ("modprobe", "insmod", "rmmod", "logger", "netopt-start")
FIREWALLS = (
    "iptables",
    "ip6tables",
    "iptables-restore",
    "ip6tables-restore",
    "nft",
    "ipset",
    "ebtables",
    "ufw",
    "firewall-cmd",
)


def _milliseconds(word: str) -> int:
    """Return a time of ip; without a unit it is in milliseconds (ip-route(8))."""
    for unit, factor in (("ms", 1), ("s", 1000)):
        if word.endswith(unit):
            return int(float(word.removesuffix(unit)) * factor)
    return int(word)


METRICS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "initcwnd": ("initcwnd", int),
    "initrwnd": ("initrwnd", int),
    "quickack": ("quickack", lambda word: word in ("1", "on")),
    "congctl": ("congctl", str),
    "rto_min": ("rto_min_ms", _milliseconds),
}
TAKES_AWAY = {"-D", "-X", "-F", "-Z", "-N", "-L", "-S", "-C", "delete", "flush", "list"}  # or adds nothing yet
ROUTE_VERBS = ("add", "a", "change", "chg", "replace", "append")
SHOWS = ("show", "list", "ls", "l", "sh", "s", "get", "help", "flush", "del", "delete", "monitor", "save")
_MASK = re.compile(r"[0-9a-fA-F]{1,8}(,[0-9a-fA-F]{1,8}){0,255}")
ASKS = ("-n", "-a", "-l", "status", "is-active", "is-enabled", "--version", "-V")
IFB_KINDS = ("ifb", "dummy")
ON = {"on": True, "off": False}
LINK_WORDS = {"mtu": 1, "txqueuelen": 1, "txqlen": 1, "qlen": 1, "up": 0, "down": 0}  # read from the kernel


def take(said: Said, place: Place, found: Found) -> None:
    """Take in a command that is none of tc."""
    name = said.words[0]
    if name in _TAKERS:
        _TAKERS[name](said, place, found)
    elif name in FIREWALLS and TAKES_AWAY & set(said.words):
        return
    elif name in FIREWALLS:
        found.leave_out(
            place, said.text, "Rules of a firewall are not adopted: limits, marks and NAT of your own go into a plan."
        )
    elif name not in SILENT and len(said.words) > 1 and said.words[1] not in (*SHOWS, *ASKS):
        found.leave_out(place, said.text, f"It was not run: what {name} does, no plan says.")


def _ethtool(said: Said, place: Place, found: Found) -> None:
    words = said.words[1:]
    option = words[0] if words else "--help"
    iface = words[1:2]
    if option in FEATURES and iface:
        take_features(words[2:], place, said.text, iface, found)
    elif option in QUEUES and iface:
        take_queues(QUEUES[option], words[2:], place, said.text, iface, found)
    elif not READING.fullmatch(option):
        found.leave_out(place, said.text, f"No plan has what ethtool {option} sets.")


def _sysctl(said: Said, place: Place, found: Found) -> None:
    for word in said.words[1:]:
        key, equals, value = word.partition("=")
        if word == "=":
            found.leave_out(place, said.text, "sysctl takes KEY=VALUE without blanks around =: this sets nothing.")
        elif equals and not key.startswith("-"):
            sysctl_files.setting(key.strip(), value.strip(), place, said.text, found)
        elif word in ("-p", "--load", "--system") or word.startswith(("-p", "--load=")):
            found.leave_out(place, said.text, "It reads files: give these to netopt adopt as well.")


def _ip(said: Said, place: Place, found: Found) -> None:
    words = [word for word in said.words[1:] if not word.startswith("-")]
    kind, verb = (*words, "", "")[:2]
    if verb in SHOWS or not verb:
        return
    if kind in ("route", "ro", "r"):
        _route(words, verb, said, place, found)
    elif kind in ("link", "l"):
        _link(words[2:], verb, said, place, found)
    else:
        found.leave_out(place, said.text, f"No plan has ip {kind}: it is other tools' work.")


def _route(words: list[str], verb: str, said: Said, place: Place, found: Found) -> None:
    metrics: dict[str, Any] = {}
    for name, word in pairwise(words):
        if name in METRICS:
            field, read = METRICS[name]
            try:
                metrics[field] = read(word)
            except ValueError:
                found.leave_out(place, said.text, f"{name} {word} is nothing that a plan has.")
    if not metrics or verb not in ROUTE_VERBS:
        found.leave_out(place, said.text, "A plan sets metrics of routes that exist; it makes and takes away none.")
        return
    device = next((word for name, word in pairwise(words) if name == "dev"), None)
    target = next((word for word in words[2:] if word != "to"), "default")
    dst = "default" if target in ("default", "0.0.0.0/0", "::/0") else target
    found.set(Setting(("routes", dst), {"dst": dst, **metrics}, place, said.text), (device,) if device else None)


def _link(words: list[str], verb: str, said: Said, place: Place, found: Found) -> None:
    if verb in ("add", "a"):
        if not any(kind in words for kind in IFB_KINDS):
            found.leave_out(place, said.text, "Making interfaces is other tools' work (systemd-networkd, nmstate).")
        return
    rest = words[2:] if words[:1] == ["dev"] else words[1:]
    iface = tuple(words[1:2] if words[:1] == ["dev"] else words[:1])
    while rest and (rest[0] in LINK_WORDS or (rest[0] == PROMISC and rest[1:2] and rest[1] in ON)):
        if rest[0] == PROMISC:
            found.set(Setting((NIC, PROMISC), ON[rest[1]], place, said.text), iface)
        rest = rest[1 + LINK_WORDS.get(rest[0], 1) :]
    if rest:
        found.leave_out(place, said.text, f"No plan has {rest[0]} of an interface.")


def _steering(name: str, text: str) -> int | str | None:
    """Return what a file of a queue is set to, as a plan has it; ``None`` where it is nothing of the kind."""
    if name == "rps_flow_cnt":
        return int(text) if text.isdecimal() else None
    return (list_of_mask(text) or "none") if _MASK.fullmatch(text) else None


def _ifconfig(said: Said, place: Place, found: Found) -> None:
    """Take in MTU and queue length; up and down are nobody's setting, addresses other tools'."""
    words = [word for word in said.words[1:] if word not in ("-a", "-s", "-v", "up", "down")]
    iface, rest = words[:1], words[1:]
    for word in [word for word in rest if word.removeprefix("-") == PROMISC]:
        found.set(Setting((NIC, PROMISC), word == PROMISC, place, said.text), tuple(iface))
        rest.remove(word)
    while rest and rest[0] in ("mtu", "txqueuelen") and rest[1:2] and rest[1].isdecimal():
        path = ("mtu",) if rest[0] == "mtu" else ("nic", "txqueuelen")
        found.set(Setting(path, int(rest[1]), place, said.text), tuple(iface))
        rest = rest[2:]
    if rest:
        found.leave_out(place, said.text, f"No plan has {rest[0]} of an interface: it is other tools' work.")


_TAKERS: Mapping[str, Callable[[Said, Place, Found], None]] = {
    "ethtool": _ethtool,
    "ifconfig": _ifconfig,
    "ip": _ip,
    "sysctl": _sysctl,
}


def take_file(path: str, text: str, place: Place, found: Found) -> None:
    """Take in what a script has written to a file of an interface.

    Args:
        path: below ``/sys/class/net``.
        text: what it holds.
        place: the line that writes it.
        found: takes it.
    """
    iface, _slash, rest = path.partition("/")
    name = path.rpartition("/")[2]
    line = f"/sys/class/net/{path}: {text}"
    if name in STEERING_NAMES:
        value = _steering(name, text)
        before = found.settings.get((iface,), {}).get(("steering", name))
        if value is None or (before and before.value != value):
            found.leave_out(place, line, "A plan has the same for all queues of an interface.")
        elif not before:
            found.set(Setting(("steering", name), value, place, line), (iface,))
    elif rest == "mtu" and text.isdecimal():
        found.set(Setting(("mtu",), int(text), place, line), (iface,))
    elif rest == "tx_queue_len" and text.isdecimal():
        found.set(Setting(("nic", "txqueuelen"), int(text), place, line), (iface,))
    else:
        found.leave_out(place, line, "No plan has this file.")

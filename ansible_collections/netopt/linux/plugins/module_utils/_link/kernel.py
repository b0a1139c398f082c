# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and sets MTU and offloads of interfaces, with ``ip`` and ``ethtool``; queues: ``nic_kernel.py``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._sysctl.keys import canonical
from .ethtool_features import parse_features
from .followers import below, cap, followed, height
from .ipv6_below_1280 import address_present, kept_addresses, kept_neighbours, kept_routes
from .ipv6_mtus import IPV6_MTUS, has_other_mtu, routes_with_mtu, setting
from .nic_kernel import probe, read_nic, read_steering, set_nic, set_steering
from .subsystem import merge

if TYPE_CHECKING:
    from .._common.change import Operation
    from .._host.commands import Tools
    from .subsystem import Intent

    State = dict[str, Any]

PROC_SYS = Path("/proc/sys")


def _ip(arguments: list[str], tools: Tools, *, stage: str) -> list[dict[str, Any]]:
    """Return what ``ip`` prints as JSON."""
    text = tools.run(["ip", *arguments], stage=stage).stdout
    return _parsed(text, ["ip", *arguments], stage=stage)


def _parsed(text: str, argv: list[str], *, stage: str) -> list[dict[str, Any]]:
    """Return a program's JSON; it prints nothing at all for an empty list."""
    try:
        found: list[dict[str, Any]] = json.loads(text) if text.strip() else []
        return [entry for entry in found if entry]
    except (ValueError, TypeError):
        command = " ".join(argv)
        raise NetoptError(
            f"{command} printed something that is not JSON",
            stage=stage,
            key=command,
            after=text[:80],
            hint="See that the host's iproute2 is whole.",
        ) from None


def _related(iface: str, links: dict[str, dict[str, Any]]) -> list[str]:
    """Return the interfaces whose MTU or offloads the kernel changes along with those of an interface.

    These are the devices stacked on it (VLAN, macvlan), the bond or bridge it is a port of, and its own ports.
    The other end of a veth pair is named like a parent and is none.
    """
    found = [iface]
    waiting = [iface]
    while waiting:
        name = waiting.pop(0)
        for other, link in links.items():
            if other not in found and (
                below(link) == name or link.get("master") == name or links[name].get("master") == other
            ):
                found.append(other)
                waiting.append(other)
    return found[1:]


def _settings(iface: str) -> dict[str, str]:
    """Return the IPv6 settings of an interface, ``{path below /proc/sys: value}``; without those that hold none."""
    found = {}
    for kind in ("conf", "neigh"):
        folder = PROC_SYS / "net" / "ipv6" / kind / iface
        if not folder.is_dir():
            continue
        for entry in sorted(folder.iterdir()):
            try:
                found[f"net/ipv6/{kind}/{iface}/{entry.name}"] = " ".join(entry.read_text(encoding="utf-8").split())
            except OSError:  # stable_secret cannot be read before it was set
                continue
    return found


def _ipv6(iface: str, tools: Tools) -> dict[str, Any]:
    """Return what the interface would lose below the smallest MTU of IPv6."""
    shown = _ip(["-6", "-j", "addr", "show", "dev", iface], tools, stage="observe")
    return {
        "settings": _settings(iface),
        "addresses": kept_addresses(shown[0].get("addr_info", []) if shown else []),
        "routes": kept_routes(_ip(["-6", "-j", "-d", "route", "show", "table", "all"], tools, stage="observe"), iface),
        "neighbours": kept_neighbours(
            _ip(["-6", "-j", "neigh", "show", "nud", "permanent", "dev", iface], tools, stage="observe")
        ),
    }


def _ipv6_routes(tools: Tools) -> list[dict[str, Any]]:
    """Return all routes of IPv6; none where the host has no IPv6."""
    if not (PROC_SYS / "net/ipv6").is_dir():
        return []
    return _ip(["-6", "-j", "-d", "route", "show", "table", "all"], tools, stage="observe")


def _ipv6_mtus(iface: str, routes: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the MTUs that IPv6 has of its own on an interface, nothing where it is off."""
    try:
        conf = int((PROC_SYS / setting(iface)).read_text(encoding="ascii"))
    except OSError:
        return {}
    return {IPV6_MTUS: {"conf": conf, "routes": routes_with_mtu(routes, iface)}}


def _features(iface: str, tools: Tools, *, needed: bool) -> dict[str, Any]:
    """Return the offloads of an interface; nothing where ethtool is missing and they are not asked for.

    They are read in any case, since some drivers change them along with the MTU.
    """
    try:
        done = tools.run(["ethtool", "-k", iface], stage="observe", check=False)
    except NetoptError:
        if needed:
            raise
        return {}
    found = parse_features(done.stdout)
    if needed and (done.rc != 0 or not found["active"]):
        text = "; ".join(done.stderr.strip().splitlines())
        raise NetoptError(
            f"The offloads of {iface} cannot be read: {text or 'ethtool names none'}",
            stage="observe",
            key=f"ethtool -k {iface}",
            after=text or None,
        )
    return found


def shown_links(tools: Tools) -> dict[str, dict[str, Any]]:
    """Return what ``ip -d -j link`` shows of each interface, by name."""
    return {link["ifname"]: link for link in _ip(["-d", "-j", "link", "show"], tools, stage="observe")}


def observe(scope: dict[str, Any], tools: Tools) -> State:
    """Return the state of the interfaces of a scope and of those that change along; see ``subsystem`` for its shape.

    Raises:
        NetoptError: an interface does not exist, or ``ip`` or ``ethtool`` failed.
    """
    if not scope["ifaces"]:
        return {"links": {}}
    shown = shown_links(tools)
    for iface in scope["ifaces"]:
        if iface not in shown:
            raise NetoptError(
                f"Interface {iface} does not exist",
                stage="observe",
                key=iface,
                wanted=iface,
                after="absent",
                hint=f"This host has {', '.join(sorted(shown)) or 'none'}.",
            )
    names = dict.fromkeys([*scope["ifaces"], *(other for iface in scope["ifaces"] for other in _related(iface, shown))])
    routes = _ipv6_routes(tools) if scope.get("mtu") else []
    links = {}
    for name in sorted(names, key=lambda name: height(name, shown)):  # what follows another one comes after it
        link = shown[name]
        links[name] = {"mtu": link["mtu"], "min_mtu": link.get("min_mtu"), "max_mtu": link.get("max_mtu")}
        links[name].update({"follows": followed(name, shown), "cap": cap(name, shown)})
        if scope.get("mtu"):
            links[name].update(_ipv6_mtus(name, routes))
        links[name].update(_features(name, tools, needed=scope.get("features", False)))
        if scope.get("ipv6"):
            links[name]["ipv6"] = _ipv6(name, tools)
        if scope.get("nic") and name in scope["ifaces"]:
            links[name].update(read_nic(name, scope["nic"], link))
        if scope.get("steering") and name in scope["ifaces"]:
            links[name].update(read_steering(name))
    return {"links": links}


def resolve(intent: Intent, current: State, tools: Tools) -> State:  # noqa: ARG001 - every subsystem's resolve takes tools
    """Return the state that an intent leads to; nothing is changed on the host.

    Raises:
        NetoptError: a feature is unknown or fixed, or the device does not take the MTU or lacks another setting.
    """
    wanted = merge(intent, current)
    for iface in intent.ifaces:
        probe(iface, intent.of(iface).nic, current["links"][iface])
    return wanted


def _mtu(iface: str, tools: Tools) -> int | None:
    done = tools.run(["ip", "-j", "link", "show", "dev", iface], stage="apply", check=False)
    found = _parsed(done.stdout, list(done.argv), stage="apply") if done.rc == 0 else []
    return int(found[0]["mtu"]) if found else None


def _set_mtu(todo: dict[str, Any], tools: Tools) -> None:
    """Set an MTU, unless the kernel has done so along with another interface's."""
    iface, mtu = todo["iface"], todo["mtu"]
    now = _mtu(iface, tools)
    if now == mtu:
        return
    try:
        tools.run(["ip", "link", "set", "dev", iface, "mtu", str(mtu)], stage="apply")
    except NetoptError as error:
        raise NetoptError(
            error.message,
            stage="apply",
            key=f"{iface} mtu",
            wanted=str(mtu),
            before=str(todo["before"]),
            after=str(now),
            hint=f"ip -d link show dev {iface} tells what the device takes; the link under it may bound it further.",
        ) from None


def _set_features(todo: dict[str, Any], tools: Tools) -> None:
    """Request features in one step."""
    words = [word for name, on in todo["features"].items() for word in (name, "on" if on else "off")]
    iface = todo["iface"]
    done = tools.run(["ethtool", "-K", iface, *words], stage="apply", check=False)
    if done.rc != 0:
        text = "; ".join((done.stderr.strip() or done.stdout.strip()).splitlines())
        raise NetoptError(
            f"ethtool -K {iface} {' '.join(words)}: {text or f'exit status {done.rc}'}",
            stage="apply",
            key=f"{iface} {' '.join(todo['features'])}",
            wanted=" ".join(words),
            after=text or None,
            hint="Another feature that it needs may be off, or the driver does not let it change.",
        )


def _set_setting(todo: dict[str, Any]) -> None:
    """Write one IPv6 setting of an interface, unless it is right."""
    path, value = PROC_SYS / todo["path"], todo["value"]
    key = canonical(todo["path"])
    try:
        if " ".join(path.read_text(encoding="utf-8").split()) != value:
            path.write_text(value + "\n", encoding="utf-8")
    except OSError as error:
        raise NetoptError(
            f"The kernel refused {key}={value}: {error.strerror}", stage="apply", key=key, wanted=value
        ) from None


def _prune(todo: dict[str, Any], tools: Tools) -> None:
    """Remove the addresses that the kernel made anew and that were not there before."""
    shown = _ip(["-6", "-j", "addr", "show", "dev", todo["iface"]], tools, stage="apply")
    for address in shown[0].get("addr_info", []) if shown else []:
        text = f"{address['local']}/{address['prefixlen']}"
        if text not in todo["keep"]:
            tools.run(["ip", "-6", "addr", "del", text, "dev", todo["iface"]], stage="apply")


def _add_address(todo: dict[str, Any], tools: Tools) -> None:
    """Give an address back, unless the kernel has brought it back."""
    shown = _ip(["-6", "-j", "addr", "show", "dev", todo["iface"]], tools, stage="apply")
    if not address_present(todo["address"], shown[0].get("addr_info", []) if shown else []):
        tools.run(todo["argv"], stage="apply")


def _set_route(todo: dict[str, Any], tools: Tools) -> None:
    """Give a route its MTU back, where the kernel has changed it; one that is locked it has left alone."""
    routes = _ip(["-6", "-j", "-d", "route", "show", "table", "all"], tools, stage="apply")
    if has_other_mtu(todo["route"], kept_routes(routes, todo["iface"])):
        tools.run(todo["argv"], stage="apply")


def perform(operation: Operation, tools: Tools) -> None:
    """Carry out one operation.

    Raises:
        NetoptError: the kernel or the driver refused it.
    """
    todo = operation.payload
    if todo["do"] == "mtu":
        _set_mtu(todo, tools)
    elif todo["do"] == "features":
        _set_features(todo, tools)
    elif todo["do"] == "nic":
        set_nic(todo, tools)
    elif todo["do"] == "steering":
        set_steering(todo)
    elif todo["do"] == "setting":
        _set_setting(todo)
    elif todo["do"] == "route":
        _set_route(todo, tools)
    elif todo["do"] == "prune":
        _prune(todo, tools)
    elif todo["do"] == "address":
        _add_address(todo, tools)
    else:
        tools.run(todo["argv"], stage="apply")

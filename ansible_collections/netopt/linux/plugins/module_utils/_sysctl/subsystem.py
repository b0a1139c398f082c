# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctl keys: what a plan asks for, how it reads as commands, and what has to be written to get there.

State: ``{"values": {key: text or None}, "read_only": [key], "mounted_read_only": [key], "modules": {name: state},
"initial_netns": bool, "page_bytes": int, "lro": {iface: bool}, "ra_default": [iface], "ipv6_given": {iface: what}}``.
Keys are spelt as by ``keys.canonical``.
A module's state is ``missing`` (the kernel has none), ``loadable``, ``idle`` (loaded, nothing uses it) or ``used``.
A wanted state holds only what is wanted; whatever it leaves out is not compared.
"""

from __future__ import annotations

import shlex
from dataclasses import field
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.errors import NetoptError
from .._common.quick_dataclass import dataclass
from .._plan.nic_words import RFS_ENTRIES, RFS_KEY, power_of_two
from .keys import for_interfaces, proc_path, refuse_secrets, same
from .side_effects import (
    AVAILABLE_CONGESTION_CONTROL,
    CONGESTION_CONTROL,
    IPV6_FORWARD,
    interface_of,
    is_forwarding,
    is_reset_by,
    resets,
    turns_ipv6_off,
    write_order,
    write_sequence,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    State = dict[str, Any]

CONNTRACK_MAX = "net.netfilter.nf_conntrack_max"
CONNTRACK_BUCKETS = "net.netfilter.nf_conntrack_buckets"
# ConnectionTracking fields of a plan that are sysctl keys; the other fields are rules of the firewall
CONNECTION_TRACKING = {
    "max_connections": CONNTRACK_MAX,
    "tcp_timeout_established": "net.netfilter.nf_conntrack_tcp_timeout_established",
    "tcp_timeout_close_wait": "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
}
# Each connection has two entries in the hash table, so half of max keeps the chains at four entries when it is full
# (Documentation/networking/nf_conntrack-sysctl.rst: by default max equals buckets, chains of two).
ENTRIES_PER_BUCKET = 2
MODULE_PREFIXES = {"net.netfilter.nf_conntrack_": "nf_conntrack", "net.bridge.": "br_netfilter"}
LOADED = ("idle", "used")


@dataclass(frozen=True)
class Intent:
    """What a plan asks of the sysctl keys.

    Attributes:
        values: the wanted value of each key, in the order of writing.
        floors: keys that are raised to at least this number and never lowered.
        skippable: keys that a kernel may lack, each with the reason to report.
        modules: the kernel module that brings a key.
        former: what is to be as it was, since no plan asks for it any more: ``{"values", "modules", "lro"}`` as in a
            State; empty where nothing is.
    """

    values: dict[str, str] = field(default_factory=dict)
    floors: dict[str, int] = field(default_factory=dict)
    skippable: dict[str, str] = field(default_factory=dict)
    modules: dict[str, str] = field(default_factory=dict)
    former: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether anything is asked for."""
        return bool(self.values or self.floors or self.former)


def _module_of(key: str, modules: Mapping[str, str]) -> str | None:
    """Return the module that brings a key: as the policy says, else as is known of the kernel."""
    if key in modules:
        return modules[key]
    if key == "net.nf_conntrack_max":
        return "nf_conntrack"
    return next((module for prefix, module in MODULE_PREFIXES.items() if key.startswith(prefix)), None)


def _texts(sysctl: Mapping[str, Any]) -> dict[str, str]:
    """Return values as the kernel takes them, by key."""
    texts = {}
    for key, value in sysctl.items():
        texts[key] = " ".join(str(int(value) if isinstance(value, bool) else value).split())
        if not texts[key]:
            raise NetoptError(f"{key} has no value", stage="plan", key=key, hint="Give a value, or leave the key out.")
    return texts


def _collect(changes: Mapping[str, Any], ifaces: Sequence[str]) -> dict[str, str]:
    """Return the values that ``sysctl``, ``connection_tracking`` and ``steering`` of a plan ask for, by key."""
    values = for_interfaces(_texts(changes.get("sysctl", {})), ifaces)
    refuse_secrets(values)
    entries = (changes.get("steering") or {}).get(RFS_ENTRIES)
    if entries is not None:
        _also(values, RFS_KEY, str(power_of_two(entries)), f"steering.{RFS_ENTRIES}")
    for name, key in CONNECTION_TRACKING.items():
        if name not in changes.get("connection_tracking", {}):
            continue
        _also(values, key, str(changes["connection_tracking"][name]), f"connection_tracking.{name}")
    return values


def _also(values: dict[str, str], key: str, text: str, field_name: str) -> None:
    """Add the value of a key that a field of a plan stands for.

    Raises:
        NetoptError: ``sysctl`` of the plan has another one.
    """
    if not same(key, values.get(key, text), text):
        raise NetoptError(
            f"{field_name} and sysctl.{key} disagree",
            stage="plan",
            key=key,
            wanted=f"{text} and {values[key]}",
            hint="Keep one of the two.",
        )
    values[key] = text


def intent(
    changes: Mapping[str, Any],
    ifaces: tuple[str, ...] = (),
    *,
    skippable: Mapping[str, str] | None = None,
    modules: Mapping[str, str] | None = None,
) -> Intent:
    """Return what the changes of a plan ask of the sysctl keys.

    Args:
        changes: the normalised changes of a plan; ``sysctl``, ``connection_tracking`` and ``steering`` are read.
        ifaces: what ``{iface}`` in a key stands for.
        skippable: ``{key: reason}`` of keys that are left out where the kernel lacks them.
        modules: ``{key: kernel module}`` of keys that exist once a module is loaded.

    Raises:
        NetoptError: a key is no legal name, or is asked for twice with different values.
    """
    values = _collect(changes, ifaces)
    ordered = {key: values[key] for key in sorted(values, key=lambda key: (write_order(key), key))}
    floors = {}
    maximum = changes.get("connection_tracking", {}).get("max_connections")
    if maximum is not None and CONNTRACK_BUCKETS not in ordered:
        floors[CONNTRACK_BUCKETS] = -(-int(maximum) // ENTRIES_PER_BUCKET)
    given = for_interfaces(modules or {}, ifaces or ("all",))
    reasons = for_interfaces(skippable or {}, ifaces or ("all",))
    named = {key: _module_of(key, given) for key in (*ordered, *floors)}
    return Intent(
        values=ordered,
        floors=floors,
        skippable={key: reason for key, reason in reasons.items() if key in ordered},
        modules={key: module for key, module in named.items() if module},
    )


def _command(key: str, value: str) -> str:
    """Return the command that sets a key, as an operator would type it."""
    return f"sysctl -w {shlex.quote(key)}={shlex.quote(value)}"


def render(wanted: Intent) -> list[str]:
    """Return the commands that set the keys; running them again changes nothing.

    A module is loaded only where its keys are absent, and a floor is written only where the value is below it.
    """
    lines = []
    for module in dict.fromkeys(wanted.modules.values()):
        key = next(key for key, name in wanted.modules.items() if name == module)
        lines.append(f"[ -e {shlex.quote('/proc/sys/' + proc_path(key))} ] || modprobe {shlex.quote(module)}")
    for key, value in wanted.values.items():
        guard = f"[ ! -e {shlex.quote('/proc/sys/' + proc_path(key))} ] || " if key in wanted.skippable else ""
        lines.append(guard + _command(key, value))
    for key, floor in wanted.floors.items():
        lines.append(f'[ "$(sysctl -n {key})" -ge {floor} ] || {_command(key, str(floor))}')
    return lines


def congestion_module(value: str) -> str:
    """Return the kernel module of a congestion control algorithm."""
    return f"tcp_{value}"


def scope(wanted: Intent) -> dict[str, Any]:
    """Return what has to be read for an intent, keys that its keys reset included.

    ``{"keys": [key or pattern], "modules": [module], "lro": bool, "ra": bool}``, and ``"ipv6_given": True`` where IPv6
    may be turned off.
    """
    former = wanted.former.get("values", {})
    keys = dict.fromkeys((*wanted.values, *wanted.floors, *former))
    for key in tuple(keys):
        keys.update(dict.fromkeys(resets(key)))
    modules = list(dict.fromkeys((*wanted.modules.values(), *wanted.former.get("modules", {}))))
    if CONGESTION_CONTROL in wanted.values:
        keys[AVAILABLE_CONGESTION_CONTROL] = None
        modules.append(congestion_module(wanted.values[CONGESTION_CONTROL]))
    found = {
        "keys": list(keys),
        "modules": modules,
        "lro": any(is_forwarding(key) for key in (*wanted.values, *former)),
        "ra": IPV6_FORWARD in wanted.values or IPV6_FORWARD in former,
    }
    if any(turns_ipv6_off(key) for key in wanted.values):
        found["ipv6_given"] = True
    return found


def diff(current: State, wanted: State) -> list[Change]:
    """Return what differs between two states, as a person would read it."""
    changes = [
        Change("sysctl", key, current["values"].get(key), value)
        for key, value in wanted["values"].items()
        if _differs(key, current, wanted)
    ]
    changes += [
        Change("sysctl", f"module {module}", "not loaded", "loaded")
        for module, state in wanted.get("modules", {}).items()
        if _to_load(current, module, state)
    ]
    return changes + [Change("sysctl", f"{name} lro", "off", "on") for name in _lro_to_enable(current, wanted)]


def _to_load(current: State, module: str, state: str) -> bool:
    return state in LOADED and current.get("modules", {}).get(module) not in LOADED


def _to_unload(current: State, module: str, state: str, *, writing: bool) -> bool:
    """Tell whether a module is to go; one in use may become idle by what is written, as an algorithm does."""
    now = current.get("modules", {}).get(module)
    return state not in LOADED and (now == "idle" or (now == "used" and writing))


def _lro_to_enable(current: State, wanted: State) -> list[str]:
    """Return the interfaces whose LRO was on, is off now, and can come back."""
    now = current.get("lro", {})
    return [name for name, on in wanted.get("lro", {}).items() if on and now.get(name) is False]


def _reachable(key: str, current: State, wanted: State) -> bool:
    """Tell whether a key can be written now: it is there, or a module that is to be loaded may bring it.

    Keys of an interface that has gone, and of a module that was unloaded, cannot be and need not be restored.
    """
    if key == AVAILABLE_CONGESTION_CONTROL or wanted["values"][key] is None:
        return False
    if current["values"].get(key) is not None:
        return True
    if interface_of(key):
        return False
    return any(_to_load(current, module, state) for module, state in wanted.get("modules", {}).items())


def _differs(key: str, current: State, wanted: State) -> bool:
    return _reachable(key, current, wanted) and not same(key, current["values"].get(key), wanted["values"][key])


def _also_written(keys: Iterable[str], current: State, wanted: State) -> set[str]:
    """Return the keys to write: those that differ, and those that writing these would reset."""
    to_write = {key for key in keys if _differs(key, current, wanted)}
    while True:
        more = {
            key
            for key in keys
            if key not in to_write
            and _reachable(key, current, wanted)
            and any(is_reset_by(key, writer) and write_order(writer) < write_order(key) for writer in to_write)
        }
        if not more:
            return to_write
        to_write |= more


def operations(current: State, wanted: State) -> list[Operation]:
    """Return the steps from one state to the other: modules, then keys in order, then LRO, then idle modules.

    A key that another key resets is written after it even when it does not differ now; ``perform`` leaves a
    value alone that is right already, and a module that is still in use. Empty exactly when nothing differs.
    """
    modules = wanted.get("modules", {})
    steps = [
        Operation("sysctl", f"module {module}", f"modprobe {module}", {"do": "load", "module": module})
        for module, state in modules.items()
        if _to_load(current, module, state)
    ]
    to_write = _also_written(tuple(wanted["values"]), current, wanted)
    for key in write_sequence(to_write, current["values"], wanted["values"]):
        value = wanted["values"][key]
        payload = {"do": "write", "value": value, "before": current["values"].get(key)}
        steps.append(Operation("sysctl", key, _command(key, " ".join(value.split())), payload))
    steps += [
        Operation("sysctl", f"{name} lro", f"ethtool -K {name} lro on", {"do": "lro", "iface": name})
        for name in _lro_to_enable(current, wanted)
    ]
    return steps + [
        Operation("sysctl", f"module {module}", f"modprobe -r {module}", {"do": "unload", "module": module})
        for module, state in modules.items()
        if _to_unload(current, module, state, writing=bool(to_write))
    ]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merges what a plan asks of sysctl keys with what a host has: the wanted state, what is skipped, what is refused."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .keys import same
from .side_effects import (
    ALLOWED_CONGESTION_CONTROL,
    AVAILABLE_CONGESTION_CONTROL,
    CONGESTION_CONTROL,
    IPV6_FORWARD,
    interface_of,
    turns_ipv6_off,
)
from .subsystem import CONNTRACK_BUCKETS, LOADED, Intent, congestion_module

if TYPE_CHECKING:
    State = dict[str, Any]

BUCKET_BYTES = struct.calcsize("P")
_INITIAL_ONLY = (
    "Outside the initial network namespace many keys of the host are not there, and a kernel may lack it altogether: "
    "set it on the machine that holds this namespace, or leave it out."
)


def _absent(key: str, value: str, intent: Intent, current: State) -> NetoptError:
    """Return the error for a key that the kernel lacks, with the most likely cause as its hint."""
    module = intent.modules.get(key)
    iface = interface_of(key)
    if module and current["modules"].get(module) == "missing":
        hint = f"It needs the kernel module {module}, which is not installed for this kernel."
    elif iface:
        hint = f"There is no interface {iface}, or it does not have this key; ip link lists the interfaces."
    elif not current["initial_netns"]:
        hint = _INITIAL_ONLY
    else:
        hint = "This kernel was built without it or has dropped it: leave it out for this host."
    return NetoptError(f"This kernel has no {key}", stage="rehearse", key=key, wanted=value, after="absent", hint=hint)


def _read_only(key: str, value: str, current: State) -> NetoptError:
    """Return the error for a key that exists and cannot be written."""
    hint = "Nothing may write it here: the kernel offers it for reading only."
    if key in current["mounted_read_only"]:
        hint = (
            "/proc/sys is mounted read-only here, as in most containers: set it when the container is started "
            f"(--sysctl {key}={value}), or mount /proc/sys read-write."
        )
    elif not current["initial_netns"]:
        hint = "It can be written only in the initial network namespace: set it on the machine that holds this one."
    return NetoptError(
        f"{key} is read-only here",
        stage="rehearse",
        key=key,
        wanted=value,
        before=current["values"][key],
        after=current["values"][key],
        hint=hint,
    )


def _check_ipv6_comes_back(key: str, value: str, current: State) -> None:
    """Raise where turning IPv6 off would take what the kernel does not make again by itself."""
    iface = interface_of(key)
    for name, given in current.get("ipv6_given", {}).items():
        if iface in (None, name):
            raise NetoptError(
                f"{key}={value} takes {given} from {name}, which a rollback could not bring back",
                stage="rehearse",
                key=key,
                wanted=value,
                before="0",
                hint="Turn IPv6 off in the network configuration of the host instead; link-local addresses alone do "
                "not stand in the way.",
            )


def _check_irreversible(key: str, value: str, intent: Intent, current: State) -> None:
    """Raise for a write that makes the kernel drop what no rollback can bring back."""
    turned_on = same(key, value, "1") and same(key, current["values"].get(key), "0")
    if turns_ipv6_off(key) and turned_on:
        _check_ipv6_comes_back(key, value, current)
    if key != IPV6_FORWARD or not turned_on:
        return
    for iface in current.get("ra_default", []):
        if intent.values.get(f"net.ipv6.conf.{iface.replace('.', '/')}.accept_ra") != "2":
            raise NetoptError(
                f"{key}=1 removes the default route that {iface} learned from router advertisements",
                stage="rehearse",
                key=key,
                wanted=value,
                before="0",
                hint=f"Also set net.ipv6.conf.{iface.replace('.', '/')}.accept_ra to 2, which keeps the route.",
            )


def _check_congestion_control(value: str, current: State) -> str | None:
    """Return the module to load for a congestion control algorithm, ``None`` when it is there.

    Raises:
        NetoptError: neither the kernel nor its modules have it.
    """
    available = (current["values"].get(AVAILABLE_CONGESTION_CONTROL) or "").split()
    module = congestion_module(value)
    allowed = (current["values"].get(ALLOWED_CONGESTION_CONTROL) or "").split()
    if not current["initial_netns"] and value not in allowed:
        raise NetoptError(
            f"The congestion control algorithm {value} may not be chosen in this network namespace",
            stage="rehearse",
            key=CONGESTION_CONTROL,
            wanted=value,
            before=current["values"].get(CONGESTION_CONTROL),
            after="allowed: " + (" ".join(allowed) or "none"),
            hint=f"Add it to {ALLOWED_CONGESTION_CONTROL} on the machine that holds this namespace.",
        )
    if value in available:
        return None
    if current["modules"].get(module) == "loadable":
        return module
    raise NetoptError(
        f"The congestion control algorithm {value} is not available",
        stage="rehearse",
        key=CONGESTION_CONTROL,
        wanted=value,
        before=current["values"].get(CONGESTION_CONTROL),
        after="available: " + (" ".join(available) or "none"),
        hint=f"This kernel has no module {module}; choose one that is available.",
    )


def buckets_for(floor: int, page_bytes: int) -> int:
    """Return the number of buckets that the kernel makes of a request: whole pages of them (nf_ct_alloc_hashtable)."""
    per_page = page_bytes // BUCKET_BYTES
    return -(-floor // per_page) * per_page


def _floor_reached(key: str, floor: int, current: State) -> bool:
    value = current["values"].get(key)
    return value is not None and int(value) >= floor


def merge(intent: Intent, current: State) -> State:
    """Return the state that an intent leads to: ``values`` of the keys it names and ``modules`` to be loaded.

    Raises:
        NetoptError: a key is absent or read-only, an algorithm is not available, or a write could not be undone.
    """
    values: dict[str, str | None] = {}
    modules: dict[str, str] = {}
    for key, value in intent.values.items():
        now = current["values"].get(key)
        module = intent.modules.get(key)
        if now is None and module and current["modules"].get(module) == "loadable":
            modules[module] = "used"
        elif now is None and key in intent.skippable:
            continue
        elif now is None:
            raise _absent(key, value, intent, current)
        elif not same(key, now, value):
            if key in current["read_only"]:
                raise _read_only(key, value, current)
            _check_irreversible(key, value, intent, current)
            if key == CONGESTION_CONTROL:
                needed = _check_congestion_control(value, current)
                modules.update({needed: "used"} if needed else {})
        values[key] = _rounded(key, value, current)
    for key, floor in intent.floors.items():
        loading = intent.modules.get(key) in modules
        if loading or (not _floor_reached(key, floor, current) and not _floor_skipped(key, current)):
            values[key] = str(buckets_for(floor, current["page_bytes"]))
    found: State = {"values": values, "modules": modules}
    return _with_former(intent, current, found) if intent.former else found


def _with_former(intent: Intent, current: State, found: State) -> State:
    """Return a wanted state together with what is to be as it was; keys that are gone need no giving back."""
    back = {
        key: value
        for key, value in intent.former["values"].items()
        if key not in found["values"] and value is not None and current["values"].get(key) is not None
    }
    for key, value in back.items():
        if not same(key, current["values"][key], value):
            if key in current["read_only"]:
                raise _read_only(key, value, current)
            _check_irreversible(key, value, intent, current)
    return {
        "values": {**found["values"], **back},
        "modules": {**intent.former["modules"], **found["modules"]},
        "lro": intent.former["lro"],
    }


def _rounded(key: str, value: str, current: State) -> str:
    """Return the value that the kernel will keep where it is known to round."""
    if key != CONNTRACK_BUCKETS or not value.isdigit():
        return value
    return str(buckets_for(int(value), current["page_bytes"]))


def _floor_skipped(key: str, current: State) -> bool:
    return current["values"].get(key) is None or key in current["read_only"]


def skipped(intent: Intent, current: State) -> list[dict[str, str]]:
    """Return what an intent asks for and a host is spared: ``[{"key", "reason"}]``."""
    out = []
    for key, reason in intent.skippable.items():
        module = intent.modules.get(key)
        if current["values"].get(key) is None and current["modules"].get(module or "") not in (*LOADED, "loadable"):
            out.append({"key": key, "reason": reason})
    for key, floor in intent.floors.items():
        if _floor_skipped(key, current) and current["modules"].get(intent.modules.get(key, "")) != "loadable":
            now = current["values"].get(key)
            reason = f"stays at {now}, wanted at least {floor}: it cannot be written here" if now else "absent"
            if not _floor_reached(key, floor, current):
                out.append({"key": key, "reason": reason})
    return out

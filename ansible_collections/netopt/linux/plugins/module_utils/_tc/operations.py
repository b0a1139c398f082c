# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs between two tc States, and the operations that lead from one to the other. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .bulk_diff import differing as _differing
from .objects import GONE, ROOT, State, TcObject, default_kinds, has_root, placed, same
from .show_parse import command_of, shown
from .transition import default_kind_for, tree_steps

if TYPE_CHECKING:
    from .u32_steps import Steps

ONE_BY_ONE = 256  # up to so many steps on an interface, each is an operation of its own
CHUNK = 1024
TEMPORARY_ROOT = TcObject("qdisc", "pfifo", 0, ROOT, options=b"\xe8\x03\0\0")  # struct tc_fifo_qopt: 1000 packets


def operations(current: State, wanted: State) -> list[Operation]:
    """Return the operations that lead from ``current`` to ``wanted``, in order; none when nothing differs."""
    now, then = current["interfaces"], wanted["interfaces"]
    helpers = [name for name in then if then[name] is None or then[name]["link"].get("helper")]
    remade = {name for name in helpers if _must_be_made_anew(now.get(name), then[name])}
    found: list[Operation] = []
    for name in helpers:
        if then[name] is not None:
            found += _link_operations(name, now.get(name), then[name], anew=name in remade)
    for name in [*helpers, *(name for name in then if name not in helpers)]:
        if then[name] is not None:
            found += _tree_operations(name, None if name in remade else now.get(name), then[name], remade)
    for name in then:
        if name not in helpers:
            touched = any(one.key.startswith(name + " ") for one in found)
            found += _queue_length(name, now[name], then[name], touched=touched)
    for name in helpers:
        if then[name] is None and now.get(name) is not None:
            found.append(_link_operation(name, "link-delete", now[name]["link"]))
    return found


def _must_be_made_anew(now: dict[str, Any] | None, then: dict[str, Any] | None) -> bool:
    """Return whether an existing device of ours has an identity other than the wanted one."""
    if now is None or then is None:
        return False
    fields = ("kind", "index", "address", "tx_queues", "rx_queues")
    return any(then["link"].get(field) not in (None, now["link"].get(field)) for field in fields)


def _link_operation(name: str, verb: str, link: dict[str, Any]) -> Operation:
    """Return the operation that makes, sets or removes a device."""
    words = {"link-add": "add", "link-set": "set", "link-delete": "del"}[verb]
    details = ""
    if verb == "link-add":
        queues = f" numtxqueues {link['tx_queues']}" if (link.get("tx_queues") or 1) > 1 else ""
        details = f" mtu {link['mtu']} txqueuelen {link['txqlen']}{queues} type {link['kind']}"
        details += f" && ip link set dev {name} up" if link["up"] else ""
    if verb == "link-set":
        options = [
            f"{word} {link[field]}" for field, word in (("mtu", "mtu"), ("txqlen", "txqueuelen")) if field in link
        ]
        options += ["up" if link["up"] else "down"] if "up" in link else []
        details = " " + " ".join(options)
    step = {"verb": verb, "iface": name, "link": link}
    return Operation("tc", f"{name} link", f"ip link {words} dev {name}{details}", {"steps": [step]})


def _link_operations(name: str, now: dict[str, Any] | None, then: dict[str, Any], *, anew: bool) -> list[Operation]:
    """Return the operations that make a device of ours exist as wanted."""
    if now is None or anew:
        removed = [_link_operation(name, "link-delete", now["link"])] if now else []
        return [*removed, _link_operation(name, "link-add", then["link"])]
    differing = {
        field: then["link"][field] for field in ("mtu", "txqlen", "up") if then["link"][field] != now["link"][field]
    }
    return [_link_operation(name, "link-set", differing)] if differing else []


def _queue_length(name: str, now: dict[str, Any], then: dict[str, Any], *, touched: bool) -> list[Operation]:
    """Return the operation that sets back the queue length; a first qdisc makes the kernel turn 0 into its default."""
    wanted = then["link"]["txqlen"]
    if now["link"]["txqlen"] == wanted and (wanted or not touched):
        return []
    return [_link_operation(name, "link-set", {"txqlen": wanted})]


def _other_default(current: list[TcObject], wanted: list[TcObject], then: dict[str, Any]) -> bool:
    """Return whether the kernel's own tree is there but of another kind than wanted."""
    if then.get("default") or has_root(wanted) or has_root(current):
        return False
    return default_kinds(current, 0) != default_kinds(wanted, 0)


def differing(now: dict[str, Any] | None, then: dict[str, Any] | None) -> tuple[list[TcObject], list[TcObject]]:
    """Return the objects of two interfaces of a State that may differ.

    What points at a device that is gone is wanted only where it is there: it cannot be made, and passes nothing on. The
    table of u32 that the kernel makes for such a filter goes with it.
    """
    current, wanted = _differing(now, then)
    there = {one.key for one in current if GONE in one.devices}
    left = [one for one in wanted if GONE not in one.devices or one.key in there]
    if len(left) == len(wanted):
        return current, wanted
    groups = {_group(one) for one in left if one.form == "filter" and not one.is_first_table}
    return current, [one for one in left if not one.is_first_table or _group(one) in groups]


def _group(one: TcObject) -> tuple[int, int, int]:
    """Return the place, the chain and the preference with protocol of a filter."""
    return one.parent, one.chain or 0, one.info


def _tree_operations(name: str, now: dict[str, Any] | None, then: dict[str, Any], remade: set[str]) -> list[Operation]:
    """Return the operations on one interface's tree."""
    found, wanted = differing(now, then)
    current = [one for one in found if not remade.intersection(one.devices)]
    steps = tree_steps(current, wanted)
    if _other_default(current, wanted, then):
        steps = [("replace", TEMPORARY_ROOT), ("delete", TEMPORARY_ROOT), *steps]
    size = 1 if len(steps) <= ONE_BY_ONE else CHUNK
    return [_chunk(name, steps[start : start + size], wanted) for start in range(0, len(steps), size)]


def _chunk(name: str, steps: Steps, wanted: list[TcObject]) -> Operation:
    """Return one operation for one or more steps."""
    told = []
    for verb, one in steps:
        step = {"verb": verb, "iface": name, "object": one}
        kind = default_kind_for(verb, one, wanted)
        if kind:
            step["default_qdisc"] = kind
        told.append(step)
    verb, first = steps[0]
    more = f" (and {len(steps) - 1} more like it)" if len(steps) > 1 else ""
    return Operation("tc", f"{name} {first.name}", command_of(name, verb, first) + more, {"steps": told})


def _link_text(interface: dict[str, Any] | None) -> str | None:
    """Return a device of ours in words."""
    if interface is None:
        return None
    link = interface["link"]
    return f"{link['kind']} mtu {link['mtu']} txqueuelen {link['txqlen']} {'up' if link['up'] else 'down'}"


def diff(current: State, wanted: State) -> list[Change]:
    """Return what differs, object by object, in the words of ``tc -d``."""
    found = []
    for name, then in wanted["interfaces"].items():
        now = current["interfaces"].get(name)
        helper = then is None or then["link"].get("helper")
        if helper and (_link_text(now) != _link_text(then) or _must_be_made_anew(now, then)):
            found.append(Change("tc", f"{name} link", _link_text(now), _link_text(then)))
        if not helper and now and now["link"]["txqlen"] != then["link"]["txqlen"]:
            found.append(Change("tc", f"{name} txqueuelen", str(now["link"]["txqlen"]), str(then["link"]["txqlen"])))
        if then is not None or now is not None:
            found += _object_changes(name, now, then)
    return found


def _object_changes(name: str, now: dict[str, Any] | None, then: dict[str, Any] | None) -> list[Change]:
    """Return the differences between the objects of one interface."""
    current, wanted = differing(now, then)
    before = {one.key: one for one in placed(current)}
    after = {one.key: one for one in placed(wanted)}
    found = []
    if then is not None and _other_default(current, wanted, then):
        kinds = (" ".join(default_kinds(current, 0)), " ".join(default_kinds(wanted, 0)))
        found.append(Change("tc", f"{name} qdisc root", f"default ({kinds[0]})", f"default ({kinds[1]})"))
    for key in [*before, *(key for key in after if key not in before)]:
        old, new = before.get(key), after.get(key)
        if old is not None and new is not None and same(old, new):
            continue
        found.append(Change("tc", f"{name} {(old or new).name}", shown(old), shown(new)))  # type: ignore[union-attr]
    return _joined(found)


def _joined(found: list[Change]) -> list[Change]:
    """Return the changes with a replacement told as one, not as a removal and an addition under the same name."""
    joined: dict[str, Change] = {}
    for one in found:
        there = joined.get(one.key)
        if there is None:
            joined[one.key] = one
        else:
            joined[one.key] = Change("tc", one.key, there.before or one.before, there.after or one.after)
    return list(joined.values())

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes what a plan asks of traffic control for real, in the scratch namespace, and reads it back.

What is read back there, in the kernel's own form, is what is then wanted on the host. Parts of an interface's tree
that the plan does not touch are wanted as they are.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._netlink import messages as rt
from .._netlink.route_socket import RouteSocket
from .command import Command
from .commands import commands
from .intent import MQ
from .netem_tables import with_tables
from .netlink_messages import encode
from .netlink_options import loose
from .objects import ROOT, State, TcObject, ifb_name, objects, packed
from .observe import links, observe
from .refused_commands import complaint, refused_command
from .rehearse_bulk import WORKSHOP, cloned, shapes_of, split, workshop_commands
from .root_and_ingress import gives_back, is_ours, part, refuse_irreplaceable, refuse_unshown
from .round_trip import rehearse_round_trip
from .same_tree import with_numbers_of
from .stand_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .._host.commands import Tools
    from .intent import Intent

U32_MARK = 10  # TCA_U32_MARK
BATCH_LINES = 2000  # so many fit into one tool's timeout on a busy host


def resolve(intent: Intent, current: State, tools: Tools) -> State:
    """Return the State that the intent leads to; to be called inside a scratch namespace, which is left for another.

    Raises:
        NetoptError: the kernel or tc refuses the plan, loses part of it without a word, or the change or its rollback
            does not lead to where it should.
        ScratchUnavailableError: there can be no second namespace.
    """
    if not intent:
        return {"interfaces": {}}
    refuse_unshown(intent, current)
    _load_ifb(intent, tools)
    with RouteSocket() as route:
        for iface in intent.ifaces:
            stand_in(route, iface, current["interfaces"][iface]["link"], mtu=intent.of(iface).mtu)
    todo = _commands(intent, current)
    parts = {iface: _split(intent.of(iface), each, iface) for iface, each in todo.items()}
    _run([one for _heavy, light in parts.values() for one in light], tools, stage="rehearse")
    clones = {
        iface: _shaped(intent.of(iface), iface, current["interfaces"][iface]["link"], heavy, light, tools)
        for iface, (heavy, light) in parts.items()
        if heavy
    }
    made = _with_clones(observe({"ifaces": list(intent.ifaces)}, tools), clones)
    wanted = _merged(intent, current, _checked(intent, made, todo))
    rehearse_round_trip(intent, current, wanted, tools)
    return wanted


def _commands(intent: Intent, current: State) -> dict[str, list[Command]]:
    """Return the commands for each interface as it is on this host."""
    queues = {iface: current["interfaces"][iface]["link"]["tx_queues"] for iface in intent.ifaces}
    return {iface: commands(intent, iface, queues=queues[iface]) for iface in intent.ifaces}


def _split(intent: Intent, todo: list[Command], iface: str) -> tuple[list[Command], list[Command]]:
    """Return (what is rehearsed by shape, all other commands); below mq all is made as it is, queue by queue."""
    return ([], todo) if intent.kind == MQ else split(todo, iface)


def _shaped(
    intent: Intent, iface: str, link: dict[str, Any], heavy: list[Command], light: list[Command], tools: Tools
) -> list[TcObject]:
    """Return the classes of a large tree and the qdiscs below them, each distinct one made for real, and once."""
    root = next(one.words[8:] for one in light if one.words[:8] == _root_words(iface))
    shapes = shapes_of(heavy)
    with RouteSocket() as route:
        stand_in(route, WORKSHOP, {**link, "index": None}, mtu=intent.mtu)
        _tc_batches(workshop_commands(shapes, root), tools, "rehearse")
        found = cloned(route, heavy, shapes)
        indices = {name: each["index"] for name, each in links(route).items()}
        route.change([encode({"verb": "link-delete", "iface": WORKSHOP}, indices)])
    return found


def _root_words(iface: str) -> tuple[str, ...]:
    return ("tc", "qdisc", "replace", "dev", iface, "root", "handle", "1:")


def _with_clones(found: State, clones: dict[str, list[TcObject]]) -> State:
    """Return a State in which the objects that were not made stand in their places."""
    for iface, more in clones.items():
        there = objects(found["interfaces"][iface])
        own = [one for one in there if one.form == "qdisc" and one.parent == ROOT]
        rest = [one for one in there if one not in own]
        found["interfaces"][iface].update(packed([*own, *more, *rest]))
    return found


def force(intent: Intent, current: State, tools: Tools) -> State:
    """Make the intent on the real interfaces and return the State there, for hosts without scratch namespaces.

    Raises:
        NetoptError: as ``resolve``; the host may then be left half way, the caller restores ``current``.
    """
    if not intent:
        return {"interfaces": {}}
    refuse_irreplaceable(intent, current)
    _load_ifb(intent, tools)
    todo = _commands(intent, current)
    _run([one for each in todo.values() for one in each], tools, stage="apply")
    return _checked(intent, observe({"ifaces": list(intent.ifaces)}, tools), todo)


def _load_ifb(intent: Intent, tools: Tools) -> None:
    """Load ifb without the two devices that it makes by default; a kernel that has it built in ignores this."""
    if any(one.shapes_ingress for one in intent.parts):
        tools.run(["modprobe", "-q", "ifb", "numifbs=0"], stage="rehearse", check=False)


def _run(asked: Sequence[Command], tools: Tools, *, stage: str) -> None:
    """Run the rendered commands: devices first, then all of tc in a batch, then what is no longer needed."""
    with RouteSocket() as route:
        there = set(links(route))
    todo = [
        one
        for one in asked
        if (one.unless is None or one.unless not in there) and (one.when is None or one.when in there)
    ]
    for one in todo:
        if one.words[0] == "ip" and one.when is None:
            _ip(one, tools, stage)
    _tc_batches([one for one in todo if one.words[0] == "tc"], tools, stage)
    for one in todo:
        if one.words[0] == "ip" and one.when is not None:
            _ip(one, tools, stage)


def _tc_batches(batch: list[Command], tools: Tools, stage: str) -> None:
    """Run tc commands in as few processes as their timeout allows."""
    for start in range(0, len(batch), BATCH_LINES):
        _tc_batch(batch[start : start + BATCH_LINES], tools, stage)


def _tc_batch(batch: list[Command], tools: Tools, stage: str) -> None:
    """Run tc commands in one process."""
    lines = "".join([" ".join([shlex.quote(word) for word in one.words[1:]]) + "\n" for one in batch])
    done = tools.run(["tc", "-batch", "-"], stage=stage, stdin=lines, check=False)
    if done.rc:
        raise refused_command(batch, done.stderr or done.stdout, stage)


def _ip(one: Command, tools: Tools, stage: str) -> None:
    """Run one ip command."""
    done = tools.run(one.words, stage=stage, check=False)
    if done.rc:
        said = complaint(done.stderr or done.stdout)
        raise NetoptError(
            f"{one.key}: {said}",
            stage=stage,
            key=one.key,
            wanted=" ".join(one.words),
            after=said,
            hint="Shaping ingress needs ifb devices (CONFIG_IFB, module ifb)." if "ifb" in one.words else None,
        )


def _checked(intent: Intent, found: State, asked_for: dict[str, list[Command]]) -> State:
    """Return the State that was made, once it is clear that nothing of the plan was lost on the way."""
    for iface, todo in asked_for.items():
        wanted = intent.of(iface)
        if any(one.words[:3] == ("ip", "link", "set") for one in todo):
            _expect_up(ifb_name(iface), found["interfaces"].get(ifb_name(iface)))
        for device in (iface, ifb_name(iface)):
            _expect_filters(device, wanted, found, [one for one in todo if one.words[4:5] == (device,)])
            _expect_netem(device, found, [one for one in todo if one.words[4:5] == (device,)])
    return found


def _expect_netem(device: str, found: State, todo: list[Command]) -> None:
    """Raise unless the netem of a device is there as often as it was asked for; give each the table that it follows."""
    asked = [one for one in todo if "netem" in one.words]
    if asked:
        made = [one for one in objects(found["interfaces"][device]) if one.kind == "netem"]
        _expect_count(device, "netem qdiscs", len(asked), made)
        found["interfaces"][device] = with_tables(found["interfaces"][device], asked)


def _expect_filters(device: str, wanted: Intent, found: State, todo: list[Command]) -> None:
    """Raise unless the filters of a device are there, with all that they match."""
    asked = [one for one in todo if one.words[:3] == ("tc", "filter", "add") and "divisor" not in one.words]
    made = objects(found["interfaces"][device]) if asked else []
    filters = [one for one in made if one.kind == "u32" and one.handle & 0xFFF]
    _expect_marks([one for one in asked if "mark" in one.words], filters)
    if asked and wanted.sets_root is wanted.shapes_egress:
        _expect_count(device, "filters", len(asked), filters)


def _expect_up(device: str, interface: dict[str, Any] | None) -> None:
    """Raise unless a device of ours is there and up."""
    if not (interface and interface["link"]["up"]):
        raise NetoptError(
            f"{device}: ip said that it is up, and it is not",
            stage="rehearse",
            key=f"{device} link",
            hint="See that the host's iproute2 is whole.",
        )


def _expect_marks(asked: list[Command], filters: list[TcObject]) -> None:
    """Raise unless as many filters match a mark as were asked to; some kernels leave that match out."""
    if len(asked) != sum(U32_MARK in dict(rt.attributes(one.options)) for one in filters if one.options):
        at = asked[0].words.index("mark")
        raise NetoptError(
            f"{asked[0].key}: the kernel drops the match on the mark without a word",
            stage="rehearse",
            key=asked[0].key,
            wanted=" ".join(asked[0].words[at - 1 : at + 3]),
            after="a filter that matches any mark",
            hint="this kernel was built without CONFIG_CLS_U32_MARK: match addresses, ports or DSCP instead.",
        )


def _expect_count(iface: str, what: str, count: int, found: list[TcObject]) -> None:
    """Raise unless as many objects were made as were asked for."""
    if len(found) != count:
        raise NetoptError(
            f"{iface}: {count} {what} were asked for, {len(found)} are there",
            stage="rehearse",
            key=f"{iface} {what}",
            wanted=str(count),
            after="; ".join(one.text or one.name for one in found) or "none",
            hint="The kernel or tc drops part of the plan without a word.",
        )


def _loosened(found: list[TcObject]) -> list[TcObject]:
    """Return objects without what the kernel is free to choose anew on the host."""
    return [
        one
        if one.options is None or one.form == "class"
        else TcObject(**{**vars(one), "options": loose(one.form, one.kind, one.options)})
        for one in found
    ]


def _merged(intent: Intent, current: State, made: State) -> State:
    """Return the wanted State of the host: what was made where the plan touches the tree, the host's own elsewhere."""
    wanted: dict[str, Any] = {}
    for iface in intent.ifaces:
        device = ifb_name(iface)
        now, new = current["interfaces"][iface], made["interfaces"][iface]
        ours = is_ours(current, iface)
        host = objects(now)
        fresh = objects(new)
        one = intent.of(iface)
        root = [] if one.absent else part(fresh if one.shapes_egress else host, hooks=False)
        if one.former_root is not None:
            root = objects(one.former_root)
        hook = part(fresh, hooks=True) if one.shapes_ingress else [] if ours else part(host, hooks=True)
        wanted[device] = None if ours else current["interfaces"].get(device)
        if one.former_hook is not None and gives_back(intent, current, iface):
            hook = objects(one.former_hook["hook"])
            if ours or wanted[device] is None:  # a device of another kind is somebody's own
                wanted[device] = one.former_hook["device"]
        if one.shapes_ingress:
            link = {**made["interfaces"][device]["link"], "index": None, "address": None}
            link.update(tx_queues=None, rx_queues=None)
            shaped = _loosened(objects(made["interfaces"][device]))
            wanted[device] = {"link": link, "default": False, **packed(shaped)}
        kept = packed(_loosened_part(one, root, hook))
        default = one.absent or (one.former_root is not None and one.former_root["default"])
        wanted[iface] = {"link": now["link"], "default": default, **kept}
    adjusted = {iface for iface in intent.ifaces if intent.of(iface).egress_mbit is not None}
    adjusted.update(map(ifb_name, intent.ifaces))
    return with_numbers_of(current, {"interfaces": wanted}, but=adjusted)


def _loosened_part(intent: Intent, root: list[TcObject], hook: list[TcObject]) -> list[TcObject]:
    """Return root and hook, loosened where they were made by the rehearsal."""
    plain = [*([] if intent.shapes_egress else root), *([] if intent.shapes_ingress else hook)]
    return [*_loosened(root if intent.shapes_egress else []), *_loosened(hook if intent.shapes_ingress else []), *plain]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out operations on qdiscs, classes, filters and our own devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._host.default_qdisc import borrowed
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from .action_indexes import has_numbers, with_free_numbers
from .actions_ahead import with_actions_ahead
from .netlink_messages import encode
from .observe import links
from .schedule_start import wait_for_start

if TYPE_CHECKING:
    from .._common.change import Operation
    from .._host.commands import Tools


def perform(operation: Operation, tools: Tools) -> None:  # noqa: ARG001 - every subsystem's perform is called alike
    """Carry out one operation.

    Raises:
        NetoptError: the kernel refused; the message carries its own words.
    """
    steps = operation.payload["steps"]
    with RouteSocket() as route:
        indices = {name: link["index"] for name, link in links(route).items()}
        start = 0
        while start < len(steps):
            kind = steps[start].get("default_qdisc")
            end = start + 1
            while end < len(steps) and steps[end].get("default_qdisc") == kind:
                end += 1
            _send(route, operation, steps[start:end], indices, kind)
            start = end


def _send(
    route: RouteSocket,
    operation: Operation,
    steps: list[dict[str, Any]],
    indices: dict[str, int],
    kind: str | None,
) -> None:
    """Send steps that need the same net.core.default_qdisc."""
    position = sent = 0
    messages: list[tuple[int, int, bytes]] = []
    names = {index: name for name, index in indices.items()}
    try:
        for position, step in enumerate(steps):
            told = step
            if step["verb"] == "add" and has_numbers(step["object"]):
                route.change(messages)  # what had the numbers is to be gone
                sent, messages = position, []
                free = with_free_numbers(route, step["object"], names)
                told = {**step, "object": with_actions_ahead(route, free)}
            messages.append(encode(told, indices))
        with borrowed(kind):
            route.change(messages)
        for step in steps:
            if step["verb"] != "delete" and "object" in step and step["object"].kind == "taprio":
                wait_for_start(route, indices[step["iface"]], step["object"].handle)
    except KeyError as error:
        raise NetoptError(
            f"{_key(steps[position])}: interface {error.args[0]} does not exist",
            stage="apply",
            key=_key(steps[position]),
            wanted=operation.command,
            hint="This host has: " + ", ".join(sorted(indices)) + ".",
        ) from None
    except KernelRefusedError as error:
        key = _key(steps[sent + error.position])
        raise NetoptError(
            f"{key}: {error.words}",
            stage="apply",
            key=key,
            wanted=operation.command,
            after=error.words,
            hint="The kernel refused this step; the log (dmesg) may say more.",
        ) from None


def _key(step: dict[str, Any]) -> str:
    """Return what a step is about."""
    return f"{step['iface']} {step['object'].name if 'object' in step else 'link'}"

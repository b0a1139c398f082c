# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which packets classes and netem do not meet on a host, or meet though nobody wants it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._lockout.connection import has_port, is_tcp
from .._tc.intent import BY_RULE, by_sender, looked_up
from .._tc.netem import INGRESS, SSH_PORT, direction_of, is_for_some, names_ssh, spares_ssh

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Changes = Mapping[str, Any]
    Facts = Mapping[str, Any]

FRAGMENTED = (None, "udp")  # protocols whose packets are sent larger than a frame


def classes_missed_on_top(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Maps know a packet by the interface that it is routed to: not by one below that."""
    del labels
    if not looked_up(changes.get("htb_classes") or ()):
        return
    for iface in ifaces:
        upper = list(((facts.get("interfaces") or {}).get(iface) or {}).get("upper") or ())
        if upper:
            yield _warning(
                "classes_missed_on_top",
                "changes.htb_classes",
                f"What leaves {iface} by {', '.join(upper)}, or through a bridge, meets none of these matches",
                f"Use 256 matches or fewer, without {' and '.join(BY_RULE)}, which see these packets, "
                f"or name {upper[0]} as the plan's interface.",
            )


def ports_miss_fragments(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Only the first fragment of a packet carries its ports."""
    del ifaces, facts, labels
    classes = changes.get("htb_classes") or ()
    if looked_up(classes) or by_sender(classes):
        return  # rules see whole packets
    for index, one in enumerate(classes):
        for number, match in enumerate(one.get("match") or ()):
            if match.get("proto") in FRAGMENTED and (match.get("sports") or match.get("dports")):
                yield _warning(
                    "ports_miss_fragments",
                    f"changes.htb_classes[{index}].match[{number}]",
                    "Of datagrams larger than the MTU only the first fragment meets a match on ports",
                    "Match src, dst, dscp or fwmark where datagrams may be that large; else nothing is missed.",
                )
                return


def netem_on_management(
    changes: Changes, ifaces: Sequence[str], facts: Facts, labels: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Only the answers of ssh, or its requests, are told from other packets."""
    del labels
    management = facts.get("management") or {}
    netem = changes.get("netem") or {}
    if not netem or not management:
        return
    shared = [name for name in (management.get("leaves") or ()) if name in ifaces]
    under = [name for name in (management.get("under") or ()) if name in ifaces]
    port = int(management.get("local_port") or 0)
    arriving = direction_of(netem) == INGRESS
    classes = ((changes.get("ingress") or {}) if arriving else changes).get("htb_classes") or ()
    known = is_for_some(netem) or arriving or not looked_up(classes)
    match = netem.get("match") or {}
    ports, what = ("dports", "requests to") if arriving else ("sports", "answers from")
    is_other = bool(match) and not (is_tcp(match.get("proto")) and has_port(port, match.get(ports) or ()))
    named = [one for one in classes if one["classid"] in (netem.get("classes") or ())]
    led = [each for one in named for each in one.get("match") or ()]
    if under or (shared and not is_other and not (port == SSH_PORT and known and spares_ssh(netem, led))):
        where = f"inside a tunnel over {under[0]}" if under else f"on port {management.get('local_port')}"
        yield _warning(
            "netem_on_management",
            "changes.netem",
            f"The impairment also meets the connection that this host is managed by, {where}",
            (
                f"netem.match names port {SSH_PORT}: leave it out, where that is not what you want."
                if names_ssh(match, direction_of(netem))
                else f"Only {what} port {SSH_PORT} are spared, outside tunnels, with 256 matches of classes or "
                f"fewer, without {' and '.join(BY_RULE)}."
            ),
        )


def _warning(name: str, path: str, message: str, hint: str) -> dict[str, str]:
    return {"id": name, "path": path, "message": message, "severity": "warning", "hint": hint}

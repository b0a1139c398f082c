# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the host's table the wanted one and rolls that back, in the scratch namespace, as the host would.

What nft prints is not always what nft reads, and a transaction can fail although both of its ends are sound. So the
host's table is made first, then the very text of the change is loaded, then that of the restore; each is compared.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.patterns import pattern
from .._netlink import messages as rt
from .._netlink.route_socket import KernelRefusedError, RouteSocket
from . import list_parse
from . import subsystem as nft_subsystem
from .observe import changes_in_place, complaint, line_at_fault, observe
from .table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._host.commands import Completed, Tools

PRESENT = "making the host's present table again"
THERE = "changing the present table into the wanted one"
BACK = "changing the wanted table back into the present one"
SAMPLE, FEW = 64, 256  # elements of one kind that are tried, and up to which all are
_PLAIN = ("type ipv4_addr : classid", "type ipv6_addr : classid")
_LOAD = ["nft", "-f", "-"]
_BRIEF = {"brief": True}
_HEAD = pattern(r"\t(?P<head>(?!\t).*) \{$")
_COMMENT = pattern(r'comment "[^"]*"')
_BY_INDEX = pattern(r"\b(?:iif|oif|iface_index|sdif|devices?)\b")  # what holds an interface's number, not its name
_DEVICES = pattern(r"\bdevices? (?:= )?(?:\{(?P<many>[^}]*)\}|(?P<one>\S+))")
_QUOTED_NAME = pattern(r'"([^"/\s]{1,15})"')
_STAND_INS = ("veth", "dummy")  # as in the rehearsal of tc


def rehearse_round_trip(current: Mapping[str, Any], wanted: Mapping[str, Any], tools: Tools) -> None:
    """Try the change from a state to another and its rollback; to be called in a scratch namespace, behind ``wanted``.

    Where there is no table yet, the change is what has just made the wanted one, and the rollback deletes it whole.

    Args:
        current: the host's state.
        wanted: where the change leads; nothing is tried when they read the same.
        tools: to run nft with.

    Raises:
        NetoptError: stage ``rehearse``, with the object and the step, when one of the steps fails or leads elsewhere.
    """
    if not current["present"] or not nft_subsystem.operations(current, wanted):
        return
    current, wanted = _sampled(current, wanted)
    there = nft_subsystem.operations(current, wanted)
    _make_interfaces(interfaces_in(current["text"]))
    _go(PRESENT, nft_subsystem.CLEAR + current["text"], current, tools)
    _go(THERE, there[0].payload.text, wanted, tools)
    counts, behind = not list_parse.is_stateless(wanted["listing"]), bool(current.get("behind"))
    made = {**wanted, "in_place": changes_in_place(counts=counts, behind=behind, tools=tools)}
    (back,) = nft_subsystem.operations(made, current)
    _go(BACK, back.payload.text, current, tools)


def _sampled(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return both states with a sample of the elements of large maps of addresses: of those that stay, go and come.

    One such element reads like another, and ten thousand of them take seconds to load and to list.
    """
    maps = [list_parse.elements_of(state["listing"], _PLAIN) for state in (current, wanted)]
    kept: dict[str, set[str]] = {}
    for head in {name for found in maps for name, all_of_it in found.items() if len(all_of_it) > FEW}:
        here, then = (set(found.get(head, ())) for found in maps)
        parts = (sorted(here & then), sorted(here - then), sorted(then - here))
        kept[head] = {one for part in parts for one in part[:SAMPLE]}
    if not kept:
        return current, wanted
    made = [
        {**state, **{name: list_parse.with_elements(state[name], kept) for name in ("listing", "text")}}
        for state in (current, wanted)
    ]
    for state in made:  # a map whose elements are written otherwise than they are listed is tried whole
        listed, written = (list_parse.elements_of(state[name], _PLAIN) for name in ("listing", "text"))
        if any(sorted(found) != sorted(written.get(head, [])) for head, found in listed.items()):
            return current, wanted
    return made[0], made[1]


def _go(step: str, text: str, target: Mapping[str, Any], tools: Tools) -> None:
    """Load a text and require that it leads to a state."""
    done = tools.run(_LOAD, stage="rehearse", stdin=text, check=False)
    if done.rc != 0:
        message, _line = complaint(done)
        raise _refusal(step, object_at_fault(text, done), message, wanted=line_at_fault(text, done))
    if not target["present"]:
        return  # deleting a table leaves nothing to compare
    seen = observe(_BRIEF, tools)
    if nft_subsystem.operations(seen, target):
        differing = nft_subsystem.diff(seen, target)
        first = differing[0] if differing else None
        raise _refusal(
            step,
            first.key if first else f"table {TABLE}",
            "it reads otherwise afterwards",
            wanted=first.after if first else None,
            after=first.before if first else None,
        )


def _refusal(step: str, key: str, message: str, *, wanted: Any = None, after: Any = None) -> NetoptError:
    """Return the error for a way that cannot be gone."""
    return NetoptError(
        f"The rehearsal failed at {step}: {key}: {message}",
        stage="rehearse",
        key=key,
        wanted=wanted,
        after=after if after is not None else message,
        hint=f"Nothing was changed on the host. Take what stands there out of table {TABLE}, or install a newer "
        "nftables, and apply again.",
    )


def object_at_fault(text: str, done: Completed) -> str:
    """Return the chain, set or map that nft's first complaint about a text points into."""
    _message, number = complaint(done)
    heads = [found.group("head") for found in map(_HEAD.match, text.splitlines()[:number]) if found]
    return f"table {TABLE} {heads[-1]}" if heads else f"table {TABLE}"


def interfaces_in(text: str) -> list[str]:
    """Return the interfaces that must exist where a table is loaded: rules and flowtables that hold their numbers."""
    plain = _COMMENT.sub("", text)
    if not _BY_INDEX.search(plain):
        return []
    names = _QUOTED_NAME.findall(plain)
    for found in _DEVICES.finditer(plain):
        words = re.split(r"[,\s]+", found.group("many") or found.group("one"))
        names += [word.strip('";') for word in words]
    return [name for name in dict.fromkeys(names) if name and name != "lo" and len(name) <= 15]


def _make_interfaces(names: list[str]) -> None:
    """Make interfaces of some names; where the kernel does not, loading the table will tell."""
    if not names:
        return
    with RouteSocket() as route:
        for name in names:
            for kind in _STAND_INS:
                body = rt.IFINFOMSG.pack(0, 0, 0, 0, 0) + rt.text(rt.IFLA_IFNAME, name)
                body += rt.attribute(rt.IFLA_LINKINFO, rt.text(rt.IFLA_INFO_KIND, kind))
                try:
                    route.change([(rt.RTM_NEWLINK, rt.NLM_F_CREATE | rt.NLM_F_EXCL, body)])
                except KernelRefusedError:
                    continue
                break

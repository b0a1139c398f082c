# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What ``tc -d`` prints of the interfaces of a change, object by object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.patterns import pattern
from .objects import BULK
from .observe import CLASS_FILTERS, CLASSFUL, NO_FILTERS

if TYPE_CHECKING:
    from .._host.commands import Tools

_START = pattern(r"^(?:qdisc|class|filter|chain) ")
_QDISC = pattern(r"qdisc (?P<kind>\S+) (?P<handle>\S+) dev (?P<dev>\S+)")
_HOOKS = {"clsact": ("ingress", "egress"), "ingress": ("ingress",)}


def view(before: dict[str, Any], tools: Tools) -> dict[str, list[str]]:
    """Return ``{command: [object, ...]}`` of the interfaces of a state; nothing of those with more than 256 objects.

    Raises:
        NetoptError: tc fails.
    """
    names = [name for name, tree in before["interfaces"].items() if not _is_large(tree)]
    if not names:
        return {}
    listed = _objects(tools.run(["tc", "-d", "qdisc", "show"], stage="observe").stdout)
    qdiscs = [(one, told.groupdict()) for one in listed for told in _QDISC.finditer(one)]
    found = {}
    for name in names:
        found[f"tc -d qdisc show dev {name}"] = [one for one, told in qdiscs if told["dev"] == name]
        found.update(
            _below(name, [(told["kind"], told["handle"]) for _one, told in qdiscs if told["dev"] == name], tools)
        )
    return found


def _is_large(tree: dict[str, Any] | None) -> bool:
    return tree is not None and ("bulk" in tree or len(tree["objects"]) > BULK)


def _below(name: str, qdiscs: list[tuple[str, str]], tools: Tools) -> dict[str, list[str]]:
    """Return classes, chains and filters of an interface, which need not be asked for below a default queue."""
    found: dict[str, list[str]] = {}
    places = [f"parent {handle}" for kind, handle in qdiscs if handle != "0:" and kind not in {*NO_FILTERS, *_HOOKS}]
    if any(kind in CLASSFUL for kind, _handle in qdiscs):
        classes = _batch([f"class show dev {name}"], tools)
        found[f"tc -d class show dev {name}"] = classes
        words = [one.split() for one in classes]
        places += [f"parent {one[2]}" for one in words if one[1] in CLASS_FILTERS]
    places += [place for kind, _handle in qdiscs for place in _HOOKS.get(kind, ())]
    # tc does not say of which place it speaks: the qdiscs are shown ahead of each
    lines = []
    for place in places:
        asked = [f"{form} show dev {name} {place}" for form in ("chain", "filter")]
        found.update({f"tc -d {line}": [] for line in asked})
        lines += [f"qdisc show dev {name}", *asked]
    told = _batch(lines, tools) if lines else []
    seen = 0
    for one in told:
        form = one.split()[0]
        seen += form == "qdisc"
        if form != "qdisc":
            found[f"tc -d {form} show dev {name} {places[(seen - 1) // len(qdiscs)]}"].append(one)
    return found


def _batch(lines: list[str], tools: Tools) -> list[str]:
    """Return the objects that tc shows by several commands."""
    return _objects(tools.run(["tc", "-d", "-batch", "-"], stage="observe", stdin="\n".join(lines) + "\n").stdout)


def _objects(output: str) -> list[str]:
    """Return what tc prints of each object, as one line."""
    found: list[list[str]] = []
    for line in output.splitlines():
        if _START.match(line):
            found.append([line])
        elif found and line.strip():
            found[-1].append(line)
    return [" ".join(" ".join(lines).split()) for lines in found]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Table ``inet netopt``: what a plan asks of nftables, its script, and how one state of it becomes another.

A State is ``{"present": bool, "listing": str, "text": str, "in_place": bool, "behind": bool}``. ``listing`` is the
kernel's own form as nft prints it, without counters and without what rules remember in dynamic sets; it alone is
compared. ``text`` is a table that nft can load: with counters and elements where it was read from a kernel.
``in_place`` says that it is to be changed in place rather than deleted and made anew, ``behind`` that tables of others
stand behind it; both are there only where it was read from a kernel.
No other table is ever read for change or written.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from .._common.change import Change, Operation
from .._common.quick_dataclass import dataclass
from . import kept, list_parse, translations
from .intent import Intent, intent
from .rules import table
from .table import TABLE

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = [
    "Intent",
    "beside",
    "diff",
    "intent",
    "operations",
    "render",
    "scope",
    "table_text",
    "transaction",
    "with_others",
]

SUBSYSTEM = "nft"
ABSENT: dict[str, Any] = {"present": False, "listing": "", "text": ""}
# Deletes the table whether it is there or not: nft 1.0.6 has no destroy.
CLEAR = f"table {TABLE}\ndelete table {TABLE}\n"
_HEREDOC = "NFT"
_OUR_MAP, _ELEMENTS = list_parse.OUR_MAP.strip(), list_parse.ELEMENTS.strip()
SHOWN_CHARS, SHOWN_LINES = 1000, 400  # of a transaction, in a report


@dataclass(frozen=True)
class Transaction:
    """What ``perform`` needs.

    Attributes:
        text: what nft loads, all of it or nothing.
        untranslated: rules of address translation that are no more there then; the flows that they met go with them.
    """

    text: str
    untranslated: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What an operator would type."""
        gone = dict.fromkeys(translations.parse(rule).command for rule in self.untranslated)
        return "\n".join([as_command(_shortened(self.text)), *gone])


def beside(intents: Mapping[str, Any]) -> Intent:
    """Return the intent of a change that asks nothing of the table: classes of the trees that it makes anew go.

    Args:
        intents: of the other subsystems, that of tc among them.
    """
    trees = intents["tc"].parts
    return Intent(ifaces=tuple(iface for one in trees if one.sets_root for iface in one.ifaces), shapes=True)


def transaction(wanted: Intent, *, most: int | None = None) -> str:
    """Return the nft file that makes the table anew, all of it or nothing; ``""`` when nothing is asked.

    Args:
        wanted: what is asked.
        most: as in ``rules.table``.

    Raises:
        NetoptError: stage ``plan``, when an entry cannot be said in nft.
    """
    if any(one.absent for one in wanted.parts):
        return CLEAR
    return CLEAR + table_text(wanted, most=most) if wanted else ""


def table_text(wanted: Intent, *, most: int | None = None) -> str:
    """Return the table alone, without what clears the old one; ``most`` as in ``rules.table``."""
    return "".join(f"{line.text}\n" for line in table(wanted, most=most))


def with_others(wanted: Intent, current: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state together with what the current one has for classes that the plan does not touch.

    Args:
        wanted: what is asked.
        current: the state now.
        made: the state that the intent by itself leads to; the current one, where it asks nothing.
    """
    touched = {iface for one in wanted.parts if one.shapes for iface in one.ifaces}
    kept, mine = (list_parse.class_blocks(state["listing"]) for state in (current, made))
    stale = list_parse.of_interfaces(current["listing"], touched)
    if made is current:
        left = {name: list_parse.without(current[name], stale) for name in ("listing", "text")}
        return {"present": True, **left} if list_parse.parts(left["listing"]) else dict(ABSENT)
    more = [head for head in kept if head not in stale and head not in mine]
    if not more:
        return dict(made)
    if not made["present"]:
        rest = [head for head in list_parse.parts(current["listing"]) if head not in more]
        return {"present": True, **{name: list_parse.without(current[name], rest) for name in ("listing", "text")}}
    return {**made, **{name: list_parse.joined(made[name], current[name], more) for name in ("listing", "text")}}


def with_all_elements(wanted: Intent, made: str, *, most: int) -> str | None:
    """Return the listing that all elements of the maps lead to, given that of the first ``most`` of each.

    Args:
        wanted: the intent that was made.
        made: what was read back, comparable.
        most: how many elements each map of addresses was given.

    Returns:
        ``None`` when nft says the elements in other words than we do, so that they cannot be foretold.
    """
    lookups = [one for each in wanted.parts for one in each.lookups]
    plain = {one.name: one for one in lookups if one.name and one.is_plain and len(one.elements) > most}
    if not plain:
        return made
    lines = made.splitlines()
    name = ""
    for number, line in enumerate(lines):
        if line.startswith(list_parse.OUR_MAP):
            name = line.split()[1]
        if line.startswith(list_parse.ELEMENTS) and name in plain:
            every = [f"{element} : {target}" for element, target in plain.pop(name).elements.items()]
            if list_parse.elements_line(every[:most]) != line:
                return None
            lines[number] = list_parse.elements_line(every)
    return None if plain else "".join(f"{line}\n" for line in lines)


def path_of_line(wanted: Intent, number: int) -> tuple[str, str]:
    """Return the plan's entry behind a line of ``transaction(wanted)``, and the line.

    Args:
        wanted: the intent that was rendered.
        number: the line, from 1, as nft counts in its errors.

    Returns:
        The path, e.g. ``connection_limits[0]`` (the table's name where no entry is to blame), and the text.
    """
    lines = table(wanted)
    index = number - 1 - CLEAR.count("\n")
    if not 0 <= index < len(lines):
        return f"table {TABLE}", ""
    return lines[index].path or f"table {TABLE}", lines[index].text.strip()


def render(wanted: Intent) -> str:
    """Return the bash script with the same effect; ``""`` when nothing is asked."""
    return as_command(transaction(wanted)) + "\n" if wanted else ""


def as_command(text: str) -> str:
    """Return the command that loads an nft file, as an operator would type it."""
    return f"nft -f - <<'{_HEREDOC}'\n{text}{_HEREDOC}"


def scope(wanted: Intent) -> dict[str, Any]:
    """Return whom the rules are for; ``observe`` needs to know nothing, since there is one table."""
    return {"ifaces": list(wanted.ifaces)}


def diff(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Change]:
    """Return the differences rule by rule: rules numbered from 1, sets whole."""
    old, new = list_parse.parts(current["listing"]), list_parse.parts(wanted["listing"])
    found: list[Change] = []
    if current["present"] != wanted["present"] and not (old or new):
        presence = [f"table {TABLE}" if state["present"] else None for state in (current, wanted)]
        return [Change(SUBSYSTEM, f"table {TABLE}", *presence)]
    for head in [*new, *(head for head in old if head not in new)]:
        key = f"table {TABLE} {head}".rstrip()
        before, after = old.get(head), new.get(head)
        if head.startswith("chain ") and (before or after):
            found += _rules(key, before or [], after or [])
        elif before != after and head.startswith(_OUR_MAP) and before and after:
            found += _entries_of_map(key, before, after)
        elif before != after:
            found.append(Change(SUBSYSTEM, key, _whole(before), _whole(after)))
    return found


def operations(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[Operation]:
    """Return the one transaction that leads from a state to another; ``[]`` when they read the same."""
    if (current["present"], current["listing"]) == (wanted["present"], wanted["listing"]):
        return []
    key = f"table {TABLE}"
    gone = tuple(translations.removed(current["listing"], wanted["listing"]))
    if wanted["present"]:
        elements = _elements_alone(current["listing"], wanted["listing"])
        in_place = kept.transaction(current, wanted) if current["present"] and current.get("in_place") else None
        made = Transaction(elements or in_place or CLEAR + wanted["text"], gone)
        return [Operation(SUBSYSTEM, key, made.command, made)]
    made = Transaction(CLEAR, gone)
    command = made.command.replace(as_command(CLEAR), f"nft delete table {TABLE}")
    return [Operation(SUBSYSTEM, key, command, made)]


def warnings(current: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> list[str]:
    """Return what a change loses of what the table has counted, see ``kept.warnings``."""
    return kept.warnings(current, wanted)


def _shortened(text: str) -> str:
    """Return a transaction for people, with long lines and many lines cut."""
    lines = [line if len(line) <= SHOWN_CHARS else f"{line[:SHOWN_CHARS]} ..." for line in text.splitlines()]
    if len(lines) > SHOWN_LINES:
        lines[SHOWN_LINES:] = [f"# and {len(lines) - SHOWN_LINES} more lines"]
    return "".join(f"{line}\n" for line in lines)


def _mapped(lines: list[str]) -> dict[str, str]:
    """Return the elements of one of our maps: what is looked up, and the class."""
    found = (one for line in lines if line.startswith(_ELEMENTS) for one in list_parse.elements(line))
    return dict(each.rsplit(" : ", 1) for each in found)


def _elements_alone(current: str, wanted: str) -> str:
    """Return the commands that change elements of our maps, ``""`` when more than these differ."""
    there, then = list_parse.parts(current), list_parse.parts(wanted)
    if list(there) != list(then):
        return ""
    commands = []
    for head, lines in then.items():
        if lines == there[head]:
            continue
        rest = [[line for line in each if not line.startswith(_ELEMENTS)] for each in (there[head], lines)]
        if not head.startswith(_OUR_MAP) or rest[0] != rest[1]:
            return ""
        before, after = _mapped(there[head]), _mapped(lines)
        name = head.split()[1]
        for verb, some, others in (("delete", before, after), ("add", after, before)):
            differing = [f"{key} : {value}" for key, value in some.items() if others.get(key) != value]
            if differing:
                commands.append(f"{verb} element {TABLE} {name} {{ {', '.join(differing)} }}\n")
    return "".join(commands)


def _entries_of_map(key: str, before: list[str], after: list[str]) -> list[Change]:
    """Return the changes of one of our maps, element by element."""
    old, new = _mapped(before), _mapped(after)
    return [
        Change(SUBSYSTEM, f"{key} {{ {each} }}", old.get(each), new.get(each))
        for each in [*old, *(each for each in new if each not in old)]
        if old.get(each) != new.get(each)
    ]


def _rules(key: str, before: list[str], after: list[str]) -> list[Change]:
    """Return the changes of one chain; rules that only moved along with others are not listed."""
    found: list[Change] = []
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for step in range(max(old_to - old_from, new_to - new_from)):
            old = before[old_from + step] if old_from + step < old_to else None
            new = after[new_from + step] if new_from + step < new_to else None
            # Line 0 of a chain is its hook where it has one, so that the first rule is number 1.
            number = (old_from if new is None else new_from) + step
            based = (before if new is None else after)[:1]
            number += 0 if based and based[0].startswith("type ") else 1
            found.append(Change(SUBSYSTEM, f"{key} rule {number}" if number else f"{key} hook", old, new))
    return found


def _whole(lines: list[str] | None) -> str | None:
    """Return the lines of a set, map or object as one text."""
    return None if lines is None else "; ".join(lines) or "empty"

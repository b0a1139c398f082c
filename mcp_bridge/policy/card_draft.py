# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A card to start from: the text of one that loads as it is, with the values that hosts have."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from mcp_bridge.documents.errors import WORD_MAX

from .cards import CARDS, card_file_name
from .sysctl_keys import IFACE, card_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .policy import Policy

NUMBER_MAX = 2147483647
_DOCUMENTS = {  # by the beginning of the key, the longest first
    "net.ipv4": "kernel Documentation/networking/ip-sysctl.rst",
    "net.ipv6": "kernel Documentation/networking/ip-sysctl.rst",
    "net.netfilter": "kernel Documentation/networking/nf_conntrack-sysctl.rst",
    "net": "kernel Documentation/admin-guide/sysctl/net.rst",
    "vm": "kernel Documentation/admin-guide/sysctl/vm.rst",
    "fs": "kernel Documentation/admin-guide/sysctl/fs.rst",
    "kernel": "kernel Documentation/admin-guide/sysctl/kernel.rst",
}


def draft(key: str, found: Mapping[str, str | None], policy: Policy) -> str:
    """Return the text of a card of one key.

    Args:
        key: the key, or the family of keys, in its canonical spelling.
        found: its value by host, ``None`` where the kernel has no such key.
        policy: says whether a card covers the key already.
    """
    values = [value for value in found.values() if value is not None]
    tree = key.partition(".")[0]
    words = key.rpartition(".")[2].replace("_", " ")
    lines = [
        *_head(key, found, policy),
        f"id: {card_id(key)}",
        f"name: {_quoted(words.capitalize())}",
        f"description: {_quoted(f'Say here what {key} is for.')}",
        "risk:",
        "  level: medium  # low, medium or high",
        f"  note: {_quoted('Say here what can go wrong.')}",
        "effect:",
        "  when: now  # now, new sockets, or next device",
        f"  namespaced: {'true' if tree == 'net' else 'false'}  # false: it belongs to the machine as a whole",
        "keys:",
        f"  {_quoted(key) if IFACE in key else key}:",
        f"    about: {_quoted('Say here what its values mean.')}",
        *(f"    {line}" for line in _range(values)),
        "sources:",
        f"  - {_quoted(f'{_document_of(key)}, {key.rpartition(chr(46))[2]}')}",
    ]
    return "\n".join(lines)


def _document_of(key: str) -> str:
    """Return the document of the kernel that describes a key."""
    return next(document for start, document in _DOCUMENTS.items() if key.startswith(f"{start}."))


def _head(key: str, found: Mapping[str, str | None], policy: Policy) -> Iterable[str]:
    yield f"# Save it as {CARDS}/{card_file_name(card_id(key))} in the folder that NETOPT_POLICY_DIR names,"
    yield "# write what it is for and how far it may go, and see that it loads: netopt policy check FOLDER"
    covering = policy.card_of(key)
    if covering:
        yield f"# {covering.id} covers the key already; this card would come before it."
    by_value: dict[str | None, list[str]] = {}
    for host, value in sorted(found.items()):
        by_value.setdefault(value, []).append(host)
    for value, hosts in by_value.items():
        more = f" and {len(hosts) - 3} more" if len(hosts) > 3 else ""  # as many as a line holds
        shown = "not there" if value is None else _quoted(value[:WORD_MAX])
        yield f"# {shown} on {', '.join(hosts[:3])}{more}"


def _range(values: list[str]) -> list[str]:
    """Return the lines of a range that holds the values found: whole numbers, rows of them, or a text."""
    rows = [[int(word) for word in value.split()] for value in values if re.fullmatch(r"-?\d+(\s+-?\d+)*", value)]
    if not values:
        return ["min: 0", f"max: {NUMBER_MAX}"]
    if len(rows) < len(values) or len({len(row) for row in rows}) > 1:
        pattern = "|".join(dict.fromkeys(re.escape(value).replace("\\ ", " ") for value in values))
        return ["type: text", f"pattern: {_quoted(pattern)}  # a regular expression that all of the text must match"]
    columns = list(zip(*rows, strict=True))
    if len(columns) == 1:
        return [f"min: {min(columns[0])}", f"max: {max(columns[0])}  # as found; widen it as far as you want"]
    fields = [f"  - {{ name: field{n}, min: {min(column)}, max: {max(column)} }}" for n, column in enumerate(columns)]
    return ["type: row", "fields:  # as found; widen them as far as you want", *fields]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)

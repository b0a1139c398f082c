# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one spelling of a sysctl key, and of its value as the kernel would read it back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.collection.keys import IFACE, canonical

if TYPE_CHECKING:
    from mcp_bridge.policy import Range

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")


_STAND_IN = "iface-"  # no name of a part of a key ends so


def canonical_key(key: str) -> str:
    """Return the one spelling of a key, dotted and with ``/`` for the dots of a name; ``{iface}`` stays.

    Raises:
        NetoptError: it is no name of a key.
    """
    return canonical(key.replace(IFACE, _STAND_IN)).replace(_STAND_IN, IFACE)


def spelling_problem(key: str) -> str | None:
    """Return what is wrong with the name of a key, ``None`` when nothing is."""
    try:
        name = canonical_key(key)
    except NetoptError as error:
        return error.message
    if name.count(IFACE) > 1 or (IFACE in name and name.split(".")[3:4] != [IFACE]):
        return f"{IFACE} stands where an interface has keys, as in net.ipv4.conf.{IFACE}.rp_filter"
    return None


def canonical_sysctl(value: str, span: Range | None) -> str:
    """Return a value with its fields parted by single blanks and hexadecimal numbers in decimal.

    Args:
        value: as given.
        span: the key's range; only numbers are converted, words such as ``bbr`` stay as they are.
    """
    fields = value.split()
    if span is not None and span.type in {"int", "row"}:
        fields = [str(int(field, 16)) if _HEX.fullmatch(field) else field for field in fields]
    return " ".join(fields)

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a plan: interface names, code points, classes, rates, sysctl values.

Each accepts the spellings that people use and gives back one canonical spelling, so that two plans
which mean the same are the same.
"""

from __future__ import annotations

import difflib
import re
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from mcp_bridge.collection.dscp import DSCP_MAX, DSCP_NAMES, DSCP_WANTED, code_point
from mcp_bridge.collection.feature_names import KERNEL_NAMES, SHORT_NAMES, is_known, plan_name
from mcp_bridge.collection.interfaces import AUTO, is_glob
from mcp_bridge.collection.match_words import FLAGS_WANTED, FWMARK_WANTED, TCP_FLAGS, flag_words, flags_of, mark_of

from .base import PORT_MAX, U32_MAX, WORD_LENGTH_MAX, refusal

NAME_LENGTH_MAX = 15  # IFNAMSIZ, without the zero byte at the end
SYSCTL_VALUE_LENGTH_MAX = 1024

_IFACE = re.compile(r"[^\s/\x00-\x1f\x7f]{1,15}")
_CLASSID = re.compile(r"(?:1:)?0*([0-9a-fA-F]{1,4})")
_PARENT_ROOT = re.compile(r"(?:root|1:0*)")
_RATE = re.compile(r"([1-9][0-9]{0,9})/(second|minute|hour|day)")
_SIZE = re.compile(r"([0-9]{1,10})(|b|k|kb|m|mb)")
_SIZE_UNITS = {"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}
_SYSCTL_KEY = re.compile(r"[a-z0-9_]+(?:[./](?:\{iface\}|[A-Za-z0-9_@:%+,-]+))+")


def interface_name(value: object) -> str:
    """Return a legal interface name (dev_valid_name in the kernel; IFNAMSIZ leaves 15 characters)."""
    if (
        not isinstance(value, str)
        or not _IFACE.fullmatch(value)
        or value in {".", ".."}
        or ":" in value
        or not value.isascii()
        or value.startswith("-")
    ):
        raise refusal(
            "iface", "Not a legal interface name: 1 to 15 ASCII characters, no blank, '/' or ':', no leading '-'"
        )
    return value


def rule_interface(value: object) -> str:
    """Return the name of the one interface that a rule is for."""
    if value == AUTO or (isinstance(value, str) and is_glob(value)):
        raise refusal(
            "rule_iface",
            "A rule names one interface: leave iface out for those of the plan, where globs and 'auto' are allowed",
        )
    return interface_name(value)


RuleInterface = Annotated[
    str,
    PlainValidator(rule_interface),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": NAME_LENGTH_MAX, "pattern": "^[^\\s/:]+$"}),
]
"""The name of the one interface that a rule is for."""


def lower(value: object) -> object:
    """Return text in lower case and without outer blanks; anything else as it is."""
    return value.strip().lower() if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX else value


def _dscp(value: object) -> int:
    """Return the code point for a name in any case, or for a number from 0 to 63."""
    number = code_point(lower(value))  # a long word is no name, and stays as it is
    if number is None:
        raise refusal("dscp", f"Not a DSCP: {DSCP_WANTED}")
    return number


Dscp = Annotated[
    int,
    PlainValidator(_dscp),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": DSCP_MAX},
                {"type": "string", "enum": [spelling for name in DSCP_NAMES for spelling in (name.upper(), name)]},
            ]
        }
    ),
]
"""A DiffServ code point by name (RFC 4594, RFC 8622) or number; kept as a number."""


def _classid(value: object) -> str:
    """Return a class of the root qdisc as ``1:minor``, hexadecimal as tc writes it."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= PORT_MAX else value
    match = _CLASSID.fullmatch(text.strip()) if isinstance(text, str) and len(text) <= WORD_LENGTH_MAX else None
    if not match or int(match[1], 16) == 0:
        raise refusal("classid", "Not a class: '1:' and a hexadecimal minor from 1 to ffff, such as 1:10")
    return f"1:{int(match[1], 16):x}"


def _parent(value: object) -> str:
    """Return a parent class, or ``1:`` for the root."""
    if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX and _PARENT_ROOT.fullmatch(value.strip()):
        return "1:"
    return _classid(value)


_CLASSID_SCHEMA = {"type": "string", "pattern": "^(1:)?[0-9a-fA-F]{1,4}$"}

Classid = Annotated[str, PlainValidator(_classid), WithJsonSchema(_CLASSID_SCHEMA)]
"""A class of the root qdisc, ``1:`` and a hexadecimal minor."""

Parent = Annotated[
    str,
    PlainValidator(_parent),
    WithJsonSchema({"type": "string", "pattern": "^(root|1:|(1:)?[0-9a-fA-F]{1,4})$"}),
]
"""A parent class, or ``1:`` (also ``root``) for the root qdisc."""


def _rate(value: object) -> str:
    """Return a rate as ``N/second``, ``N/minute``, ``N/hour`` or ``N/day``."""
    word = lower(value)
    match = _RATE.fullmatch(word.replace(" ", "")) if isinstance(word, str) else None
    if not match or int(match[1]) > U32_MAX:
        raise refusal("rate", "Not a rate: a whole number and second, minute, hour or day, such as 1000/second")
    return f"{match[1]}/{match[2]}"


Rate = Annotated[
    str,
    PlainValidator(_rate),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,9}/(second|minute|hour|day)$"}),
]
"""A number of events per second, minute, hour or day."""


def _size(value: object) -> int:
    """Return bytes for a number of bytes or a size in tc's spelling (``15k``, ``1mb``)."""
    word = lower(value)
    match = None
    if isinstance(word, int) and not isinstance(word, bool):
        if 0 < word <= U32_MAX:
            return word
    elif isinstance(word, str):
        match = _SIZE.fullmatch(word)
    size = int(match[1]) * _SIZE_UNITS[match[2]] if match else 0
    if not 0 < size <= U32_MAX:
        raise refusal("size", f"Not a size: bytes from 1 to {U32_MAX}, or with a unit as in 15k or 1m")
    return size


Size = Annotated[
    int,
    PlainValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": U32_MAX},
                {"type": "string", "pattern": "^[0-9]{1,10}(b|k|kb|m|mb)?$"},
            ]
        }
    ),
]
"""A number of bytes; ``k`` and ``m`` count in 1024, as in tc."""


def _fwmark(value: object) -> int | str:
    """Return a firewall mark as a number; with a mask as text, both hexadecimal."""
    found = mark_of(value)
    if found is None:
        raise refusal("fwmark", f"Not a firewall mark: {FWMARK_WANTED}")
    mark, mask = found
    return mark if mask == U32_MAX else f"0x{mark:x}/0x{mask:x}"


_MARK_PATTERN = "(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})"
Fwmark = Annotated[
    int | str,
    PlainValidator(_fwmark),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": U32_MAX},
                {"type": "string", "pattern": f"^{_MARK_PATTERN}(/{_MARK_PATTERN})?$"},
            ]
        }
    ),
]
"""A firewall mark (``meta mark``), with a mask where not all of its bits count."""


def _tcp_flags(value: object) -> list[str]:
    """Return flags of TCP in the order of their bits."""
    found = flags_of(value) if isinstance(value, str | list | tuple) and len(value) <= WORD_LENGTH_MAX else None
    if found is None:
        raise refusal("tcp_flags", f"Not flags of TCP: {FLAGS_WANTED}")
    return flag_words(*found)


_FLAG = {"type": "string", "enum": [sign + name for name in TCP_FLAGS for sign in ("", "!")]}
TcpFlags = Annotated[
    list[str],
    PlainValidator(_tcp_flags),
    WithJsonSchema({"anyOf": [_FLAG, {"type": "array", "items": _FLAG, "minItems": 1, "maxItems": len(TCP_FLAGS)}]}),
]
"""Flags of TCP that are set, or not set where ``!`` stands in front."""


def _sysctl_key(value: object) -> str:
    """Return a dotted sysctl key."""
    if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX and _SYSCTL_KEY.fullmatch(value):
        return value
    raise refusal("sysctl_key", "Not a dotted sysctl key such as net.core.rmem_max")


def _sysctl_value(value: object) -> str:
    """Return a sysctl value as text, its fields parted by single blanks."""
    if isinstance(value, bool):
        raise refusal("sysctl_value", f"Value must be text or a whole number; write {int(value)} instead")
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise refusal("sysctl_value", "Value does not fit into 64 bits")
        return str(value)
    if not isinstance(value, str):
        raise refusal("sysctl_value", "Value must be text or a whole number")
    if len(value) > SYSCTL_VALUE_LENGTH_MAX or not value.isascii() or any(c < " " and c != "\t" for c in value):
        raise refusal(
            "sysctl_value", f"Value must be one line of at most {SYSCTL_VALUE_LENGTH_MAX} printable ASCII characters"
        )
    return " ".join(value.split())


def _feature(value: object) -> str:
    """Return the one name of a feature of a network interface, ethtool's short one where there is one."""
    word = lower(value)
    if isinstance(word, str) and len(word) <= WORD_LENGTH_MAX:
        if is_known(word):
            return plan_name(word)
        near = difflib.get_close_matches(word, (*SHORT_NAMES, *KERNEL_NAMES), n=3)
        more = f"; did you mean {' or '.join(near)}?" if near else ""
        raise refusal("feature", f"Unknown key: not a feature that ethtool -k names{more}")
    raise refusal("feature", "Unknown key: not a feature that ethtool -k names")


Feature = Annotated[str, PlainValidator(_feature), WithJsonSchema({"type": "string", "maxLength": 64})]
"""A feature of a network interface, by the short name of ethtool(8) or by the kernel's."""

SysctlKey = Annotated[str, PlainValidator(_sysctl_key), WithJsonSchema({"type": "string", "maxLength": 255})]
"""A dotted sysctl key; ``{iface}`` in it stands for the plan's interfaces."""

SysctlValue = Annotated[
    str,
    PlainValidator(_sysctl_value),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": SYSCTL_VALUE_LENGTH_MAX}, {"type": "integer"}]}),
]
"""A sysctl value: text or a whole number; several fields are parted by blanks."""

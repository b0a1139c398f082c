# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and values of sysctl keys: one spelling for each key, and when two values are the same value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .._common.errors import NetoptError
from .._common.patterns import pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeVar

    Value = TypeVar("Value")

IFACE = "{iface}"  # in a plan's key: each interface of the plan; in a card's: any interface, all and default

# net.ipv4.conf.eth0.100.rp_filter: only here may a name in the middle hold dots, and the last part never does
_PER_INTERFACE = pattern(r"^(net/(?:ipv4|ipv6|mpls)/(?:conf|neigh))/(.+)/([^/]+)$")
_FAMILY = pattern(r"^(net\.(?:ipv4|ipv6|mpls)\.(?:conf|neigh))\.[^.]+\.([^.]+)$")
_LEGAL = pattern(r"^(?:[A-Za-z0-9_@:%+,.-]+|\{[^{}/\s]+\})$")  # in braces: what each host finds out, in a text
_NUMBER = pattern(r"^-?(0[xX][0-9a-fA-F]+|[0-9]+)$")
_RANGES = pattern(r"^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$")
_SECRETS = frozenset({"tcp_fastopen_key", "stable_secret"})  # by the last part: see ``holds_secret``
_SETS = frozenset({"net.ipv4.tcp_allowed_congestion_control", "net.ipv4.tcp_available_congestion_control"})


def proc_path(key: str) -> str:
    """Return the path below ``/proc/sys`` that a key names.

    As in sysctl(8), the first separator decides: in ``net.ipv4.conf.eth0/100.rp_filter`` a ``/`` stands for
    a dot in a name, in ``net/ipv4/conf/eth0.100/rp_filter`` dots are just dots. The dotted form with a dot in an
    interface's name is understood as well, since it can mean only one thing.

    Raises:
        NetoptError: the key is not a legal name.
    """
    first = re.search(r"[./]", key)
    if first is not None and first.group() == ".":
        path = key.translate(str.maketrans("./", "/."))
        per_interface = _PER_INTERFACE.match(path)
        if per_interface:
            path = "/".join((per_interface.group(1), per_interface.group(2).replace("/", "."), per_interface.group(3)))
    else:
        path = key
    parts = path.split("/")
    if not parts[1:] or any(part in ("", ".", "..") or not _LEGAL.match(part) for part in parts):
        raise NetoptError(
            f"{key!r} is not the name of a sysctl key",
            stage="plan",
            key=key,
            hint="Write it as sysctl does, e.g. net.ipv4.tcp_rmem or net/ipv4/conf/eth0.100/rp_filter.",
        )
    return path


def canonical(key: str) -> str:
    """Return the one spelling of a key that sysctl(8) understands: dotted, with ``/`` for dots in names."""
    return proc_path(key).translate(str.maketrans("./", "/."))


def holds_secret(key: str) -> bool:
    """Tell whether a key, however spelt, lets whoever reads it forge cookies or tell addresses apart."""
    return re.split("[./]", key)[-1] in _SECRETS


def refuse_secrets(keys: Iterable[str]) -> None:
    """Refuse keys that hold secrets, which reports and checkpoints would keep in plain text.

    Raises:
        NetoptError: names the first one.
    """
    for key in keys:
        if holds_secret(key):
            raise NetoptError(
                f"{key} holds a secret, which is neither read out nor set: reports and checkpoints would keep it",
                stage="plan",
                key=key,
                hint="Leave it out, and set it by what the host's configuration is made with.",
            )


def family(key: str) -> str | None:
    """Return the family of an interface's key, ``net.ipv4.conf.{iface}.rp_filter``; ``None`` for any other key.

    ``all`` and ``default`` belong to the family as well.
    """
    found = _FAMILY.match(key)
    return f"{found.group(1)}.{IFACE}.{found.group(2)}" if found else None


def for_interfaces(keys: Mapping[str, Value], ifaces: Sequence[str]) -> dict[str, Value]:
    """Return keys with ``{iface}`` put once for each interface, in the canonical spelling.

    Args:
        keys: anything by key.
        ifaces: the plan's interfaces.

    Raises:
        NetoptError: a key wants interfaces and there are none, or two spellings of one key have different values.
    """
    found: dict[str, Value] = {}
    for key, value in keys.items():
        if IFACE in key and not ifaces:
            raise NetoptError(
                f"{key} stands for the interfaces of a plan, and there are none here",
                stage="plan",
                key=key,
                hint="Name the interface in the key, or all or default.",
            )
        named = [key.replace(IFACE, name.replace(".", "/")) for name in ifaces] if IFACE in key else [key]
        for name in map(canonical, named):
            if found.setdefault(name, value) != value:
                raise NetoptError(
                    f"{name} is given twice with different values",
                    stage="plan",
                    key=name,
                    wanted=f"{found[name]} and {value}",
                    hint="Keep one of the two.",
                )
    return found


def _expand(ranges: str) -> tuple[tuple[int, int], ...]:
    """Return a port list such as ``1-2,3`` as merged ranges, the way the kernel keeps it."""
    merged: list[tuple[int, int]] = []
    for part in sorted(
        (int(low), int(high or low)) for low, _dash, high in (text.partition("-") for text in ranges.split(","))
    ):
        if merged and part[0] <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(part[1], merged[-1][1]))
        else:
            merged.append(part)
    return tuple(merged)


def _field(text: str) -> str:
    """Return one field in the form in which the kernel prints it."""
    if _NUMBER.match(text):
        digits = text.lstrip("-")
        base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" and set(digits) <= set("01234567") else 10
        return str(int(text, base))
    if _RANGES.match(text):
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in _expand(text))
    return text


def normal(value: str) -> str:
    """Return a value as the kernel would print it: single spaces, decimal numbers, merged port ranges."""
    return " ".join(_field(text) for text in value.split())


def same(key: str, one: str | None, other: str | None) -> bool:
    """Tell whether two values of a key mean the same (tabs, hexadecimal and the like aside)."""
    if one is None or other is None:
        return one is other
    if key in _SETS:
        return set(one.split()) == set(other.split())
    return normal(one) == normal(other)

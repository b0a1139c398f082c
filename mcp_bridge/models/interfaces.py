# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The interfaces of a plan: names, globs, what a selector describes, or ``auto``; each host finds its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, PlainValidator, Tag, WithJsonSchema, model_validator

from mcp_bridge.collection.interfaces import AUTO, IFACES_MAX, is_glob

from .base import NO_BOOL, Strict, refusal
from .scalars import interface_name

GLOB_LENGTH_MAX = 64
SPEED_MAX = 10_000_000

_GLOB = re.compile(rf"[^\s/:\x00-\x1f\x7f\"\\]{{1,{GLOB_LENGTH_MAX}}}")


def _word(value: object) -> str:
    """Return a name, or a glob of names."""
    if isinstance(value, str) and is_glob(value):
        if not _GLOB.fullmatch(value) or not value.isascii() or value.startswith("-"):
            raise refusal(
                "glob",
                f"Not a glob of interface names: 1 to {GLOB_LENGTH_MAX} ASCII characters, as in en*",
            )
        return value
    return interface_name(value)


Word = Annotated[
    str,
    PlainValidator(_word),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": GLOB_LENGTH_MAX, "pattern": "^[^\\s/:]+$"}),
]
Text = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]{0,31}$")]


class InterfaceSelector(Strict):
    """Describes interfaces instead of naming them: each host takes all of its own for which all of it holds."""

    driver: Text | None = None
    """Their driver as ``ethtool -i`` tells it, such as virtio_net or mlx5_core."""
    type: Text | None = None
    """Their kind in the kernel's word, such as ethernet, wireless, bond, bridge, vlan; tunnel for any tunnel."""
    min_speed_mbit: Annotated[int, Field(ge=1, le=SPEED_MAX), NO_BOOL] | None = None
    """The least speed in Mbit/s; an interface that tells none is not taken."""

    @model_validator(mode="after")
    def _says_something(self) -> InterfaceSelector:
        if self.driver is None and self.type is None and self.min_speed_mbit is None:
            raise refusal("selector", "A selector needs driver, type or min_speed_mbit")
        return self


def _several(value: Any) -> Any:
    """Refuse a list that is no list of distinct interfaces."""
    if not 1 <= len(value) <= IFACES_MAX:
        raise refusal("iface", f"A list of interfaces needs 1 to {IFACES_MAX} names")
    if any(value[index] in value[:index] for index in range(len(value))):
        raise refusal("iface", "An interface is listed twice")
    if AUTO in value:
        raise refusal("iface", "'auto' stands alone, not in a list")
    return list(value)


def _kind(value: Any) -> str:
    """Return which of the forms of an interface a value has, so that errors are of that form alone."""
    if isinstance(value, Mapping | InterfaceSelector):
        return "selector"
    return "several" if isinstance(value, list | tuple) else "name"


def _kind_of_one(value: Any) -> str:
    """Return which of the forms of an interface in a list a value has."""
    return "selector" if _kind(value) == "selector" else "name"


_Name = Annotated[Word, Tag("name")]
_Selector = Annotated[InterfaceSelector, Tag("selector")]
_One = Annotated[_Name | _Selector, Discriminator(_kind_of_one)]
_Several = Annotated[list[_One], Field(min_length=1, max_length=IFACES_MAX), BeforeValidator(_several), Tag("several")]
Iface = Annotated[_Name | _Selector | _Several, Discriminator(_kind)]
"""An interface, a list of them, each by a name, a glob or a selector, or ``auto`` for those of the default route."""

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan with some of its parts changed: what stays the same is not copied, however large it is. Pure."""

from __future__ import annotations

from operator import is_
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def changed_each(items: Sequence[Any], change: Callable[[Any], Any]) -> Any:
    """Return a list with each item changed, the list itself where ``change`` gives back every item as it is."""
    found = [change(item) for item in items]
    return items if isinstance(items, list) and all(map(is_, found, items)) else found


def with_changed(entry: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """Return an object with one of its values replaced, the object itself where it has that very value."""
    return entry if entry.get(name) is value else {**entry, name: value}

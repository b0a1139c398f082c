# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses that take a fifth of the time to make.

Python writes up to six methods for each dataclass and compiles them one by one. Some fifty of these classes are made on
a host for each change, which took a tenth of its processor time. Here one method is compiled, and the others are the
same for all classes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError
from typing import TYPE_CHECKING, Any, Callable, Tuple

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls: type | None = None, *, frozen: bool = False) -> type | Callable[[type], type]:
        """Make a class what ``dataclasses.dataclass`` makes of it.

        Raises:
            TypeError: it asks for more: a field without a part in it, or methods of its own among those made here.
        """
        if cls is None:
            return lambda given: dataclass(given, frozen=frozen)
        own = [name for name in ("__init__", "__post_init__", "__repr__", "__eq__", "__hash__") if name in vars(cls)]
        if own:
            raise TypeError(f"{cls.__name__} has its own {own[0]}: use dataclasses.dataclass")
        made = dataclasses.dataclass(init=False, repr=False, eq=False)(cls)
        made.__match_args__ = tuple([one.name for one in dataclasses.fields(made)])
        made.__init__ = _init(made)
        made.__repr__, made.__eq__, made.__hash__ = _repr, _eq, _hash if frozen else None
        if frozen:
            made.__setattr__, made.__delattr__ = _refuse_to_set, _refuse_to_delete
        return made


def _init(cls: Any) -> Any:
    """Return ``__init__`` of a class: each field without a default has to be given."""
    known: dict[str, Any] = {"__missing": MISSING}
    words, lines = ["self"], ["__own = self.__dict__"]
    for one in dataclasses.fields(cls):
        name = value = one.name
        if not (one.init and one.repr and one.compare and one.hash is None):
            raise TypeError(f"{cls.__name__}.{name} has no part in all: use dataclasses.dataclass")
        if one.default_factory is not MISSING:
            known[f"__make_{name}"] = one.default_factory
            words.append(f"{name}=__missing")
            value = f"__make_{name}() if {name} is __missing else {name}"
        elif one.default is not MISSING:
            known[f"__default_{name}"] = one.default
            words.append(f"{name}=__default_{name}")
        else:
            words.append(name)
        lines.append(f"__own[{name!r}] = {value}")
    body = "\n ".join(lines)
    exec(f"def __init__({', '.join(words)}):\n {body}", known)  # noqa: S102 - as dataclasses does
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _values(one: Any) -> Tuple[Any, ...]:
    """Return what the fields of an object hold."""
    own = one.__dict__
    return tuple([own[name] for name in one.__match_args__])


def _repr(self: Any) -> str:
    named = ", ".join(f"{name}={value!r}" for name, value in zip(self.__match_args__, _values(self)))
    return f"{type(self).__qualname__}({named})"


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _refuse_to_set(_self: Any, name: str, _value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(_self: Any, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")

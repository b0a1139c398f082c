# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Dataclasses that are quick to make are what Python's own are."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import FrozenInstanceError, asdict, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Callable, ClassVar, Dict

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common import quick_dataclass

OURS: Any = quick_dataclass.dataclass
FIELD: Any = vars(dataclasses)["field"]  # pylint wants it within what it knows as a dataclass
KINDS = pytest.mark.parametrize("made", [OURS, dataclasses.dataclass], ids=["ours", "Python's"])


def bare() -> type:
    """Return a class that none of them has made anything of yet."""

    class One:
        """A number, and more."""

        number: int
        word: str = "word"
        known: Dict[str, int] = FIELD(default_factory=dict)

    One.__qualname__ = "One"
    return One


def frozen(made: Callable[..., Any]) -> Any:
    """Return a frozen class."""
    return made(frozen=True)(bare())


@KINDS
def test_what_it_says_of_itself(made: Callable[..., Any]) -> None:
    """Text, fields and values are those that the class names."""
    one = frozen(made)(1, known={"a": 2})
    assert repr(one) == "One(number=1, word='word', known={'a': 2})"
    assert [each.name for each in fields(one)] == ["number", "word", "known"]
    assert asdict(one) == {"number": 1, "word": "word", "known": {"a": 2}}
    assert type(one).__doc__ == "A number, and more."


@KINDS
def test_two_are_alike_that_hold_the_same(made: Callable[..., Any]) -> None:
    """Only of one class, and their hashes are then the same."""
    kind, other = frozen(made), frozen(made)
    assert kind(1) == kind(1, "word", {})
    assert kind(1) != kind(2)
    assert kind(1) != other(1)
    assert kind(1) != 1
    assert len({kind(1, known=None), kind(1, known=None)}) == 1
    with pytest.raises(TypeError, match="unhashable"):
        hash(kind(1))


@KINDS
def test_what_has_to_be_given(made: Callable[..., Any]) -> None:
    """A field without a default; and no word that is none."""
    kind = frozen(made)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'number'"):
        kind()
    with pytest.raises(TypeError, match="unexpected keyword argument 'other'"):
        kind(1, other=2)
    kind(1).known["only here"] = 1
    assert kind(1).known == {}


@KINDS
def test_a_frozen_one_does_not_change(made: Callable[..., Any]) -> None:
    """It is replaced; what it works out of itself it may keep."""

    @made(frozen=True)
    class One:
        number: int

        @cached_property
        def twice(self) -> int:
            return self.number * 2

    one = One(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'number'"):
        one.number = 2
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'number'"):
        del one.number
    assert (one.twice, one.twice, one) == (2, 2, One(1))
    assert replace(one, number=3).twice == 6


@KINDS
def test_one_that_is_not_frozen(made: Callable[..., Any]) -> None:
    """It changes, and has no hash."""
    kind = made(bare())
    one = kind(1)
    one.number = 2
    assert one == kind(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@KINDS
def test_a_class_and_one_that_adds_to_it(made: Callable[..., Any]) -> None:
    """Fields of the class before come first; what belongs to the class is no field."""

    @made(frozen=True)
    class More(frozen(made)):  # type: ignore[misc]
        kind: ClassVar[str] = "more"
        own: bool = False
        make_known: int = 3
        MISSING: str = ""

    one = More(1, "a", own=True, make_known=4)
    assert (one.number, one.own, one.known, one.kind) == (1, True, {}, "more")
    assert asdict(one) == {"number": 1, "word": "a", "known": {}, "own": True, "make_known": 4, "MISSING": ""}
    assert one == More(1, "a", own=True, make_known=4)
    assert one != frozen(made)(1, "a", {})


@pytest.mark.parametrize("name", ["__init__", "__post_init__", "__repr__", "__eq__", "__hash__"])
def test_a_class_with_methods_of_its_own(name: str) -> None:
    """It is refused: one of the two would be lost."""
    kind = bare()
    setattr(kind, name, lambda _self, *_words: None)
    with pytest.raises(TypeError, match=f"One has its own {name}"):
        OURS(kind)


@pytest.mark.parametrize("part", ["init", "repr", "compare", "hash"])
def test_a_field_without_a_part(part: str) -> None:
    """It is refused, as it would have that part."""
    kind: Any = bare()
    kind.word = FIELD(default="word", **{part: False})
    with pytest.raises(TypeError, match=r"One\.word has no part in all"):
        OURS(kind)


def test_the_target_has_no_others() -> None:
    """A class that is slow to make is found here."""
    own = Path(quick_dataclass.__file__)
    lines = {
        line
        for file in own.parents[1].rglob("*.py")
        if file != own
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.search(r"import .*\bdataclass\b|\bdataclasses\.dataclass\b", line)
    }
    assert lines == {"from .._common.quick_dataclass import dataclass", "from .quick_dataclass import dataclass"}

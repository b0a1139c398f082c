# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan says of routes: its words, the destinations that they are for, and words that it takes away. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterator, Mapping

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUTES = "routes"
DST = "dst"
DEFAULT = "default"
ROUTE_WORDS = ("initcwnd", "initrwnd", "quickack", "rto_min_ms", "congctl")
DEFAULTS = ("0.0.0.0/0", "::/0")


def destinations(dst: str) -> tuple[str, ...]:
    """Return the networks that a destination of a plan means: ``default`` is that of both families."""
    return DEFAULTS if dst == DEFAULT else (dst,)


def network_of(name: str) -> str:
    """Return where a route leads to, by the name that tells it from others: its network comes first."""
    return name.partition(" ")[0]


def said_of(routes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str, Any]]:
    """Yield (network, word, value) of everything that a plan says; the value is null where it takes a word away."""
    for one in routes:
        for network in destinations(one[DST]):
            for word in ROUTE_WORDS:
                if word in one:
                    yield network, word, one[word]


def words_away(routes: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the words that are null, by destination."""
    found = [{key: value for key, value in one.items() if key == DST or value is None} for one in routes]
    return [one for one in found if len(one) > 1]


def with_words_away(routes: Iterable[Mapping[str, Any]], away: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what a plan says of routes together with the words that it takes away, each route's in one order."""
    both = {one[DST]: dict(one) for one in routes}
    for one in away:
        both[one[DST]] = {**one, **both.get(one[DST], {})}
    return [{key: one[key] for key in (DST, *ROUTE_WORDS) if key in one} for one in both.values()]

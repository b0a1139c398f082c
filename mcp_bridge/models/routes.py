# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Metrics of routes: what ``changes`` says about routes that exist."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from mcp_bridge.collection.route_words import DEFAULT, ROUTE_WORDS

from .base import NO_BOOL, WORD_LENGTH_MAX, Strict, refusal

ALGORITHM = r"^[a-z0-9_-]{1,15}$"


def _destination(value: object) -> str:
    """Return ``default``, or a network in canonical form."""
    if isinstance(value, str) and len(value) <= WORD_LENGTH_MAX and "%" not in value:
        word = value.strip()
        if word == DEFAULT:
            return DEFAULT
        try:
            return str(ipaddress.ip_network(word))
        except ValueError:
            pass
    raise refusal("route_dst", "Not a route's destination: default, or a network such as 192.0.2.0/24 or 2001:db8::/32")


Destination = Annotated[str, PlainValidator(_destination), WithJsonSchema({"type": "string", "maxLength": 49})]
"""Where a route leads to: ``default`` or a network."""


class RouteMetrics(Strict):
    """Metrics of the routes to one destination through the plan's interfaces."""

    dst: Destination
    """``default``, of both families, or the network of a route in the main table."""
    initcwnd: Annotated[int, Field(ge=1, le=65_535), NO_BOOL] | None = None
    """Segments that TCP sends before the first acknowledgement."""
    initrwnd: Annotated[int, Field(ge=1, le=65_535), NO_BOOL] | None = None
    """Segments that TCP offers to receive at first."""
    quickack: bool | None = None
    """Acknowledge every segment at once."""
    rto_min_ms: Annotated[int, Field(ge=1, le=120_000), NO_BOOL] | None = None
    """Least time until TCP sends again, milliseconds."""
    congctl: Annotated[str, Field(pattern=ALGORITHM)] | None = None
    """Congestion control of connections by this route."""

    @model_validator(mode="after")
    def _check(self) -> RouteMetrics:
        if not self.model_fields_set & set(ROUTE_WORDS):
            raise PydanticCustomError(
                "route_empty", "A route needs a metric: {words}", {"words": ", ".join(ROUTE_WORDS)}
            )
        return self

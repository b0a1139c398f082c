# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Impairment for tests: what netem does to packets, and to which."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from mcp_bridge.collection.impairment import unmet

from .base import NO_BOOL, U32_MAX, WHOLE, Mbit, Percent, Strict
from .scalars import Classid, lower
from .traffic import DscpMatch

Milliseconds = Annotated[float, Field(ge=0, le=60_000), NO_BOOL, WHOLE]


class GilbertElliott(Strict):
    """Loss in two states, one good and one bad (tc's word gemodel)."""

    type: Literal["gemodel"]
    p_pct: Percent
    """Chance to go from the good state to the bad one with each packet, percent."""
    r_pct: Percent | None = None
    """Chance to go back, percent; what is left of 100 by default."""
    bad_loss_pct: Percent | None = None
    """Packets lost in the bad state, percent; 100 by default (tc's 1-h)."""
    good_loss_pct: Percent | None = None
    """Packets lost in the good state, percent; none by default (tc's 1-k)."""


class LossStates(Strict):
    """Loss in four states: 1 good, 2 good within a burst of losses, 3 lost in a burst, 4 a single loss."""

    type: Literal["state"]
    p13_pct: Percent
    """Chance to go from state 1 to state 3 with each packet, percent."""
    p31_pct: Percent | None = None
    """From state 3 to state 1; what is left of 100 by default."""
    p32_pct: Percent | None = None
    """From state 3 to state 2; none by default."""
    p23_pct: Percent | None = None
    """From state 2 to state 3; 100 by default."""
    p14_pct: Percent | None = None
    """From state 1 to state 4; none by default."""


class Netem(Strict):
    """Impairments for tests, always for a limited time."""

    delay_ms: Milliseconds | None = None
    """Delay, milliseconds."""
    delay_jitter_ms: Milliseconds | None = None
    """Spread of the delay, milliseconds."""
    delay_correlation_pct: Percent | None = None
    """How much the jitter of a packet is that of the one before, percent."""
    distribution: Annotated[Literal["uniform", "normal", "pareto", "paretonormal"], BeforeValidator(lower)] | None = (
        None
    )
    """How the jitter is spread."""
    loss_pct: Percent | None = None
    """Packets lost, percent."""
    loss_correlation_pct: Percent | None = None
    """How much the fate of a packet is that of the one before, percent."""
    loss_model: Annotated[GilbertElliott | LossStates, Field(discriminator="type")] | None = None
    """Losses in bursts, in the place of ``loss_pct``."""
    duplicate_pct: Percent | None = None
    """Packets doubled, percent."""
    duplicate_correlation_pct: Percent | None = None
    """How much it is with a packet as with the one before, percent."""
    corrupt_pct: Percent | None = None
    """Packets with a bit flipped, percent."""
    corrupt_correlation_pct: Percent | None = None
    """How much it is with a packet as with the one before, percent."""
    reorder_pct: Percent | None = None
    """Packets sent at once instead of delayed, percent."""
    reorder_correlation_pct: Percent | None = None
    """How much it is with a packet as with the one before, percent."""
    rate_mbit: Mbit | None = None
    """Rate of the link that is emulated, Mbit/s."""
    limit: Annotated[int, Field(ge=1, le=10_000_000), NO_BOOL] | None = None
    """Packets that may be held; the policy's default when not given."""
    duration_s: Annotated[int, Field(ge=1, le=U32_MAX), NO_BOOL] | None = None
    """Seconds after which the impairment ends; the policy's default when not given."""
    direction: Annotated[Literal["egress", "ingress"], BeforeValidator(lower)] | None = None
    """Whether it meets what leaves (egress, by default) or what arrives (ingress)."""
    match: DscpMatch | None = None
    """Which packets; all by default. Answers of ssh, or its requests, are spared unless it names port 22."""
    classes: Annotated[list[Classid], Field(min_length=1)] | None = None
    """Classes whose packets are met; all by default."""

    @model_validator(mode="after")
    def _check(self) -> Netem:
        for field, message, hint in unmet(self.model_dump(exclude_none=True)):
            raise PydanticCustomError(
                "netem", "{field}: {message}. {hint}", {"field": field, "message": message, "hint": hint}
            )
        effects = ("delay_ms", "loss_pct", "loss_model", "duplicate_pct", "corrupt_pct", "reorder_pct", "rate_mbit")
        if all(getattr(self, name) is None for name in effects):
            raise PydanticCustomError(
                "netem_empty", "netem needs a delay, loss, duplication, corruption, reordering or a rate"
            )
        if self.match is not None and not self.match.model_dump(exclude_none=True):
            raise PydanticCustomError("match_empty", "A match of netem names at least one property of a packet")
        return self

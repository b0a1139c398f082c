# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""mq, below which each TX queue of an interface has a queueing discipline, or a tree of classes, of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Strict
from .qdisc import Bfifo, Cake, Fq, FqCodel, Htb, Pfifo, PfifoFast, Sfq, Tbf
from .scalars import Classid
from .traffic import HtbClass


class QueueHtb(Htb):
    """Hierarchical token bucket of each queue; the rates of its classes are those of one queue."""

    htb_classes: list[HtbClass] | None = None
    """Classes of each queue."""
    default_class: Classid | None = None
    """Class of packets that no match fits."""


QueueQdisc = Annotated[
    Fq | FqCodel | Cake | QueueHtb | Sfq | Tbf | Pfifo | Bfifo | PfifoFast,
    Field(discriminator="type"),
]
"""A queueing discipline for one TX queue."""


class MqParams(Strict):
    """mq has no parameters."""


class Mq(Strict):
    """A queueing discipline for each TX queue."""

    type: Literal["mq"]
    params: MqParams = Field(default_factory=MqParams)
    per_queue: QueueQdisc | None = None
    """What each queue has; the kernel's default by itself."""


RootQdisc = Annotated[
    Fq | FqCodel | Cake | Htb | Sfq | Tbf | Pfifo | Bfifo | PfifoFast | Mq,
    Field(discriminator="type"),
]
"""A queueing discipline for the root of an interface that may have several TX queues."""

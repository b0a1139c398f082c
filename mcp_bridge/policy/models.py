# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy's models: what each file of a policy may hold; a card is in ``card``."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from .card import SysctlKey, Text
from .limits import Number, PolicyModel, Source

Changes = dict[str, JsonValue]
Operator = Literal["lt", "le", "gt", "ge", "eq", "ne", "in"]
Fact = Literal[
    "memory_mb",
    "cpus",
    "kernel_version",
    "virtualization",
    "initial_netns",
    "ipv6",
    "link.type",
    "link.speed_mbit",
    "link.driver",
    "link.tx_queues",
    "link.mtu",
    "uplink",
    "qdiscs.cake",
    "qdiscs.fq_codel",
]


class Objectives(PolicyModel):
    """What a profile aims at. ``connections`` is what the values are sized for; it is not measured."""

    latency_p95_ms: Number | None = Field(default=None, gt=0)
    jitter_ms: Number | None = Field(default=None, gt=0)
    loss_pct: Number | None = Field(default=None, ge=0, le=100)
    throughput_mbps: Number | None = Field(default=None, gt=0)
    max_regression_pct: Number | None = Field(default=None, ge=0, le=100)
    connections: int | None = Field(default=None, gt=0)

    def measured(self) -> dict[str, Number]:
        """Return the objectives that a measurement can be held against, as in ``ValidateSpec.objectives``."""
        return self.model_dump(exclude_none=True, exclude={"connections"})


class ProfileValidation(PolicyModel):
    """How a host is measured when a plan with the profile says nothing of it."""

    probes: Annotated[list[Literal["ping", "tcp", "iperf"]], Field(min_length=1)]
    duration_s: int = Field(ge=1, le=600)


class ProfileLink(PolicyModel):
    """How a profile shapes an uplink whose rates a plan, or the inventory, tells: below these rates, both ways."""

    up_pct: Number = Field(gt=0, le=100, description="What leaves is shaped to so much of the uplink's rate.")
    down_pct: Number = Field(gt=0, le=100, description="What arrives is shaped to so much of its rate.")
    changes: Changes = Field(alias="defaults", description="qdisc, and ingress for what arrives; over the defaults.")
    without: Text | None = Field(default=None, description="What the profile cannot do where no uplink is told.")


class Profile(PolicyModel):
    """A purpose, its objectives, and the changes that a plan gets which names it and carries none of its own.

    The YAML and the JSON call the changes ``defaults``.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    description: Text
    objectives: Objectives
    changes: Changes = Field(alias="defaults")
    link: ProfileLink | None = None
    active_cards: Annotated[list[Text], Field(min_length=1)]
    validation: ProfileValidation
    sources: dict[str, Source] = Field(
        description="One source for every value of defaults, objectives, validation, link."
    )


class Drop(PolicyModel):
    """What an adaptation takes out of a profile's values."""

    sysctl: list[SysctlKey] = []
    changes: list[Text] = []


class KeepHigher(PolicyModel):
    """Keys that are set to the higher of the host's value and the profile's, field by field."""

    sysctl: list[SysctlKey]


class Adaptation(PolicyModel):
    """Changes a profile's values to suit a host. Values that a user wrote are never adapted.

    Facts that begin with ``link.`` are those of the interface; ``uplink`` says whether the rates of the uplink behind
    it are known, and only where they are, those are known that begin with ``qdiscs.``.

    ``when`` holds if every comparison does; a fact that is unknown on the host makes it false, an empty ``when`` is
    always true. Adaptations apply in the order of the file. ``set`` writes values, adding them where absent;
    ``cap`` and ``raise`` only touch values that are there and take the lower or the higher, field by field.
    ``profiles`` restricts the rule to profiles by name; empty means all.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    profiles: list[Text] = []
    when: dict[Fact, dict[Operator, JsonValue]]
    set: Changes = {}
    cap: Changes = {}
    raise_: Changes = Field(default={}, alias="raise")
    drop: Drop = Drop()
    keep_higher: KeepHigher | None = None
    message: Text
    sources: Annotated[list[Source], Field(min_length=1)]

    def for_target(self) -> dict[str, Any]:
        """Return the rule as the target takes it: JSON-able, only what is set, without ``profiles``."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"profiles"})


class Constraint(PolicyModel):
    """What may not be combined. The check of the same id is code; this says how bad it is and what to tell.

    ``level`` says where it is checked: on the plan alone, on the host with its facts, or on both.
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    level: Literal["plan", "host", "both"]
    severity: Literal["error", "warning"]
    message: Text
    hint: Text
    sources: Annotated[list[Source], Field(min_length=1)]


class Rules(PolicyModel):
    """``rules.yaml``: how profiles adapt to hosts, and what may not be combined."""

    adaptations: list[Adaptation] = []
    constraint_list: list[Constraint] = Field(default=[], alias="constraints")

    @cached_property
    def constraints(self) -> dict[str, Constraint]:
        """The constraints by id."""
        return {constraint.id: constraint for constraint in self.constraint_list}

    def adaptations_for(self, profile: str) -> list[dict[str, Any]]:
        """Return the adaptations that concern one profile, in order, as the target takes them."""
        return [rule.for_target() for rule in self.adaptations if not rule.profiles or profile in rule.profiles]


class PolicyFile(PolicyModel):
    """``policy.yaml``: how an organisation's policy lies over the shipped one."""

    replace: bool = Field(default=False, description="Whether the shipped policy is set aside; else it lies beneath.")


class ProfilesFile(PolicyModel):
    """``profiles.yaml``."""

    profiles: list[Profile]


class ValidationLimits(PolicyModel):
    """``validation_limits.yaml``: how large a plan may be, and which names are known."""

    max_interfaces: int = Field(ge=1)
    max_hosts: int = Field(ge=1)
    max_sysctl_keys: int = Field(ge=1)
    max_classes: int = Field(ge=1)
    max_matches_per_class: int = Field(ge=1)
    max_ports_per_match: int = Field(ge=1)
    max_dscp_rules: int = Field(ge=1)
    max_connection_limits: int = Field(ge=1)
    max_rate_limits: int = Field(ge=1)
    max_nat_rules: int = Field(ge=1)
    max_targets: int = Field(ge=1)
    max_rationale_lines: int = Field(ge=1)
    max_rationale_chars: int = Field(ge=1)
    validation_duration_default_s: int = Field(ge=1)
    validation_duration_max_s: int = Field(ge=1)
    netem_duration_default_s: int = Field(ge=1)
    netem_duration_max_s: int = Field(ge=1)
    netem_limit_default: int = Field(ge=1)
    confirm_timeout_default_s: int = Field(ge=1)
    confirm_timeout_min_s: int = Field(ge=1)
    confirm_timeout_max_s: int = Field(ge=1)
    qdisc_types: list[Text]
    leaf_qdisc_types: list[Text] = Field(description="Qdiscs that a class of htb may hold.")
    protocols: list[Text] = Field(description="Protocols of a match.")
    port_protocols: list[Text] = Field(description="Protocols that have ports.")
    dscp: dict[str, Annotated[int, Field(ge=0, le=63)]]
    offloads: dict[str, Text] = Field(description="Short name to the feature's name in ethtool -k.")
    sources: dict[str, Source]

    @model_validator(mode="after")
    def _has_sources(self) -> Self:
        for name in sorted((set(type(self).model_fields) - {"sources"}) ^ set(self.sources)):
            raise ValueError(f"sources must hold exactly one entry per key, see {name}")
        return self

    @model_validator(mode="after")
    def _defaults_are_allowed(self) -> Self:
        for subject in ("validation_duration", "netem_duration", "confirm_timeout"):
            least, default, most = (getattr(self, f"{subject}_{end}_s", 1) for end in ("min", "default", "max"))
            if not least <= default <= most:
                raise ValueError(f"{subject}_default_s must be {least} to {most}, and is {default}")
        return self


class Program(PolicyModel):
    """One program: the package that brings it, and which arguments it may be given.

    An entry of ``reads`` or ``changes`` is a row of words that the arguments must begin with; a word may hold
    ``*``, ``?`` and ``[ ]``. A last word ``$`` means that nothing may follow. The empty entry allows any arguments.
    """

    package: Text
    reads: list[str] = Field(default=[], description="Invocations that change nothing.")
    changes: list[str] = Field(default=[], description="Invocations that change the target.")


class AllowlistFile(PolicyModel):
    """``allowlist.yaml``: every program that may run on a target."""

    programs: dict[str, Program]

# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A card: one setting, or a family of sysctl keys, with what it does, what it may be, and where that is written."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from .limits import Number, PolicyModel, Range, RangeField, Scalar, Source
from .sysctl_keys import key_problem

Text = Annotated[str, Field(min_length=1)]


def _sysctl_key(key: str) -> str:
    problem = key_problem(key)
    if problem:
        raise ValueError(problem)
    return key


SysctlKey = Annotated[
    str,
    Field(description="A dotted key, or a family of keys: net.ipv4.conf.{iface}.rp_filter."),
    AfterValidator(_sysctl_key),
]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+$", description="A kernel version such as 4.14.")]


class Impact(PolicyModel):
    """What changing the setting does, in words."""

    throughput: Text
    latency: Text
    cpu_usage: Text


class Configuration(PolicyModel):
    """How an operator would do it by hand."""

    command_template: Text
    examples: Annotated[list[Text], Field(min_length=1)]


class Parameter(PolicyModel):
    """One parameter of a card.

    ``path`` names the range in ``limits.yaml`` that ``min``, ``max`` and ``valid_values`` must agree with;
    a field of a row is written ``sysctl.net.ipv4.tcp_rmem[0]``.
    """

    name: Text
    type: Literal["int", "float", "bool", "enum", "str"]
    default: Scalar | None = Field(description="The kernel's or the tool's own default; null where it has none.")
    min: Number | None = None
    max: Number | None = None
    valid_values: list[str] | None = None
    unit: str | None = None
    path: str | None = None


class Risk(PolicyModel):
    """How much can go wrong, and what."""

    level: Literal["low", "medium", "high"]
    note: Text


class Effect(PolicyModel):
    """When and where a change is felt.

    ``needs_module`` is a kernel module; ``{value}`` in it stands for the value that is set.
    ``namespaced`` is false where the setting is absent or read-only outside the initial network namespace.
    """

    when: Literal["now", "new sockets", "next device"]
    namespaced: bool
    needs_module: str | None = None
    removed_in: Version | None = None
    no_effect_since: Version | None = None


class KeyRange(PolicyModel):
    """One key of a card with ``keys``: what it does, and what it may be; the words are those of ``Range``.

    What is left out of ``namespaced``, ``needs_module``, ``removed_in`` and ``no_effect_since`` is as the card's
    ``effect`` says; without a ``source``, the card's sources are the key's.
    """

    about: Text = Field(description="What the key does, and what its values mean.")
    type: Literal["int", "enum", "words", "row", "text"] = "int"
    default: Scalar | None = Field(default=None, description="The kernel's own default; null where it has none.")
    unit: str | None = None
    min: int | None = None
    max: int | None = None
    valid_values: list[str] | None = None
    fields: list[RangeField] | None = None
    ascending: bool = False
    bits: list[int] | None = Field(default=None, description="The bits of a whole number that mean something.")
    pattern: str | None = Field(default=None, description="A regular expression that all of a text must match.")
    namespaced: bool | None = None
    needs_module: str | None = None
    removed_in: Version | None = None
    no_effect_since: Version | None = None
    source: Source | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        self.range("the sources of the card")
        return self

    def range(self, source: str) -> Range:
        """Return what the key may be."""
        words = {name: getattr(self, name) for name in Range.model_fields if name != "source"}
        return Range(**words, source=self.source or source)


class Card(PolicyModel):
    """One setting, or a family of them: what it is for, what it costs, how it is set and where that is written.

    A card of sysctl keys has ``keys``, which hold their own ranges; or it has ``sysctl``, the one key that it covers,
    and the range stands in ``limits.yaml``. ``configuration`` and ``parameters`` follow from ``keys``.
    """

    id: Annotated[str, Field(pattern=r"^(sysctl|tc|iptables|ethtool|link)\.[a-z0-9_]+$")]
    category: Literal["sysctl", "tc", "firewall", "link"] = "sysctl"
    subcategory: Text = "other"
    name: Text
    description: Text
    purpose: str = ""
    use_cases: list[Text] = []
    sysctl: SysctlKey | None = Field(default=None, description="The one key that it covers; its range is elsewhere.")
    keys: dict[SysctlKey, KeyRange] = Field(default={}, description="The keys that it covers, with their ranges.")
    impact: Impact | None = None
    configuration: Configuration | None = None
    parameters: list[Parameter] = []
    risk: Risk
    effect: Effect
    sources: Annotated[list[Source], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.keys:
            if not self.parameters or self.configuration is None:
                raise ValueError("a card needs keys, or both parameters and configuration")
            return self
        for name in ("sysctl", "parameters", "configuration"):
            if getattr(self, name):
                raise ValueError(f"a card with keys does not take {name}")
        if self.category != "sysctl":
            raise ValueError("a card with keys is of the category sysctl")
        derived = {
            "parameters": [
                Parameter(
                    name=key,
                    type=_PARAMETER_TYPES.get(found.type, "str"),
                    default=found.default,
                    min=found.min,
                    max=found.max,
                    valid_values=found.valid_values,
                    unit=found.unit,
                )
                for key, found in self.keys.items()
            ],
            "configuration": Configuration(
                command_template="sysctl -w {key}='{value}'",
                examples=[f"sysctl -w {key}='{{value}}'" for key in self.keys],
            ),
        }
        self.__dict__.update(derived)  # what follows from the rest is no change of it
        return self

    @property
    def covered(self) -> tuple[str, ...]:
        """The sysctl keys and families that it covers."""
        return (self.sysctl,) if self.sysctl else tuple(self.keys)

    @property
    def ranges(self) -> dict[str, Range]:
        """The ranges that it holds itself, by their names in ``limits.yaml``."""
        return {f"sysctl.{key}": found.range("; ".join(self.sources)) for key, found in self.keys.items()}

    def effect_of(self, key: str) -> Effect:
        """Return when and where a change of one of its keys is felt."""
        own = self.keys.get(key)
        words = {name: getattr(own, name, None) for name in Effect.model_fields}
        return self.effect.model_copy(update={name: value for name, value in words.items() if value is not None})


_PARAMETER_TYPES: dict[str, Literal["int", "enum"]] = {"int": "int", "enum": "enum"}

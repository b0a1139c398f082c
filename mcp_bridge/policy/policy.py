# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .limits import Limits
from .models import Card, Profile, Rules, ValidationLimits


@dataclass(frozen=True, eq=False)
class Policy:
    """A whole policy, checked. Two policies are equal when their digests are.

    Attributes:
        directory: where it was read from.
        cards: by card id.
        sysctl_cards: by sysctl key.
        profiles: by name.
        rules: adaptations and constraints.
        limits: ranges per parameter.
        validation_limits: sizes and known names.
        allowlist: argument prefixes by program.
        packages: the package that brings each program.
        digest: sha256 (hex) over the canonical JSON of all of it.
    """

    directory: Path
    cards: dict[str, Card]
    sysctl_cards: dict[str, Card]
    profiles: dict[str, Profile]
    rules: Rules
    limits: Limits
    validation_limits: ValidationLimits
    allowlist: dict[str, list[str]]
    packages: dict[str, str]
    digest: str

    def __hash__(self) -> int:
        """Hash by content."""
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        """Compare by content."""
        return isinstance(other, Policy) and self.digest == other.digest

    @cached_property
    def modules(self) -> dict[str, str]:
        """The kernel module that brings each sysctl key, for those that a module brings.

        A module that depends on the value (``tcp_{value}``) is not here: the key is there without it, and the
        kernel asks for the module itself when the value is written.
        """
        needed = {key: card.effect.needs_module for key, card in self.sysctl_cards.items()}
        return {key: module for key, module in needed.items() if module and "{" not in module}

    @cached_property
    def skippable(self) -> dict[str, str]:
        """Why a sysctl key may be skipped where the kernel lacks it, for those of which that is true."""
        reasons = {}
        for key, card in self.sysctl_cards.items():
            if card.effect.no_effect_since:
                reasons[key] = f"{key} has had no effect since Linux {card.effect.no_effect_since}"
            elif card.effect.removed_in:
                reasons[key] = f"{key} was removed in Linux {card.effect.removed_in}"
        return reasons

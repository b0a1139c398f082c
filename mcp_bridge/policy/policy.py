# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .card import Card, Effect
from .limits import Limits
from .models import Profile, Rules, ValidationLimits
from .sysctl_keys import family

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, eq=False)
class Policy:
    """A whole policy, checked. Two policies are equal when their digests are.

    Attributes:
        directory: where it was read from; the organisation's own, where there is one.
        cards: by card id.
        sysctl_cards: by sysctl key, or family of keys.
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

    def covering(self, key: str) -> str | None:
        """Return the name under which ``sysctl_cards`` covers a key: itself or its family; ``None`` where nothing does.

        Args:
            key: in its canonical spelling; ``{iface}`` in it stands for an interface.
        """
        if key in self.sysctl_cards:
            return key
        name = family(key)
        return name if name in self.sysctl_cards else None

    def card_of(self, key: str) -> Card | None:
        """Return the card that covers a sysctl key."""
        name = self.covering(key)
        return self.sysctl_cards[name] if name else None

    def effect_of(self, key: str) -> Effect | None:
        """Return when and where a change of a sysctl key is felt, ``None`` for a key that no card covers."""
        name = self.covering(key)
        return self.sysctl_cards[name].effect_of(name) if name else None

    def modules(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the kernel module that brings each of these sysctl keys, for those that a module brings.

        A module that depends on the value (``tcp_{value}``) is not here: the key is there without it, and the
        kernel asks for the module itself when the value is written.
        """
        effects = {key: self.effect_of(key) for key in keys}
        needed = {key: effect.needs_module for key, effect in effects.items() if effect}
        return {key: module for key, module in needed.items() if module and "{" not in module}

    def skippable(self, keys: Iterable[str]) -> dict[str, str]:
        """Return why a sysctl key may be skipped where the kernel lacks it, for those of which that is true."""
        reasons = {}
        for key in keys:
            effect = self.effect_of(key)
            if effect and effect.no_effect_since:
                reasons[key] = f"{key} has had no effect since Linux {effect.no_effect_since}"
            elif effect and effect.removed_in:
                reasons[key] = f"{key} was removed in Linux {effect.removed_in}"
        return reasons

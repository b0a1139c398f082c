# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The policy: what may be tuned, within which limits, by which profiles and rules, and with which tools."""

from __future__ import annotations

from .card import Card
from .errors import PolicyError
from .limits import Limits, Range
from .loader import load_policy
from .models import Adaptation, Constraint, Profile, Rules, ValidationLimits
from .policy import Policy

__all__ = [
    "Adaptation",
    "Card",
    "Constraint",
    "Limits",
    "Policy",
    "PolicyError",
    "Profile",
    "Range",
    "Rules",
    "ValidationLimits",
    "load_policy",
]

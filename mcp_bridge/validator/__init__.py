# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges plans by the policy, and brings them into canonical form."""

from __future__ import annotations

from .canonical_plan import link_changes, normal_form, profile_changes
from .validate import validate

__all__ = ["link_changes", "normal_form", "profile_changes", "validate"]

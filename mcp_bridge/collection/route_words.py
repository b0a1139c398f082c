# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a plan's routes."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._plan.form import with_taken_away
from ansible_collections.netopt.linux.plugins.module_utils._plan.routes import DEFAULT, DST, ROUTE_WORDS, ROUTES

__all__ = ["DEFAULT", "DST", "ROUTES", "ROUTE_WORDS", "with_taken_away"]

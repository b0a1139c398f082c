# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints the modules that reading the settings has imported."""

from __future__ import annotations

import sys

from mcp_bridge.settings import Settings

Settings.from_env()
print(*sys.modules)

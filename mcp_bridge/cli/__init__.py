# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command ``netopt``.

Exit status: 0 done; 1 refused, or failed with everything rolled back; 2 usage; 3 some hosts could not be rolled back.
"""

from __future__ import annotations

from mcp_bridge.cli.main import main

__all__ = ["main"]

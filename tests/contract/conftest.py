# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports ansible-core's loader first: it refuses to be imported once beartype, which fastmcp brings, hooks imports."""

from __future__ import annotations

import ansible.plugins.loader  # noqa: F401

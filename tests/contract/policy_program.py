# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Loads the policy that comes with the package that is installed, and prints where it is."""

from __future__ import annotations

from mcp_bridge.policy.loader import load_policy, policy_directory

load_policy()
print(policy_directory())

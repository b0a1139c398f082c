# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The sizes of a rollout's waves, and its limit of failures."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.plugin_utils._rollout_waves import ALL, WavesError, limit, most, sizes

__all__ = ["ALL", "WavesError", "limit", "most", "sizes"]
